"""The words of a PDF page with their boxes, as pdfium or pdfminer.six gives them.

Both give page units: points, origin at the top left of the crop box, as the page is displayed. Hold `pdfium.LOCK`.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pypdfium2.raw as raw
from pdfminer.converter import PDFPageAggregator
from pdfminer.layout import LAParams, LTAnno, LTChar, LTContainer, LTTextLine
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage

from ingest.parsers.pdf_layout import Ink, Rule
from ingest.pdfium import Frame
from records.content import Box

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\ufffe": "-", "\x02": "-"}
)
"""Shapes of letters, not letters: undone so that a search finds "réflexe". pdfium writes a hyphen at a line's end as
U+FFFE or U+0002."""
_BROKEN = "\x02\ufffe"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\uffff\ud800-\udfff]")
_HEAVY = 3_000
"""Objects of a page from which pdfminer takes seconds (a logo of 7,000 inline pictures: 2 s; pdfium: 10 ms)."""
_COMMENTS = frozenset(
    {raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_HIGHLIGHT, raw.FPDF_ANNOT_UNDERLINE, raw.FPDF_ANNOT_STRIKEOUT}
)
_SPACES = frozenset(" \t\r\n\x0b\x0c\u00a0\u2002\u2003\u2007\u2009\u200b\u202f\u3000")


class _Chars:
    """A word being gathered."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.boxes: list[tuple[float, float, float, float]] = []
        self.first: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)  # origin x, y, size, clockwise angle

    def add(self, text: str, box: tuple[float, float, float, float]) -> None:
        self.text.append(text)
        self.boxes.append(box)


def pdfium_words(textpage: Any, frame: Frame) -> list[Ink]:
    """Words of a page's text layer, in the order of the file, invisible ones included."""
    words: list[Ink] = []
    word = _Chars()
    for at in range(raw.FPDFText_CountChars(textpage)):
        code = raw.FPDFText_GetUnicode(textpage, at)
        text = chr(code) if code < 0x110000 else "\ufffd"
        if text in _SPACES or (raw.FPDFText_IsGenerated(textpage, at) == 1 and text not in "-\x02\ufffe"):
            _close(words, word, frame)
            word = _Chars()
            continue
        if code == 0 or raw.FPDFText_HasUnicodeMapError(textpage, at) == 1:
            text = "\ufffd"
        if not word.text:
            word.first = _origin(textpage, at)
        word.add(text, _char_box(textpage, at))
        if text in _BROKEN:  # the rest of the word stands on the next line
            _close(words, word, frame)
            word = _Chars()
    _close(words, word, frame)
    return _without_doubles(words)


def _char_box(textpage: Any, at: int) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of a letter's place on its line (advance and height of the font), in PDF space.

    A font that states absurd heights gets the box of its ink instead.
    """
    loose, size = raw.FS_RECTF(), raw.FPDFText_GetFontSize(textpage, at)
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(textpage, at, left, right, bottom, top)
    ink = left.value, bottom.value, right.value, top.value
    if not raw.FPDFText_GetLooseCharBox(textpage, at, loose):
        return ink
    place = _union([ink, (loose.left, loose.bottom, loose.right, loose.top)])
    tall, most = min(place[3] - place[1], place[2] - place[0]), 2 * max(size, ink[3] - ink[1])
    return place if tall <= most else ink


def _origin(textpage: Any, at: int) -> tuple[float, float, float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(textpage, at, x, y)
    return x.value, y.value, raw.FPDFText_GetFontSize(textpage, at), raw.FPDFText_GetCharAngle(textpage, at)


def _close(words: list[Ink], word: _Chars, frame: Frame) -> None:
    text = tidy("".join(word.text))
    if not text:
        return
    x, y, size, angle = word.first
    quarter = (round(angle / (math.pi / 2)) + frame.rotation // 90) % 4
    box = frame.box(*_union(word.boxes))
    words.append(_ink(text, box, frame.point(x, y), size, quarter, frame.width, frame.height))


def _ink(
    text: str, box: Box, origin: tuple[float, float], size: float, quarter: int, width: float, height: float
) -> Ink:
    upright, (_, baseline) = _turn(box, quarter, width, height), _turn_point(*origin, quarter, width, height)
    tall = upright[3] - upright[1]
    size = size if 0.3 * tall <= size <= 6 * max(tall, 1.0) else max(tall, 1.0)
    return Ink(text, box, upright, baseline, size, quarter)


def _turn_point(x: float, y: float, quarter: int, width: float, height: float) -> tuple[float, float]:
    """A displayed point, after turning the page so that text turned by `quarter` clockwise runs left to right."""
    if quarter == 1:
        return y, width - x
    if quarter == 2:
        return width - x, height - y
    if quarter == 3:
        return height - y, x
    return x, y


def _turn(box: Box, quarter: int, width: float, height: float) -> Box:
    xa, ya = _turn_point(box[0], box[1], quarter, width, height)
    xb, yb = _turn_point(box[2], box[3], quarter, width, height)
    return min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)


def _union(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    return (
        min(one[0] for one in boxes),
        min(one[1] for one in boxes),
        max(one[2] for one in boxes),
        max(one[3] for one in boxes),
    )


def tidy(text: str) -> str:
    """A word's characters as they are stored: NFC, letters for their ligatures, U+FFFD for what is no character."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    plain = _CONTROL.sub("\ufffd", joined.translate(_LIGATURES))
    return unicodedata.normalize("NFC", plain.replace("\u00ad", "-" if plain.endswith("\u00ad") else "")).strip()


