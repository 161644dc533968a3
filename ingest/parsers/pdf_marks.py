"""What a PDF page draws beside text: rules, and the comments that readers pinned to it. Hold `pdfium.LOCK`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import pypdfium2.raw as raw
from pypdfium2 import PdfiumError

from ingest.parsers.pdf_segments import Ink, Rule
from ingest.parsers.pdf_words import tidy
from ingest.pdfium import Frame, objects_of

_HEAVY = 3_000
"""Objects of a page from which pdfminer takes seconds (a logo of 7,000 inline pictures: 2 s; pdfium: 10 ms)."""
_COMMENTS = frozenset(
    {raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_HIGHLIGHT, raw.FPDF_ANNOT_UNDERLINE, raw.FPDF_ANNOT_STRIKEOUT}
)


def rules_of(page: Any, frame: Frame) -> tuple[list[Rule], bool]:
    """The horizontal lines and the horizontal edges of rectangles that a page draws.

    The flag says that there is more drawing than `_HEAVY` objects: the list ends there.
    """
    rules: list[Rule] = []
    for count, thing in enumerate(objects_of(page, 3)):
        if count > _HEAVY:
            return _joined(rules), True
        if thing.kind != raw.FPDF_PAGEOBJ_PATH:
            continue
        bounds = thing.bounds()
        if bounds is None:
            raise PdfiumError("Failed to locate pageobject.")
        x0, y0, x1, y1 = frame.box(*bounds)
        if x1 - x0 < 20 or y1 - y0 > 0.8 * frame.height:
            continue
        rules += [Rule(x0, x1, (y0 + y1) / 2)] if y1 - y0 < 4 else [Rule(x0, x1, y0), Rule(x0, x1, y1)]
    return _joined(rules), False


def _joined(rules: Sequence[Rule]) -> list[Rule]:
    """Borders drawn cell by cell as the lines that they make: ends within 3 points, heights within 1.5."""
    joined: list[Rule] = []
    for rule in sorted(rules, key=lambda one: (round(one.y / 1.5), one.x0)):
        last = joined[-1] if joined else None
        if last is not None and abs(last.y - rule.y) <= 1.5 and rule.x0 <= last.x1 + 3:
            joined[-1] = Rule(last.x0, max(last.x1, rule.x1), last.y)
        else:
            joined.append(rule)
    return joined


def notes_of(page: Any, frame: Frame) -> list[Ink]:
    """What readers wrote in comments on the page (sticky notes, highlights), one Ink a comment, at its place."""
    notes: list[Ink] = []
    for at in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, at)
        try:
            if raw.FPDFAnnot_GetSubtype(annotation) in _COMMENTS and (text := _contents(annotation)):
                rect = raw.FS_RECTF()
                raw.FPDFAnnot_GetRect(annotation, rect)
                box = frame.box(rect.left, rect.bottom, rect.right, rect.top)
                notes.append(Ink(text, box, box, box[3], box[3] - box[1]))
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    return notes


def _contents(annotation: Any) -> str:
    size = raw.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    raw.FPDFAnnot_GetStringValue(annotation, b"Contents", ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    text = buffer.raw[: size - 2].decode("utf-16-le", "replace")
    return " ".join(tidy(part) for part in text.split())
