"""Born-digital PDF files of several layouts, made out of the texts of the samples: what the reader of PDFs is timed on.

| layout | pages | what is drawn |
|---|---|---|
| letter, two columns, lab table, ruled table, running head | 80 to 140 | the layouts of the samples, long documents |
| three columns, sidebar, form, list, dense print | 80 to 60 | drawn here, full pages |
| turned | 60 | letters with /Rotate 90 and 270 |
| embedded font | 40 | a subset font whose codes mean nothing without its ToUnicode table |
| runs that overlap | 20 | values set over the ends of their labels: what goes to pdfminer.six; not common |
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pypdfium2 as pdfium
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from samples.catalogue import drafts
from samples.heading import context_of
from samples.layout import LAYOUTS, draw
from samples.sheet import A4, Sheet
from samples.story import Draft, Kind

TURNED, UNCOMMON = "turned", "runs that overlap"
_SAMPLES = {"letter": 130, "columns": 100, "lab": 140, "table": 100, "banner": 80}
_NAMES = {"columns": "two columns", "lab": "lab table", "table": "ruled table", "banner": "running head"}
_MOST_TURNED, _A_FILE = 60, 5
_LAB = "11502-2"  # LOINC: laboratory report


@dataclass(frozen=True, slots=True)
class File:
    """A PDF, the layout of its pages, and their number."""

    layout: str
    data: bytes
    pages: int


def files() -> Iterator[File]:
    """All of them, 1,000 pages, the same at every run."""
    letters = []
    for layout, most in _SAMPLES.items():
        made = list(_of_samples(layout, most))
        letters += made if layout == "letter" else []
        yield from made
    taken = 0
    for at, letter in enumerate(letters):
        if taken + letter.pages <= _MOST_TURNED:
            taken += letter.pages
            yield File(TURNED, _turned(letter.data, 90 if at % 2 else 270), letter.pages)
    words = cycle(_texts(Kind.PARAGRAPH))
    for name, (page, count) in _DRAWN.items():
        for _ in range(count // _A_FILE):
            yield _drawn(name, page, words)


def _of_samples(layout: str, most: int) -> Iterator[File]:
    """Documents of the samples in one of their layouts, the longest first, as many as make `most` pages."""
    taken = 0
    for draft in sorted(_carers_drafts(), key=lambda one: -len(one.text)):
        if (layout == "lab") == (draft.type_code == _LAB) and taken < most:
            data, texts, _ = draw(context_of(draft), LAYOUTS[layout])
            if taken + len(texts) <= most:
                taken += len(texts)
                yield File(_NAMES.get(layout, layout), data, len(texts))


def _carers_drafts() -> list[Draft]:
    return [draft for draft in drafts() if draft.author != "patient"]


def _texts(kind: Kind) -> list[str]:
    return [block.text for draft in drafts() for block in draft.blocks if block.kind is kind]


def _turned(data: bytes, rotation: int) -> bytes:
    document = pdfium.PdfDocument(data)
    for page in document:
        page.set_rotation(rotation)
    out = io.BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


Page = Callable[[Sheet, Iterator[str]], None]


def _drawn(layout: str, page: Page, words: Iterator[str]) -> File:
    sheet = Sheet("Helvetica", 10, drafts()[0].day, layout, "Anamnèse")
    for number in range(1, _A_FILE + 1):
        sheet.new_page()
        sheet.font("B", 13)
        sheet.put(50, 40, "Centre hospitalier des Trois-Rivières")
        page(sheet, words)
        sheet.font("", 7.5)
        sheet.put(A4[0] / 2, A4[1] - 24, f"Document confidentiel - page {number}/{_A_FILE}", "C")
    data, _ = sheet.finish()
    return File(layout, data, _A_FILE)


def _column(sheet: Sheet, words: Iterator[str], x: float, width: float, top: float = 80.0, mark: str = "") -> None:
    """Paragraphs down to the foot of the page."""
    leading, y = sheet.pdf.font_size_pt * 1.25, top
    while y < A4[1] - 60:
        for at, line in enumerate(sheet.wrap(next(words), width)):
            if y < A4[1] - 60:
                sheet.put(x + (10 if mark else 0), y, line)
                if mark and at == 0:
                    sheet.put(x, y, mark)
                y += leading
        y += leading / 3


def _three_columns(sheet: Sheet, words: Iterator[str]) -> None:
    sheet.font("", 9)
    for x in (45, 220, 395):
        _column(sheet, words, x, 155)


def _dense(sheet: Sheet, words: Iterator[str]) -> None:
    sheet.font("", 6)
    _column(sheet, words, 40, 515)


def _list(sheet: Sheet, words: Iterator[str]) -> None:
    sheet.font("", 9.5)
    _column(sheet, words, 50, 480, mark="•")


def _sidebar(sheet: Sheet, words: Iterator[str]) -> None:
    sheet.font("", 7)
    for at in range(14):
        y = 90 + 44 * at
        for step, line in enumerate((f"Dr Anne DURAND-{at}", "Praticien hospitalier", f"Tél. 01 02 03 04 {at:02}")):
            sheet.put(35, y + 9 * step, line)
    sheet.font("", 10.5)
    _column(sheet, words, 165, 380)


def _form(sheet: Sheet, words: Iterator[str]) -> None:
    for row in range(26):
        y = 90 + 26 * row
        for x in (50, 310):
            sheet.font("B", 9)
            sheet.put(x, y, f"Rubrique {row + 1} :")
            sheet.font("", 9)
            sheet.put(x + 85, y, sheet.wrap(next(words), 145)[0])
        sheet.rule(50, y + 8, A4[0] - 50)


def _overlapping(sheet: Sheet, words: Iterator[str]) -> None:
    """The blanks that end a label's run lie under the value."""
    sheet.font("", 10)
    for row in range(40):
        label = sheet.wrap(next(words), 200)[0]
        sheet.put(50, 80 + 17 * row, f"{label}      :")
        sheet.put(50 + sheet.width(label) + 3, 80 + 17 * row, f"{row + 12},5 mg/L")


