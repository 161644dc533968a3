"""A plain picture of a text that has none, so that a reader sees a page all the same.

The letters are pdfium's own Helvetica: Pillow's built-in font has no accent, and no font need be installed. Characters
outside Windows-1252 are drawn as their plain letter or as a middle dot; the stored text is not touched.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import pypdfium2 as pdfium
from fpdf import FPDF
from PIL import Image

from ingest.pdfium import LOCK
from records.content import Box

WIDTH = 1000  # pixels
MARGIN = 60
SIZE = 18
LEADING = 26
MOST_LINES = 400  # a text longer than this is drawn to here, and the picture says so
CUT = "[suite du texte non dessinée]"
_SIGNS = {"≥": ">=", "≤": "<=", "→": "->", "−": "-", "\u202f": " ", "\u2009": " ", "\t": "    ", "μ": "µ", "≈": "~"}
_MARK = (255, 236, 120)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the text on one drawn line: text[start:end], its top at `y` pixels."""

    start: int
    end: int
    y: float


def typeset(text: str, marks: Sequence[tuple[int, int]] = ()) -> Image.Image:
    """The text on a white page WIDTH pixels wide, the spans in `marks` (offsets) on yellow."""
    runs = _runs(text)
    cut = len(runs) > MOST_LINES
    height = max(400, 2 * MARGIN + LEADING * (min(len(runs), MOST_LINES) + cut))
    sheet = _sheet(height)
    sheet.set_fill_color(*_MARK)
    for x0, y0, x1, y1 in boxes_of(text, marks):
        sheet.rect(x0, y0, x1 - x0, y1 - y0, style="F")
    for run in runs[:MOST_LINES]:
        sheet.text(MARGIN, run.y + SIZE, _drawable(text[run.start : run.end]))
    if cut:
        sheet.text(MARGIN, runs[MOST_LINES].y + SIZE, CUT)
    data = bytes(sheet.output())
    with LOCK:
        document = pdfium.PdfDocument(data)
        try:
            image: Image.Image = document[0].render(scale=1).to_pil().convert("RGB")
            return image
        finally:
            document.close()


def boxes_of(text: str, spans: Sequence[tuple[int, int]]) -> list[Box]:
    """Boxes, on the picture that `typeset` draws, of spans of the text; a span over two lines has two boxes."""
    boxes: list[Box] = []
    for run in _runs(text)[:MOST_LINES] if spans else ():
        for start, end in spans:
            first, last = max(start, run.start), min(end, run.end)
            if first < last:
                left = MARGIN + _width(text[run.start : first])
                boxes.append((left, run.y, left + _width(text[first:last]), run.y + LEADING - 3))
    return boxes


def _runs(text: str) -> list[Run]:
    """Runs line by line, broken at spaces to fit the width; a word too long is broken anywhere. One more than drawn."""
    runs: list[Run] = []
    offset = 0
    for line in text.split("\n"):
        start = 0
        while len(runs) <= MOST_LINES:
            end = _fitting(line, start)
            runs.append(Run(offset + start, offset + end, MARGIN + LEADING * len(runs)))
            start = end + 1 if end < len(line) and line[end] == " " else end
            if start >= len(line):
                break
        offset += len(line) + 1
    return runs


def _fitting(line: str, start: int) -> int:
    """The end of the longest run from `start` that fits the width, at a space when there is one."""
    low, high = min(start + 1, len(line)), min(len(line), start + 400)
    while low < high:
        middle = (low + high + 1) // 2
        if _width(line[start:middle]) <= WIDTH - 2 * MARGIN:
            low = middle
        else:
            high = middle - 1
    if low < len(line):
        space = line.rfind(" ", start + 1, low + 1)
        return space if space > start else low
    return low


def _drawable(text: str) -> str:
    return "".join(map(_letter, text))


@lru_cache(maxsize=4096)
def _letter(char: str) -> str:
    """What is drawn for a character: itself, its plain letter, or a middle dot."""
    for candidate in (_SIGNS.get(char, char), unicodedata.normalize("NFKD", char)[:1]):
        try:
            candidate.encode("cp1252")
        except UnicodeEncodeError:
            continue
        return candidate if candidate.isprintable() else "·"
    return "" if unicodedata.combining(char) else "·"


def _width(text: str) -> float:
    return _ruler().get_string_width(_drawable(text))


@lru_cache(maxsize=1)
def _ruler() -> FPDF:
    return _sheet(400)


def _sheet(height: float) -> FPDF:
    """An empty page of WIDTH × height points, drawn later at one pixel a point."""
    sheet = FPDF(unit="pt", format=(WIDTH, height))
    sheet.core_fonts_encoding = "cp1252"
    sheet.set_auto_page_break(False)
    sheet.add_page()
    sheet.set_font("helvetica", size=SIZE)
    return sheet
