"""The service as uvicorn runs it, over real sockets: slow senders, and what its logs hold."""

from __future__ import annotations

import json
import logging.config
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from search_api.app import create_app
from search_api.logs import configuration
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World

BOUNDARY = b"limite"
HEAD = b'--limite\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
TAIL = b"\r\n--limite--\r\n"


@pytest.fixture
def port(own_world: World) -> Iterator[int]:
    """A server with three threads, hence one place for uploads."""
    config = uvicorn.Config(
        create_app(own_world.services, threads=3), port=0, log_config=None, access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(timeout=20)


def request(world: World, length: int) -> bytes:
    lines = [
        f"POST {world.url('marie', '/documents')} HTTP/1.1",
        "Host: localhost",
        f"Authorization: {world.bearer(DOCTOR)['Authorization']}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}",
        f"Content-Length: {length}",
        "Connection: close",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def answer_of(connection: socket.socket) -> tuple[int, Any, bytes]:
    raw = b""
    while part := connection.recv(65536):
        raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body), head


def test_a_slow_upload_takes_one_place_and_leaves_the_others(own_world: World, port: int) -> None:
    body = HEAD + b"Un courrier qui arrive lentement." + TAIL
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(request(own_world, len(body)) + body[:90])
        partial, deadline = own_world.home / "blobs" / "partial", time.monotonic() + 60
        while not list(partial.iterdir()) and time.monotonic() < deadline:  # or the second may have the place before it
            time.sleep(0.01)
        with socket.create_connection(("127.0.0.1", port)) as second:
            second.sendall(request(own_world, len(body)) + body)
            status, problem, head = answer_of(second)
        assert (status, problem["code"]) == (503, "busy")
        assert b"server:" not in head.lower()
        slow.sendall(body[90:])
        assert answer_of(slow)[0] == 202


def test_an_upload_that_its_sender_abandons_leaves_nothing(own_world: World, port: int) -> None:
    before = set(own_world.services.blobs.walk())
    with socket.create_connection(("127.0.0.1", port)) as gone:
        gone.sendall(request(own_world, 10_000) + HEAD + b"Un courrier qui")
        time.sleep(0.3)
    deadline = time.monotonic() + 10
    partial = own_world.home / "blobs" / "partial"
    while list(partial.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(partial.iterdir()) == []
    assert set(own_world.services.blobs.walk()) == before


def test_the_log_settings_are_valid_and_quiet() -> None:
    logging_settings = configuration("json")
    logging.config.dictConfig(logging_settings)
    try:
        assert logging.getLogger("uvicorn.access").handlers == []
        assert logging.getLogger("anamnese.access").isEnabledFor(logging.INFO)
    finally:
        for name in logging_settings["loggers"]:
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.NOTSET)
