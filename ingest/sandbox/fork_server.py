"""The client's end of the fork server: starts it, starts it again when it is gone, asks it for children."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgpack

from ingest.sandbox.verdict import unavailable
from ocr.private import MEMORY, is_roomy

START = 60.0  # seconds; it takes two on a quiet machine
_PREFIX = "anamnese-sandbox-"
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TESSDATA_PREFIX", "LD_LIBRARY_PATH", "PYTHONPATH", "COVERAGE_PROCESS_START")
"""What the server gets of the environment: no setting of ours, hence no address, path of a key or password."""


@dataclass(slots=True)
class _Running:
    """A server: how to speak to it, where its children's folders are, what it said it has."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    base: Path
    lock: int
    active: tuple[str, ...]


class ForkServer:
    """Started at the first need, again after its death or in a forked copy of this process. Safe for threads.

    `module` is what Python runs as the server, with `more` in its environment; a test gives one whose children
    misbehave.
    """

    def __init__(self, module: str = "ingest.sandbox.server", more: Mapping[str, str] | None = None) -> None:
        self._module, self._more = module, dict(more or {})
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._owner = 0

    def active(self) -> tuple[str, ...]:
        """Names (`confine`) of what isolates children beyond limits. Refusal "sandbox-unavailable"."""
        with self._lock:
            return self._server().active

    def pid(self) -> int:
        """The server's process."""
        with self._lock:
            return self._server().process.pid

    def folder(self) -> Path:
        """Where each child has a folder of its own while it lives."""
        with self._lock:
            return self._server().base

    def launch(self, data: int) -> tuple[socket.socket, socket.socket]:
        """Fork a child over the bytes in descriptor `data`: the sockets on which it answers and its end is told.

        Closing the second kills the child. Raises Refusal "sandbox-unavailable".
        """
        with self._lock:
            server = self._server()
        try:
            return _ask(server, data)
        except OSError:  # it died since it was last looked at
            self._forget(server)
        with self._lock:
            server = self._server()
        try:
            return _ask(server, data)
        except OSError as error:
            raise unavailable() from error

    def close(self) -> None:
        """End the server and the children that it has."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None and self._owner == os.getpid():
            _end(running)

    def _server(self) -> _Running:
        """The running server, under the lock."""
        if self._running is not None and self._owner == os.getpid() and self._running.process.poll() is None:
            return self._running
        if self._running is not None and self._owner == os.getpid():
            _end(self._running)
        self._running, self._owner = None, os.getpid()
        self._running = _start(self._module, self._more)
        return self._running

    def _forget(self, server: _Running) -> None:
        with self._lock:
            if self._running is server:
                self._running = None
                _end(server)


def _ask(server: _Running, data: int) -> tuple[socket.socket, socket.socket]:
    """Send the request for a child; the client's ends of its sockets."""
    answer, theirs = socket.socketpair()
    status, told = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, told:
        try:
            answer.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            socket.send_fds(server.control, [b"run"], [data, theirs.fileno(), told.fileno()])
        except OSError:
            answer.close()
            status.close()
            raise
    return answer, status


def _start(module: str, more: Mapping[str, str]) -> _Running:
    sweep()
    base, lock = _folder()
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # One thread: OpenBLAS would start some at import, and a process with threads neither forks nor leaves safely.
    environment |= {
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OMP_THREAD_LIMIT": "1",
        "TMPDIR": str(base),
        **more,
    }
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno()), str(base)],
            cwd=base,
            env=environment | dict(more),
            pass_fds=(theirs.fileno(), lock),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    control.settimeout(START)
    try:
        ready = control.recv(4096)
    except OSError:
        ready = b""
    control.settimeout(None)
    running = _Running(process, control, base, lock, ())
    if not ready:
        _end(running)
        raise unavailable()
    running.active = tuple(str(name) for name in msgpack.unpackb(ready))
    return running


def _end(running: _Running) -> None:
    running.control.close()
    try:
        running.process.wait(10)
    except subprocess.TimeoutExpired:
        running.process.kill()
        running.process.wait()
    shutil.rmtree(running.base, ignore_errors=True)
    os.close(running.lock)


def _folder() -> tuple[Path, int]:
    """A private folder, in memory when there is room, locked as long as this process or the server lives."""
    while True:
        base = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=MEMORY if is_roomy() else None))
        lock = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            return base, lock
        os.close(lock)  # another's sweep was faster


def sweep() -> None:
    """Remove the folders whose client and server are both gone."""
    for place in {MEMORY, Path(tempfile.gettempdir())}:
        for folder in place.glob(f"{_PREFIX}*") if place.is_dir() else ():
            with suppress(OSError):
                lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.fstat(lock).st_uid == os.getuid():
                        shutil.rmtree(folder)
                finally:
                    os.close(lock)
