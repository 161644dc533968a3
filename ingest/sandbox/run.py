"""One child as its client sees it: the request goes in, checked values come out, within bounds."""

from __future__ import annotations

import array
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import msgpack

from ingest.sandbox import verdict, wire
from ingest.sandbox.bounds import Bounds
from ingest.sandbox.fork_server import ForkServer
from ingest.sandbox.verdict import ChildLost, Ending
from ingest.sandbox.watch import use_of

TICK = 0.05  # seconds between two looks at what the child uses (80 µs each); it may grow by 100 MB between them
AGAIN, LOOKS = 0.01, 20
"""Seconds between, and how many, further looks before a child with programs is too large: until a program has begun
(vfork), it is told with its parent's memory as its own, and a child of 600 MiB seems to take twice that."""
LAST_WORD = 30.0  # seconds that a child which closed its answer has to end
HERE = ["here"]
"""A child's first word, for the kernel to tell who it is."""
_PIECE = 256 * 1024
_SENDER = struct.Struct("3i")


def _alone(memory: int) -> None:
    """No other child counts."""


class Run:
    """A child for one document, in a `with`: however it is left, the child and all that it started are killed."""

    def __init__(
        self,
        server: ForkServer,
        data: int,
        request: dict[str, Any],
        bounds: Bounds,
        using: Callable[[int], None] = _alone,
    ) -> None:
        """`using` is told, at each look, how many bytes are resident; what it raises ends the child."""
        self._bounds, self._using = bounds, using
        self._answer, self._status = server.launch(wire.pack(request), data)
        self._started = self._looked = time.monotonic()
        self.child = 0  # its process, once it spoke
        self._accepted = 0
        self._frames = wire.Frames()
        self.peak = 0
        """Bytes resident at most, as seen so far, Tesseract included; exact for the child after `finish`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._answer.close()
        self._status.close()

    def values(self) -> Iterator[list[Any]]:
        """What the child says. Its failures come out as Refusals and ChildLost; the caller stops at a last word."""
        while True:
            self._wait()
            piece = self._receive()
            if not piece:
                raise self._ended()
            self._accepted += len(piece)
            if self._accepted > self._bounds.answer:
                raise verdict.too_much_text()
            try:
                for value in self._frames.feed(piece):
                    if value != HERE:
                        yield self._meant(value)
            except wire.Nonsense as error:
                raise verdict.parser_failed() from error

    def finish(self) -> None:
        """Wait for the end of a child that said its last word, to know what it used: for measures and tests."""
        ending = self._ending()
        if ending is not None:
            self.peak = max(self.peak, ending.memory)

    def _wait(self) -> None:
        """Until the child says something, looking now and then at what it uses."""
        while True:
            ready, _, _ = select.select([self._answer], [], [], TICK)
            now = time.monotonic()
            if now - self._looked >= TICK:
                self._looked = now
                self._look(now - self._started)
            if ready:
                return

    def _look(self, elapsed: float) -> None:
        if elapsed > self._bounds.wall:
            raise ChildLost("wall clock")
        if not self.child:
            return
        use = use_of(self.child)
        for _ in range(LOOKS):
            if use.memory <= self._bounds.memory or use.processes == 1:
                break
            time.sleep(AGAIN)
            use = use_of(self.child)
        self.peak = max(self.peak, use.memory)
        if use.cpu > self._bounds.cpu:
            raise verdict.too_slow(self._bounds)
        if use.memory > self._bounds.memory:
            raise verdict.too_much_memory(self._bounds)
        if use.processes > self._bounds.processes:
            raise verdict.parser_failed()
        self._using(use.memory)

    def _receive(self) -> bytes:
        """The next piece; the kernel says which process sent it, by its number in this process's eyes."""
        try:
            piece, extra, _, _ = self._answer.recvmsg(_PIECE, socket.CMSG_SPACE(_SENDER.size))
        except OSError:
            return b""
        for level, kind, value in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS and not self.child:
                self.child = _SENDER.unpack(value[: _SENDER.size])[0]
            elif level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                _close_all(value)
        return piece

    def _meant(self, value: Any) -> list[Any]:
        if not isinstance(value, list) or not value or not isinstance(value[0], str):
            raise wire.Nonsense
        if value[0] == "failed":
            raise self._failure(value[1:])
        return value

    def _failure(self, why: list[Any]) -> Exception:
        if why == ["memory"]:
            return verdict.too_much_memory(self._bounds)
        return ChildLost("system error") if why == ["machine"] else verdict.parser_failed()

    def _ended(self) -> Exception:
        """Why the child is silent."""
        ending = self._ending()
        if ending is None:
            return ChildLost("fork server gone")
        self.peak = max(self.peak, ending.memory)
        return verdict.judge(ending, self._bounds)

    def _ending(self) -> Ending | None:
        """As the fork server tells it; None when it is gone. Refusal when it could not fork."""
        ready, _, _ = select.select([self._status], [], [], LAST_WORD)
        try:
            told = self._status.recv(4096) if ready else b""
        except OSError:
            told = b""
        if not told:
            return None
        report = msgpack.unpackb(told)
        if report is None:
            raise verdict.unavailable()
        status, cpu, kibibytes = report
        return Ending(status, cpu, kibibytes * 1024)


def _close_all(value: bytes) -> None:
    """Descriptors that a child had no reason to send."""
    given = array.array("i")
    given.frombytes(value[: len(value) - len(value) % given.itemsize])
    for one in given:
        os.close(one)
