"""The real service and the real command, as processes, for tests that look at them from outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx


@dataclass(frozen=True)
class Home:
    """A home, and the environment that its commands run in."""

    path: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None

    def popen(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESE_")}
        own = {"ANAMNESE_HOME": str(self.path), "ANAMNESE_CACHE": os.environ["ANAMNESE_CACHE"]}
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            env={**kept, **own, **self.environment},
            cwd=self.cwd,
            text=True,
            **options,
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        with self.popen(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            out, err = process.communicate(timeout=240)
        assert process.returncode == code, err
        return out

    def json(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments, "--json", code=code).splitlines()]


@dataclass(frozen=True)
class Service:
    """A service that answers."""

    process: subprocess.Popen[str]
    http: httpx.Client

    def upload(self, patient_id: str, name: str, data: bytes, token: str) -> httpx.Response:
        return self.http.post(
            f"/v1/patients/{patient_id}/documents", files={"file": (name, data)}, headers=bearer(token)
        )

    def search(self, patient_id: str, query: str, token: str) -> dict[str, Any]:
        answer = self.http.post(f"/v1/patients/{patient_id}/search", json={"query": query}, headers=bearer(token))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def documents(self, patient_id: str, token: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        address: str | None = f"/v1/patients/{patient_id}/documents?limit=100"
        while address:
            page = self.http.get(address, headers=bearer(token)).json()
            found += page["documents"]
            address = (
                f"/v1/patients/{patient_id}/documents?limit=100&cursor={page['next']}" if page.get("next") else None
            )
        return found


def all_searchable(service: Service, patient_id: str, token: str) -> list[dict[str, Any]]:
    """The documents of a patient, once every one is searchable."""
    deadline = time.monotonic() + 120
    while True:
        listed = service.documents(patient_id, token)
        states = {document["state"] for document in listed}
        if states == {"searchable"}:
            return listed
        assert time.monotonic() < deadline, states
        time.sleep(0.1)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def serving(home: Home, **environment: str) -> Iterator[Service]:
    """`anamnese serve` on a free port, ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    again = Home(home.path, {**home.environment, **environment}, home.cwd)
    with (
        tempfile.TemporaryFile("w+") as log,  # a pipe that nobody reads is full after some 300 requests
        again.popen("serve", "--port", str(port), stderr=log) as process,
    ):
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
                _wait(process, log, http)
                yield Service(process, http)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait(process: subprocess.Popen[str], log: IO[str], http: httpx.Client) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log.seek(0)
            raise AssertionError(log.read())
        try:
            if http.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the service does not get ready")
