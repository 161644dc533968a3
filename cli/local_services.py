"""Real services on this machine, for the tests and for `make demo ENGINE=opensearch`: OpenSearch, Redis, PostgreSQL.

Each is a child on the loopback interface and a free port, in a process group of its own, and dies with the thread that
started it (a parent killed outright leaves no orphan). As root, an unprivileged user runs it: OpenSearch refuses root.
No password: whoever may connect to this machine's loopback reads what is in them. Not for real patients.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from access.refusal import Refusal
from cli.opensearch_server import installed_server, java_home

HEAP = "1g"
BOOT_SECONDS = 240.0  # about 10 s on two idle cores; 42 s under a load of 4, past 120 under one of 15 (measured)
STOP_SECONDS = 15.0
UNPRIVILEGED = "nobody"
POSTGRESQL = Path("/usr/lib/postgresql")
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:-AlwaysPreTouch")  # 19 s of processor and 0.6 GB to boot, not 37 and 1.3

_OPENSEARCH_YML = """\
cluster.name: anamnese-local
node.name: local
discovery.type: single-node
network.host: 127.0.0.1
http.port: 0
transport.port: 0
node.portsfile: true
path.data: {data}
path.logs: {logs}
# A developer's disk is often over 90 % full; the default watermarks would make every index read-only.
cluster.routing.allocation.disk.threshold_enabled: false
# 64 words of a question, each with 3 forms of its own and 12 corrections of 3: 2,496 terms at most.
indices.query.bool.max_clause_count: 4096
"""


def cache_folder() -> Path:
    """Where downloads are kept: ANAMNESE_CACHE, else `.cache` beside the packages."""
    named = os.environ.get("ANAMNESE_CACHE")
    return Path(named) if named else Path(__file__).resolve().parents[1] / ".cache"


@contextmanager
def opensearch(cache: Path, data: Path | None = None, *, quick: bool = True) -> Iterator[str]:
    """Address of a single-node OpenSearch that answers; stopped on exit.

    `data` keeps the indices for the next run, in a folder that the services' user can reach; without it nothing stays.
    `quick` boots on half the processor time and answers a tenth slower: turn it off to measure.
    The first run downloads 160 MB. Dies with the calling thread: call it from one that lasts.
    """
    java = java_home()
    installed = installed_server(cache)
    with _run_folder("opensearch") as run:
        home = installed if _may_read(installed / "bin" / "opensearch") else _copied(installed, run / "home")
        folders = {"data": data.resolve() if data else run / "data", "logs": run / "logs", "tmp": run / "tmp"}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        configuration = _configuration(home, run / "config", folders["data"], folders["logs"], quick=quick)
        _give(run, *folders.values())
        if not _may_read(folders["data"]):
            raise Refusal(
                "start",
                "data-folder-closed",
                "Le dossier des données d'OpenSearch n'est pas accessible à l'utilisateur qui l'exécute.",
                "Placez-le hors d'un dossier réservé à root, ou lancez la commande sans être root.",
            )
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "OPENSEARCH_JAVA_HOME": str(java),
            "OPENSEARCH_PATH_CONF": str(configuration),
            "OPENSEARCH_TMPDIR": str(folders["tmp"]),
        }
        with _child([str(home / "bin" / "opensearch")], run, environment) as child:
            ports = folders["logs"] / "http.ports"
            address = _wait(child, run, "OpenSearch", lambda: _opensearch_address(ports))
            yield address


@contextmanager
def redis(port: int = 0) -> Iterator[str]:
    """Address of a redis-server that answers and writes nothing to disk; stopped on exit. Port 0 picks a free one."""
    server = shutil.which("redis-server")
    if server is None:
        raise Refusal(
            "start",
            "redis-missing",
            "Redis (commande redis-server) n'est pas installé.",
            "apt-get install redis-server",
        )
    port = port or _free_port()
    with _run_folder("redis") as run:
        _give(run)
        command = [server, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
        with _child([*command, "--dir", str(run)], run, {"PATH": os.environ.get("PATH", "")}) as child:
            _wait(child, run, "Redis", lambda: "ready" if _redis_answers(port, child.pid) else None)
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgresql(data: Path | None = None, *, password: str = "", port: int = 0) -> Iterator[str]:
    """Address of a database on a PostgreSQL of its own; stopped on exit. `data` keeps it for the next run, in a folder
    that the services' user can reach; without it nothing stays. `password`: of its one account, when it is made; empty:
    none is asked for."""
    programs = _postgresql_programs()
    port = port or _free_port()
    with _run_folder("postgresql") as run:
        folder = (data.resolve() if data else run / "data") / "cluster"
        folder.parent.mkdir(parents=True, exist_ok=True)
        (run / "password").write_text(password, encoding="utf-8")
        _give(run, folder.parent)
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        if not (folder / "PG_VERSION").exists():
            asked = ["--auth", "scram-sha-256", "--pwfile", run / "password"] if password else ["--auth", "trust"]
            text = ["--encoding", "UTF8", "--locale", "C"]
            made = ["--pgdata", folder, "--username", "anamnese", "--data-checksums"]
            _run(run, environment, programs / "initdb", *made, *text, *asked)
        options = ["-p", str(port), "-h", "127.0.0.1", "-k", "", "-N", "200"]
        command = [str(programs / "postgres"), "-D", str(folder), *options]
        with _child(command, run, environment, stop=signal.SIGINT) as child:
            ready = [str(programs / "pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(port)]
            _wait(child, run, "PostgreSQL", lambda: "ready" if _succeeds(ready) else None)
            yield f"postgresql://anamnese@127.0.0.1:{port}/postgres"


def _postgresql_programs() -> Path:
    """The newest PostgreSQL installed: Debian keeps its programs apart, by version."""
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).resolve().parent
    versions = [path for path in POSTGRESQL.glob("*/bin/postgres") if path.parts[-3].isdigit()]
    if not versions:
        raise Refusal(
            "start",
            "postgresql-missing",
            "PostgreSQL (commande postgres) n'est pas installé.",
            "apt-get install postgresql",
        )
    return max(versions, key=lambda path: int(path.parts[-3])).parent


def _run(run: Path, environment: dict[str, str], *command: object) -> None:
    """Run a program of a service to its end, as its user."""
    done = subprocess.run(
        [*_prefix(), *map(str, command)], cwd=run, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refusal(
            "start",
            "service-did-not-start",
            f"{command[0]} a échoué : {(done.stderr or done.stdout).strip()[-300:]}",
            "Vérifiez la place et les droits du dossier temporaire, puis relancez.",
        )


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode == 0


def _configuration(home: Path, folder: Path, data: Path, logs: Path, *, quick: bool) -> Path:
    """A copy of the shipped configuration whose paths are those of this run: the server's own folder is read-only."""
    shutil.copytree(home / "config", folder)
    (folder / "opensearch.yml").write_text(_OPENSEARCH_YML.format(data=data, logs=logs))
    options = folder / "jvm.options"
    shipped = options.read_text().splitlines()
    kept = [line for line in shipped if "logs/" not in line and "HeapDump" not in line and "-Xm" not in line]
    options.write_text("\n".join([*kept, f"-Xms{HEAP}", f"-Xmx{HEAP}", *(_QUICK if quick else ()), ""]))
    return folder