def _embedded(sheet: Sheet, words: Iterator[str]) -> None:
    if "boxes" not in sheet.pdf.fonts:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "boxes.ttf")
            path.write_bytes(_font())
            sheet.pdf.add_font("boxes", fname=path)
    sheet.font("", 10, "boxes")
    _column(sheet, words, 50, 490)


def _font() -> bytes:
    """A TrueType font whose letters are boxes, of the widths that letters have."""
    characters = [chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x180), *map(ord, "–—‘’“”•…€→≤≥"))]
    names = {ord(one): f"g{ord(one)}" for one in characters}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    widths = {name: 260 if chr(code) in " iljtfrI.,:;'" else 550 for code, name in names.items()} | {".notdef": 500}
    pen = TTGlyphPen(None)
    pen.moveTo((50, 0))
    for corner in ((50, 600), (210, 600), (210, 0)):
        pen.lineTo(corner)
    pen.closePath()
    box, blank = pen.glyph(), TTGlyphPen(None).glyph()
    builder.setupGlyf({name: blank if name == "g32" else box for name in (".notdef", *names.values())})
    builder.setupHorizontalMetrics({name: (width, 50) for name, width in widths.items()})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=900, usWinDescent=250)
    builder.setupPost()
    out = io.BytesIO()
    builder.save(out)
    return out.getvalue()


_DRAWN: dict[str, tuple[Page, int]] = {
    "three columns": (_three_columns, 80),
    "sidebar": (_sidebar, 60),
    "form": (_form, 60),
    "list": (_list, 70),
    "dense print": (_dense, 60),
    "embedded font": (_embedded, 40),
    UNCOMMON: (_overlapping, 20),
}
