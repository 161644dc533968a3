"""The API under uvicorn with a worker, as clients meet it; and their package, tried against it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import uvicorn
from fastapi import APIRouter

from anamnese_client import Client
from ingest.bulk import run
from records import bulks
from search_api.app import create_app
from search_api.bulk_sent import sent_taker
from tests.search_api.conftest import closed_home, own_world, world
from tests.search_api.world import World

__all__ = ["closed_home", "own_world", "world"]


@dataclass(frozen=True)
class Served:
    """A running service."""

    base: str
    world: World
    wake: Callable[[], None]
    held: threading.Event
    """While it is set, what was sent to be imported waits."""

    def token(self, rpps: str | None = None, **claims: Any) -> str:
        return self.world.bearer(rpps, **claims)["Authorization"].removeprefix("Bearer ")

    @contextmanager
    def client(self, rpps: str | None = None, *, base: str = "", attempts: int = 4, **claims: Any) -> Iterator[Client]:
        with Client(base or self.base, self.token(rpps, **claims), attempts=attempts) as opened:
            yield opened


def import_waiting(world: World) -> None:
    """What the thread beside the service does."""
    with world.bench.records.read() as tx:
        waiting = [each.bulk_id for each in bulks.every(tx) if each.state == "running"]
    for name in waiting:
        run(world.bench, name, sent_taker(world.bench), moved=lambda: None, stop=lambda: False)


@contextmanager
def serving(world: World, *more: APIRouter) -> Iterator[Served]:
    wake, over, held = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        while True:
            wake.wait()
            wake.clear()
            if over.is_set():
                return
            if not held.is_set():
                import_waiting(world)
            world.work()

    worker = threading.Thread(target=work)
    app = create_app(replace(world.services, wake=wake.set))
    for router in more:
        app.include_router(router)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        worker.start()
        thread.start()
        try:
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", world, wake.set, held)
        finally:
            server.should_exit = True
            thread.join(60)
            over.set()
            wake.set()
            worker.join(60)


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[Served]:
    """For tests that add documents and entries of the journal, and stand in nobody's way."""
    with serving(world) as running:
        yield running


Through = Callable[[int, bytes], "Way"]


@dataclass
class Way:
    """A way to the service that fails at first. `tries`: requests that came by."""

    base: str
    tries: int = 0


@pytest.fixture
def through(served: Served) -> Iterator[Through]:
    """`through(times, answer)`: the first `times` requests reach the service, and then `answer` comes back in place of
    what it said; nothing at all where `answer` is empty. Later ones pass."""
    stops: list[Callable[[], None]] = []
    host, port = served.base.removeprefix("http://").split(":")

    def made(times: int, answer: bytes) -> Way:
        listener = socket.create_server(("127.0.0.1", 0))
        way = Way(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def run() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                way.tries += 1
                with client, socket.create_connection((host, int(port))) as server:
                    client.settimeout(60)
                    server.sendall(_request(client))
                    told = _answer(server)
                    client.sendall(answer if way.tries <= times else told)

        thread = threading.Thread(target=run)
        thread.start()

        def stop() -> None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(60)

        stops.append(stop)
        return way

    yield made
    for stop in stops:
        stop()


def _request(client: socket.socket) -> bytes:
    """One request with `Connection: close`, so that a connection is one try."""
    head, _, body = _until(client, b"\r\n\r\n").partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while body is not None and len(body) < (lengths or [0])[0]:
        body += client.recv(65536)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


def _until(client: socket.socket, mark: bytes) -> bytes:
    got = b""
    while mark not in got:
        part = client.recv(65536)
        if not part:
            break
        got += part
    return got


def _answer(server: socket.socket) -> bytes:
    got = b""
    while part := server.recv(65536):
        got += part
    return got
