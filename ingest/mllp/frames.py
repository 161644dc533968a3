"""MLLP frames: <VT> message <FS><CR>, out of bytes that arrive in pieces (HL7 v2 Implementation Guide, appendix C).

Bytes between frames are dropped: some senders send line ends there. A frame has a size and a time; what goes over one
of them ends the connection, since nothing tells where its next frame would begin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

START, END = b"\x0b", b"\x1c\r"
_PIECE = 64 * 1024


class Broken(Exception):
    """The stream cannot be followed any further. `code`: "too-large", "too-slow" or "cut"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def framed(message: bytes) -> bytes:
    """A message as a frame."""
    return START + message + END


def frames_of(
    receive: Callable[[int, float | None], bytes], *, largest: int, seconds: float, clock: Callable[[], float]
) -> Iterator[bytes]:
    """The messages of a connection until its end; Broken in the middle of one.

    `receive(most, within)` gives at most so many bytes, b"" at the end, and raises TimeoutError when none come within
    so many seconds (None: as long as a connection may be silent). `largest`: bytes of a message. `seconds`: from its
    first byte to its last.
    """
    pending = bytearray()
    while True:
        at = pending.find(START)
        del pending[: at if at >= 0 else len(pending)]
        if not pending:
            try:
                pending += receive(_PIECE, None)
            except TimeoutError:
                return
            if not pending:
                return
            continue
        ends, searched = clock() + seconds, 0
        while (at := pending.find(END, searched)) < 0:
            if len(pending) > largest + len(START):
                raise Broken("too-large")
            searched = max(0, len(pending) - 1)
            pending += _more(receive, ends - clock())
        if at > largest + len(START):
            raise Broken("too-large")
        yield bytes(pending[1:at])
        del pending[: at + len(END)]


def _more(receive: Callable[[int, float | None], bytes], left: float) -> bytes:
    if left <= 0:
        raise Broken("too-slow")
    try:
        piece = receive(_PIECE, left)
    except TimeoutError:
        raise Broken("too-slow") from None
    if not piece:
        raise Broken("cut")
    return piece
