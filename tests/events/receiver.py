"""A real HTTP receiver that keeps what it got, and answers as it is told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def told(self) -> tuple[str, str | None, str | None]:
        """Kind, patient, document."""
        data = self.said["data"]
        return self.said["type"], data.get("patient"), data.get("document")


@dataclass
class Receiver:
    """`status` is answered with `headers`; while `held` is set, a request is answered by nobody."""

    url: str = ""
    port: int = 0
    got: list[Got] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    hold_from: int | None = None  # the number (from 1) of the first request that is not answered
    together: threading.Barrier | None = None  # its first requests are answered when all of them have arrived
    arrived: threading.Condition = field(default_factory=threading.Condition)
    released: threading.Event = field(default_factory=threading.Event)

    def told(self) -> list[tuple[str, str | None, str | None]]:
        return [each.told for each in self.got]

    def wait(self, count: int) -> None:
        """Until `count` requests have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= count, timeout=120)


@contextmanager
def receiving(context: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with receiver.arrived:
                receiver.got.append(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                number = len(receiver.got)
                receiver.arrived.notify_all()
            if receiver.hold_from is not None and number >= receiver.hold_from:
                receiver.released.wait(120)
                return
            if receiver.together is not None and number <= receiver.together.parties:
                receiver.together.wait(60)
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", port), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    receiver.url = f"{'https' if context else 'http'}://127.0.0.1:{receiver.port}/recu?de=anamnese"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
