"""The door to the sandbox: read a document page by page, or draw one of its pages, in a child of its own.

    sandbox = Sandbox()
    for said in sandbox.read(chunks, "scan.pdf", ocr="tesseract 5.3.0 fra+eng", limits=Limits()):
        ...                                   # PageRead | KeptPage, then Ended, or More
    png = sandbox.draw(chunks, "application/pdf", 3, pictured=(1, 2, 3), text="", boxes=())

Raises the Refusals that reading raises (checked: a child may say anything), those of `verdict`, and `ChildLost`.
"""

from __future__ import annotations

import atexit
import dataclasses
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.parsers.port import KeptPage
from ingest.sandbox import confine, verdict, wire
from ingest.sandbox.bounds import Bounds
from ingest.sandbox.fork_server import ForkServer
from ingest.sandbox.room import Crowded, Place, Room
from ingest.sandbox.run import Run
from records.content import Box, Metadata, Page

DRAWINGS = 4  # children that draw at the same time; each may take a hundred megabytes
_TEXT = 4_000  # characters of a Refusal's sentence


@dataclass(frozen=True, slots=True)
class PageRead:
    """A page, and whether OCR was used for it: such a page is worth keeping."""

    page: Page
    by_ocr: bool


@dataclass(frozen=True, slots=True)
class More:
    """The turn is over before the document is: the next one passes over what was kept."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The last page was read."""

    metadata: Metadata


Said = PageRead | KeptPage | More | Ended


@dataclass(frozen=True, slots=True)
class Isolation:
    """What holds a child besides its limits; names of `confine`."""

    active: tuple[str, ...]

    def sentence(self) -> str:
        """For /readyz and `anamnese config`."""
        parts = [
            "réseau coupé par espace de noms"
            if confine.NETWORK in self.active
            else "réseau coupé par seccomp"
            if confine.CALLS in self.active
            else "",
            "processus séparés" if confine.PROCESSES in self.active else "",
            "fichiers fermés par Landlock" if confine.FILES in self.active else "",
            "appels système filtrés par seccomp" if confine.CALLS in self.active else "",
        ]
        return ", ".join(filter(None, parts)) or "limites seulement"


class Sandbox:
    """Children for documents. Safe for threads; each process that uses it has a fork server of its own."""

    def __init__(self, bounds: Bounds = Bounds(), server: ForkServer | None = None) -> None:
        self._bounds = bounds
        self.server = server or ForkServer()
        self._room = Room(bounds.memory)
        self._drawings = threading.BoundedSemaphore(DRAWINGS)

    def isolation(self) -> Isolation:
        """What is active here. Starts the fork server; Refusal "sandbox-unavailable"."""
        return Isolation(self.server.active())

    def close(self) -> None:
        """End the fork server; the next use starts another."""
        self.server.close()

    def read(
        self, chunks: Iterable[bytes], name: str, *, ocr: str, limits: Limits, kept: Iterable[int] = ()
    ) -> Iterator[Said]:
        """Pages in order as they are read, those already `kept` passed over; then Ended or More.

        chunks  the document's bytes, copied to memory that the child shares
        ocr     the full name of the OCR engine
        """
        request = {"do": "read", "name": name, "ocr": ocr, "limits": dataclasses.asdict(limits)}
        passed = set(kept)
        with _in_memory(chunks) as data, self._room.place() as place:
            while True:
                try:
                    with self._run(data, request | {"kept": sorted(passed)}, place) as run:
                        for value in run.values():
                            said = _said(value)
                            if isinstance(said, PageRead):
                                passed.add(said.page.number)
                            yield said
                            if isinstance(said, Ended | More):
                                return
                except Crowded:
                    place.wait()

    def draw(
        self,
        chunks: Iterable[bytes],
        media_type: str,
        number: int,
        *,
        pictured: Sequence[int],
        text: str,
        boxes: Sequence[Box],
    ) -> bytes:
        """Page `number` as PNG; see `page_image`."""
        request = {
            "do": "draw",
            "media_type": media_type,
            "number": number,
            "pictured": list(pictured),
            "text": text,
            "boxes": [list(box) for box in boxes],
        }
        with self._drawings, _in_memory(chunks) as data, self._room.place(urgent=True) as place:
            while True:
                try:
                    with self._run(data, request, place) as run:
                        for value in run.values():
                            match value:
                                case ["picture", bytes(picture)]:
                                    return picture
                                case _:
                                    _said(value)
                except Crowded:
                    place.wait()

    @contextmanager
    def _run(self, data: int, request: dict[str, Any], place: Place) -> Iterator[Run]:
        whole = request | {"bounds": dataclasses.asdict(self._bounds)}
        with Run(self.server, data, whole, self._bounds, place.use) as run:
            try:
                yield run
            except wire.Nonsense as error:
                raise verdict.parser_failed() from error


@cache
def shared_sandbox() -> Sandbox:
    """This process's own, for benches and tests that bring none; it holds nothing of any patient between documents."""
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox


def _said(value: list[Any]) -> Said:
    """One of the child's words; a Refusal is raised."""
    match value:
        case ["page", page, bool(by_ocr)]:
            return PageRead(wire.page_in(page), by_ocr)
        case ["kept", int(number)]:
            return KeptPage(number)
        case ["more"]:
            return More()
        case ["end", metadata]:
            return Ended(wire.metadata_in(metadata))
        case ["refusal", str(stage), str(code), str(message), str(remedy)] if len(message) + len(remedy) < _TEXT:
            raise Refusal(stage[:40], code[:60], message, remedy)
        case _:
            raise wire.Nonsense


@contextmanager
def _in_memory(chunks: Iterable[bytes]) -> Iterator[int]:
    """A descriptor of anonymous memory that holds the bytes: nothing of them is ever a file."""
    data = os.memfd_create("document", os.MFD_CLOEXEC)
    try:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[os.write(data, view) :]
        yield data
    finally:
        os.close(data)
