"""Where the picture of a page is: in the uploaded file itself, or in a file inside it (a PDF in a CDA document)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pypdfium2 as pdfium

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import (
    CDA,
    CMS,
    DICOM,
    DOCX,
    FHIR_JSON,
    FHIR_XML,
    HEAD,
    HL7,
    HTML,
    MAIL,
    ODT,
    PDF,
    RTF,
    TNEF,
    ZIP,
    media_type_of,
)
from ingest.parsers import archive, cda, dicom, fhir, hl7, html, mail, office, rtf, tnef
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

    Of a document with files inside, the pictured pages are those of these files in
    order. When their counts do not add up (a file that was read in part), there is no picture rather than a wrong one.
    """
    if media_type not in _EMBEDDED:
        return Picture(data, media_type, number)
    if number not in pictured:
        return None
    inside = list(_leaves(data, media_type, Limits().depth))
    if sum(count for _, _, count in inside) != len(pictured):
        return None
    place = pictured.index(number)
    for inner, kind, count in inside:
        if place < count:
            return Picture(inner, kind, place + 1)
        place -= count
    return None


def _leaves(data: bytes, media_type: str, depth: int) -> Iterator[tuple[bytes, str, int]]:
    """The files inside that have pictures, with their types and numbers of pages, however deep they stand."""
    with suppress(Refusal):
        for inner in _EMBEDDED[media_type](data):
            kind, count = _count(inner)
            if count:
                yield inner, kind, count
            elif kind in _EMBEDDED and depth > 1:
                yield from _leaves(inner, kind, depth - 1)


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


_EMBEDDED: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    CDA: cda.embedded_files,
    HL7: hl7.embedded_files,
    FHIR_JSON: fhir.embedded_files,
    FHIR_XML: fhir.embedded_files,
    HTML: html.embedded_files,
    ZIP: archive.embedded_files,
    MAIL: mail.embedded_files,
    CMS: mail.embedded_files,
    DOCX: office.embedded_files,
    ODT: office.embedded_files,
    RTF: rtf.embedded_files,
    DICOM: dicom.embedded_files,
    TNEF: tnef.embedded_files,
}
"""Kinds of documents with files inside, and how to get at these."""
