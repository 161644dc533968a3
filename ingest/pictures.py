"""Where the picture of a page is: in the uploaded file itself, or in a file inside it (a PDF in a CDA document)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pypdfium2 as pdfium

from access.refusal import Refusal
from ingest.media_type import CDA, HEAD, PDF, media_type_of
from ingest.parsers.cda import embedded_files
from ingest.pdfium import LOCK
from ingest.render import frames_of


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that can be drawn, and which of its pages (from 1)."""

    data: bytes
    media_type: str
    number: int


def picture_of(data: bytes, media_type: str, pictured: Sequence[int], number: int) -> Picture | None:
    """Where to draw page `number` from, of a reading whose `pictured` pages have a size; None: its text is typeset.

    Inside a CDA document, the pictured pages are those of its embedded files in
    order. When their counts do not add up (a file that was read in part), there is no picture rather than a wrong one.
    """
    if media_type != CDA:
        return Picture(data, media_type, number)
    if number not in pictured:
        return None
    inside = [(inner, kind, count) for inner in embedded_files(data) for kind, count in [_count(inner)] if count]
    if sum(count for _, _, count in inside) != len(pictured):
        return None
    place = pictured.index(number)
    for inner, kind, count in inside:
        if place < count:
            return Picture(inner, kind, place + 1)
        place -= count
    return None


def _count(data: bytes) -> tuple[str, int]:
    """Media type and pages of an embedded file; 0 for one without pictures, or that does not open."""
    try:
        kind = media_type_of(data[:HEAD])
        if kind.startswith("image/"):
            return kind, frames_of(data)
        if kind != PDF:
            return kind, 0
        with LOCK:
            document = pdfium.PdfDocument(data)
            try:
                return kind, len(document)
            finally:
                document.close()
    except (Refusal, pdfium.PdfiumError):
        return "", 0