def _opensearch_address(ports: Path) -> str | None:
    """The address in the ports file, once the cluster behind it is at least yellow."""
    written = ports.read_text().split() if ports.is_file() else []
    if not written:
        return None
    address = f"http://{written[0]}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with suppress(urllib.error.URLError, OSError):
        direct.open(f"{address}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=3).close()
        return address
    return None


def _redis_answers(port: int, pid: int) -> bool:
    """Whether our own child answers: the port was free a moment ago, and someone else may have taken it since."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as line:
        line.sendall(b"INFO server\r\n")
        return f"process_id:{pid}\r\n".encode() in line.recv(65_536)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _run_folder(name: str) -> Iterator[Path]:
    """A folder of this run alone, gone afterwards. What parents killed outright have left goes first."""
    prefix = f"anamnese-{name}-"
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*-*"):
        owner = left.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))
    try:
        yield folder.resolve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _child(
    command: list[str], run: Path, environment: dict[str, str], stop: signal.Signals = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    """A service; asked to end by `stop` (PostgreSQL waits for its clients on SIGTERM, not on SIGINT)."""
    with (run / "output").open("wb") as output:
        child = subprocess.Popen(
            [*_prefix(), *command],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=run,
            start_new_session=True,  # a Ctrl-C meant for the demo stops it in order, not under its feet
        )  # fmt: skip
    try:
        yield child
    finally:
        _stop(child, stop)


def _prefix() -> list[str]:
    """setpriv gives the parent-death signal and, as root, another user; it is part of util-linux."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Refusal(
            "start", "setpriv-missing", "La commande setpriv n'est pas installée.", "apt-get install util-linux"
        )
    user = _other_user()
    as_other = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if user else []
    return [setpriv, *as_other, "--pdeathsig=KILL", "--"]


def _other_user() -> pwd.struct_passwd | None:
    """Who runs the services when we are root; None otherwise."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise Refusal(
            "start",
            "unprivileged-user-missing",
            f"OpenSearch ne s'exécute pas en tant que root, et l'utilisateur {UNPRIVILEGED} n'existe pas.",
            f"useradd --system {UNPRIVILEGED}, ou lancez la commande sans être root.",
        ) from None


def _may_read(path: Path) -> bool:
    """Whether the services' user reaches `path`: a clone under /root is closed to it."""
    return subprocess.run([*_prefix(), "test", "-r", str(path)], check=False, stdin=subprocess.DEVNULL).returncode == 0


def _copied(installed: Path, home: Path) -> Path:
    shutil.copytree(installed, home, symlinks=True)
    return home


def _give(*folders: Path) -> None:
    """Make the services' user the owner of these folders and of what is in them."""
    if (user := _other_user()) is None:
        return
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _wait(child: subprocess.Popen[bytes], run: Path, name: str, answer: Callable[[], str | None]) -> str:
    """What `answer` gives once it gives something; a Refusal with the last words of a child that ended."""
    deadline = time.monotonic() + BOOT_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        if (value := answer()) is not None:
            return value
        time.sleep(0.05)
    how = "s'est arrêté" if child.poll() is not None else f"ne répond pas après {BOOT_SECONDS:.0f} s"
    lines = (run / "output").read_text(errors="replace").strip().splitlines()
    faults = [line for line in lines if line.startswith(("Exception", "Error", "uncaught")) or "[ERROR]" in line]
    last = (faults or lines or [""])[0 if faults else -1]
    raise Refusal(
        "start",
        "service-did-not-start",
        f"{name} {how} au démarrage : {last[:300]}",
        "Vérifiez la mémoire libre (2 Go pour OpenSearch) et les droits du dossier temporaire, puis relancez.",
    )


def _stop(child: subprocess.Popen[bytes], first: signal.Signals) -> None:
    """Ask the process, or its whole group where it takes SIGTERM, wait, then insist."""
    for ask in (first, signal.SIGKILL):
        with suppress(ProcessLookupError):
            (os.kill if ask is signal.SIGINT else os.killpg)(child.pid, ask)
        with suppress(subprocess.TimeoutExpired):
            child.wait(STOP_SECONDS)
            return
