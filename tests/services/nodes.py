"""An OpenSearch of three nodes on the loopback interface, each a process that a test may kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cli import local_services as local
from cli.opensearch_server import installed_server, java_home

HEAP = "512m"
_YML = """\
cluster.name: anamnese-{run}
node.name: {name}
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
discovery.seed_hosts: [{peers}]
cluster.initial_cluster_manager_nodes: [node-0, node-1, node-2]
path.data: {data}
path.logs: {logs}
cluster.routing.allocation.disk.threshold_enabled: false
indices.query.bool.max_clause_count: 4096
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its address, its process."""

    url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


@contextmanager
def three_nodes(cache: Path) -> Iterator[list[Node]]:
    """The nodes, once they are one cluster; all stopped on exit."""
    installed = installed_server(cache)
    ports = [(local._free_port(), local._free_port()) for _ in range(3)]
    peers = ", ".join(f'"127.0.0.1:{transport}"' for _, transport in ports)
    with ExitStack() as held:
        run = held.enter_context(local._run_folder("opensearch"))
        home = (
            installed if local._may_read(installed / "bin" / "opensearch") else local._copied(installed, run / "home")
        )
        nodes = []
        for number, (http, transport) in enumerate(ports):
            place = run / f"node-{number}"
            folders = {name: place / name for name in ("data", "logs", "tmp")}
            for folder in folders.values():
                folder.mkdir(parents=True)
            configuration = local._configuration(home, place / "config", folders["data"], folders["logs"], quick=True)
            text = _YML.format(
                run=os.getpid(), name=f"node-{number}", http=http, transport=transport, peers=peers,
                data=folders["data"], logs=folders["logs"],
            )  # fmt: skip
            (configuration / "opensearch.yml").write_text(text)
            options = configuration / "jvm.options"
            options.write_text(options.read_text().replace(local.HEAP, HEAP))
            local._give(run, place, *folders.values())
            environment = {
                "PATH": os.environ.get("PATH", ""),
                "OPENSEARCH_JAVA_HOME": str(java_home()),
                "OPENSEARCH_PATH_CONF": str(configuration),
                "OPENSEARCH_TMPDIR": str(folders["tmp"]),
            }
            process = held.enter_context(local._child([str(home / "bin" / "opensearch")], place, environment))
            nodes.append(Node(f"http://127.0.0.1:{http}", process))
        local._wait(nodes[0].process, run / "node-0", "OpenSearch", lambda: nodes[0].url if _whole(nodes[0]) else None)
        yield nodes


def _whole(node: Node) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with suppress(OSError, ValueError):
        health = json.load(direct.open(f"{node.url}/_cluster/health", timeout=3))
        return bool(health["number_of_nodes"] == 3 and health["status"] != "red")
    return False
