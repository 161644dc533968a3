"""What one child does: gives up its rights, reads the request, reads or draws one document, answers."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.page_image import page_image
from ingest.parse import told_pages_of
from ingest.parsers.port import KeptPage
from ingest.sandbox import wire
from ingest.sandbox.bounds import Bounds
from ingest.sandbox.confine import close_in, limit
from ocr.build import ocr_named
from ocr.null import NullOcr
from ocr.port import Ocr, ReadPicture

Send = Callable[[list[Any]], None]


def work(answer: socket.socket, folder: Path) -> None:
    """One child's life. It is confined before it waits, and waits for one request. Raises only before that."""
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    os.chdir(folder)
    close_in(folder)
    given = _request(answer)
    if given is None:  # the client has no document any more
        return
    request, data = given
    limit(Bounds(**request["bounds"]))

    def send(value: list[Any]) -> None:
        answer.sendall(wire.pack(value))

    try:
        TASKS[request["do"]](request, _content(data), folder, send)
    except SliceOver:
        send(["more"])
    except Refusal as refusal:
        send(["refusal", refusal.stage, refusal.code, refusal.message, refusal.remedy])
    except MemoryError:
        send(["failed", "memory"])
    except OSError:  # no room in the temporary folder, no more processes
        send(["failed", "machine"])
    except Exception:  # the parsers' defect, whatever it is: its text may quote the document
        send(["failed", "bug"])


class SliceOver(Exception):
    """Enough was read by OCR for one turn."""


class Metered:
    """An OCR engine that counts, and stops before the first picture of a page that is one too many for this turn.

    Without an engine, pictures cost nothing: they are not counted.
    """

    def __init__(self, ocr: Ocr, pages: int, seconds: float) -> None:
        self._ocr, self._pages, self._until = ocr, pages, time.monotonic() + seconds
        self.name = ocr.name
        self.was_used = False  # for the page that is being read

    def read(self, picture: Image.Image, dpi: float | None) -> ReadPicture:
        if self.name == NullOcr.name:
            return self._ocr.read(picture, dpi)
        if not self.was_used and (self._pages <= 0 or time.monotonic() > self._until):
            raise SliceOver
        self.was_used = True
        return self._ocr.read(picture, dpi)

    def turn_page(self) -> bool:
        """The page is read: whether OCR was used for it."""
        used, self.was_used = self.was_used, False
        self._pages -= used
        return used


def _read(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:
    bounds = Bounds(**request["bounds"])
    ocr = Metered(ocr_named(request["ocr"], folder), bounds.ocr_pages, bounds.slice)
    kept = frozenset(request["kept"])
    pages = told_pages_of(data, request["name"], ocr, Limits(**request["limits"]), kept.__contains__)
    while True:
        try:
            page = next(pages)
        except StopIteration as end:
            send(["end", wire.metadata_out(end.value)])
            return
        used = ocr.turn_page()
        send(["kept", page.number] if isinstance(page, KeptPage) else ["page", wire.page_out(page), used])


def _draw(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    picture = page_image(
        data,
        request["media_type"],
        request["number"],
        pictured=request["pictured"],
        text=request["text"],
        boxes=[(x0, y0, x1, y1) for x0, y0, x1, y1 in request["boxes"]],
    )
    send(["picture", picture])


TASKS: dict[str, Callable[[dict[str, Any], bytes, Path, Send], None]] = {"read": _read, "draw": _draw}


def _request(answer: socket.socket) -> tuple[dict[str, Any], int] | None:
    """The client's one frame, and the document's descriptor, which comes with its first byte.

    A word first, whose sender the kernel names: so the client learns whom to watch.
    """
    answer.sendall(wire.pack(["here"]))
    frames = wire.Frames()
    piece, given, _, _ = socket.recv_fds(answer, 65536, 1)
    while piece:
        for value in frames.feed(piece):
            return dict(value), given[0]
        piece = answer.recv(65536)
    return None


def _content(data: int) -> bytes:
    """The document, out of the memory that the client wrote it to."""
    size = os.fstat(data).st_size
    parts, at = [], 0
    while at < size:
        part = os.pread(data, min(size - at, 1 << 26), at)
        if not part:
            break
        parts.append(part)
        at += len(part)
    os.close(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)
