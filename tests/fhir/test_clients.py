"""Clients that nobody here wrote: each searches, pages, reads, uploads and asks for a summary of a running server."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.fhir.asking import get, resources
from tests.fhir.foreign import HERE, java, node_modules
from tests.search_api.conftest import DOCTOR, TEXTS
from tests.search_api.world import World


@contextmanager
def serving(world: World) -> Iterator[str]:
    """The address of the world's FHIR, on the loopback interface."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(world.app, log_config=None, lifespan="on"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.02)
            assert server.started
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
        finally:
            server.should_exit = True
            thread.join(60)


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with serving(world) as base:
        yield base


def outcome(world: World, command: list[str], cwd: Path | None = None) -> Any:
    """What a client printed; its own complaint when it failed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=250, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    world.work()
    return told


def judged(world: World, told: Any, listed: list[str], language: str) -> None:
    """It saw every document one by one, read one, and what it sent is there with its words."""
    assert told["version"] == "4.0.1"
    assert told["pages"] == len(listed) >= len(TEXTS) - 1
    assert told["read"] == listed[0]
    assert told["sections"] == 12
    name = told["uploaded"].split("/_history")[0].split("DocumentReference/")[1]
    shown = get(world, f"/DocumentReference/{name}").json()
    assert (shown["docStatus"], shown["description"]) == ("final", language)
    assert b"Compte rendu envoy" in get(world, f"/Binary/{name}").content


def listed(world: World) -> list[str]:
    return [one["id"] for one in resources(get(world, "/DocumentReference?patient={marie}").json())]


def asked(world: World, address: str) -> list[str]:
    token = world.bearer(DOCTOR)["Authorization"].removeprefix("Bearer ")
    return [address, token, world.patients["marie"]]


def test_fhirclient_of_python(world: World, address: str) -> None:
    before = listed(world)
    told = outcome(world, [sys.executable, str(HERE / "python" / "client.py"), *asked(world, address)])
    judged(world, told, before, "Python")


def test_fhir_kit_client_of_javascript(world: World, address: str) -> None:
    before, folder = listed(world), node_modules()
    shutil.copy(HERE / "javascript" / "client.mjs", folder)  # imports are looked up beside it
    told = outcome(world, ["node", "client.mjs", *asked(world, address)], folder)
    judged(world, told, before, "JavaScript")


def test_hapi_of_java(world: World, address: str) -> None:
    before = listed(world)
    told = outcome(world, java("Client", *asked(world, address)))
    judged(world, told, before, "Java")
