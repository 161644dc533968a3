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
from dataclasses import dataclass, field
from pathlib import Path

import msgpack

from clinical import official
from ingest.sandbox.verdict import unavailable
from ocr.private import MEMORY, is_roomy

START = 60.0  # seconds; it takes two on a quiet machine
_PREFIX = "anamnese-sandbox-"
LARGE = str(16 << 20)  # bytes; from 4 MiB down, giving back costs a fifth more processor time
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TESSDATA_PREFIX", "LD_LIBRARY_PATH", "PYTHONPATH", "COVERAGE_PROCESS_START")
"""What the server gets of the environment: no setting of ours, hence no address, path of a key or password."""


Line = tuple[socket.socket, socket.socket]
"""The client's ends of a child's sockets: its answers; how it ended. Closing the second kills it."""


@dataclass(slots=True)
class _Running:
    """A server: how to speak to it, where its children's folders are, what it said it has."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    base: Path
    lock: int
    active: tuple[str, ...]
    waiting: list[Line] = field(default_factory=list)
    """Children that have no document yet: confined already, so that the next document waits for no fork."""


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

    def launch(self, request: bytes, data: int) -> Line:
        """Give a child its one request and the bytes in descriptor `data`. Raises Refusal "sandbox-unavailable".

        The child is the one that waits, if any; another then takes its place. It never had another document.
        """
        for _ in range(3):  # a child that waited may have been killed, then a server
            with self._lock:
                server = self._server()
                line = server.waiting.pop() if server.waiting else None
            try:
                line = line or _ask(server)
            except OSError:  # the server died since it was last looked at
                self._forget(server)
                continue
            if _give(line, request, data):
                self._replace(server)
                return line
        raise unavailable()

    def close(self) -> None:
        """End the server and the children that it has."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None and self._owner == os.getpid():
            _end(running)

    def _server(self) -> _Running:
        """The running server, under the lock. Another one when it ended, or when somebody wiped its folder."""
        running = self._running if self._owner == os.getpid() else None
        if running is not None:
            if running.process.poll() is None and running.base.is_dir():
                return running
            _end(running)
        self._running, self._owner = None, os.getpid()
        self._running = _start(self._module, self._more)
        return self._running

    def _replace(self, server: _Running) -> None:
        with self._lock:
            if self._running is server and not server.waiting:
                with suppress(OSError):
                    server.waiting.append(_ask(server))

    def _forget(self, server: _Running) -> None:
        with self._lock:
            if self._running is server:
                self._running = None
                _end(server)


def _ask(server: _Running) -> Line:
    """Have a child made."""
    answer, theirs = socket.socketpair()
    status, told = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, told:
        try:
            answer.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            socket.send_fds(server.control, [b"run"], [theirs.fileno(), told.fileno()])
        except OSError:
            _hang_up((answer, status))
            raise
    return answer, status


def _give(line: Line, request: bytes, data: int) -> bool:
    """Send a child its request; False, and nothing left of it, when it is gone."""
    try:
        sent = socket.send_fds(line[0], [request], [data])
        if sent < len(request):  # to send nothing fails too, once a quick child has answered and ended
            line[0].sendall(memoryview(request)[sent:])
    except OSError:
        _hang_up(line)
        return False
    return True


def _hang_up(line: Line) -> None:
    for end in line:
        end.close()


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
        "ORT_DISABLE_TELEMETRY": "1",  # read when onnxruntime is loaded: it would start a thread that calls home
        # A page's large arrays go back to the machine when they are freed: left to itself the C library soon keeps what
        # is under 32 MiB. A page of A4 at 300 dpi: 339 MiB at most instead of 428, in the same time.
        "MALLOC_MMAP_THRESHOLD_": LARGE,
        "MALLOC_TRIM_THRESHOLD_": LARGE,
        "TMPDIR": str(base),
        **({official.ENVIRONMENT: str(folder)} if (folder := official.current().folder) is not None else {}),
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
    for line in running.waiting:
        _hang_up(line)
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