def rules_of(page: Any, frame: Frame) -> tuple[list[Rule], bool]:
    """The horizontal lines and the horizontal edges of rectangles that a page draws.

    The flag says that there is more drawing than `_HEAVY` objects: the list ends there.
    """
    rules: list[Rule] = []
    for count, item in enumerate(page.get_objects(max_depth=3)):
        if count > _HEAVY:
            return _joined(rules), True
        if item.type != raw.FPDF_PAGEOBJ_PATH:
            continue
        x0, y0, x1, y1 = frame.box(*item.get_bounds())
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


def pdfminer_words(page: PDFPage, frame: Frame, media: Box) -> list[Ink]:
    """The same words as pdfminer's layout analysis gathers them. `media` is the page's MediaBox in PDF space."""
    manager = PDFResourceManager()
    device = PDFPageAggregator(manager, laparams=LAParams(boxes_flow=None))
    page.rotate, page.mediabox = frame.rotation, media
    PDFPageInterpreter(manager, device).process_page(page)
    # pdfminer turns the page itself and measures from the lower left corner of the turned MediaBox.
    sheet = Frame(*media, frame.rotation)
    dx, dy, _, _ = sheet.box(frame.left, frame.bottom, frame.right, frame.top)
    shown = Frame(dx, sheet.height - dy - frame.height, dx + frame.width, sheet.height - dy, 0)
    words: list[Ink] = []
    for line in _text_lines(device.get_result()):
        word = _Chars()
        for one in line:
            if isinstance(one, LTChar) and one.get_text() not in _SPACES:
                if not word.text:
                    a, b, _, _, x, y = one.matrix
                    word.first = (x, y, one.size, -math.atan2(b, a))
                text = one.get_text()
                word.add("\ufffd" if text.startswith("(cid:") else text, (one.x0, one.y0, one.x1, one.y1))
            elif isinstance(one, LTAnno | LTChar):
                _close(words, word, shown)
                word = _Chars()
        _close(words, word, shown)
    return _without_doubles(words)


def _text_lines(item: Any) -> Iterator[Any]:
    if isinstance(item, LTTextLine):
        yield item
    elif isinstance(item, LTContainer):
        for one in item:
            yield from _text_lines(one)


def agree(one: Sequence[Ink], other: Sequence[Ink]) -> bool:
    """Whether two readings of a page hold the same characters, but for 1 in 200, in about as many words.

    pdfminer takes text turned by 90 degrees letter by letter, and leaves out fonts that it cannot map.
    """
    first, second = (Counter("".join(word.text for word in words)) for words in (one, other))
    differing = sum(((first - second) + (second - first)).values())
    return differing <= sum(first.values()) / 200 and abs(len(one) - len(other)) <= len(one) / 10


def _without_doubles(words: Sequence[Ink]) -> list[Ink]:
    """Bold made by drawing a word twice is one word: same text, boxes less than a fifth of a letter apart."""
    kept: list[Ink] = []
    places: dict[tuple[str, int, int], Ink] = {}
    for word in words:
        x, y = word.box[0] / 4, word.box[1] / 4
        around = ((word.text, int(x + dx), int(y + dy)) for dx in (-0.5, 0.5) for dy in (-0.5, 0.5))
        if any(key in places and _covers(places[key], word) for key in around):
            continue
        places |= {(word.text, int(x + dx), int(y + dy)): word for dx in (-0.5, 0.5) for dy in (-0.5, 0.5)}
        kept.append(word)
    return kept


def _covers(one: Ink, other: Ink) -> bool:
    near = 0.2 * max(one.size, 1.0)
    return all(abs(a - b) <= near for a, b in zip(one.box, other.box, strict=True))


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
