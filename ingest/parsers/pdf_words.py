"""The words of a PDF page with their boxes, as pdfium gives them.

Page units: points, origin at the top left of the crop box, as the page is displayed. Hold `pdfium.LOCK`.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import pypdfium2.raw as raw

from ingest.parsers.pdf_segments import Ink
from ingest.pdfium import Frame
from records.content import Box

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\ufffe": "-", "\x02": "-"}
)
"""Shapes of letters, not letters: undone so that a search finds "réflexe". pdfium writes a hyphen at a line's end as
U+FFFE or U+0002."""
_BROKEN = "\x02\ufffe"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\uffff\ud800-\udfff]")
SPACES = frozenset(" \t\r\n\x0b\x0c\u00a0\u2002\u2003\u2007\u2009\u200b\u202f\u3000")


class Letters:
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
    unicode_of, is_unmapped, box_of = raw.FPDFText_GetUnicode, raw.FPDFText_HasUnicodeMapError, _Boxes(textpage).of
    words: list[Ink] = []
    word = Letters()
    for at in range(raw.FPDFText_CountChars(textpage)):
        code = unicode_of(textpage, at)
        text = chr(code) if 0 < code < 0x110000 else "\ufffd"
        if text in SPACES:  # those that pdfium adds between words and lines too
            if word.text:
                close(words, word, frame)
                word = Letters()
            continue
        if is_unmapped(textpage, at) == 1:
            text = "\ufffd"
        if not word.text:
            word.first = _origin(textpage, at)
        word.add(text, box_of(at, word.first[2]))
        if text in _BROKEN:  # the rest of the word stands on the next line
            close(words, word, frame)
            word = Letters()
    close(words, word, frame)
    return without_doubles(words)


class _Boxes:
    """Places of letters. The memory that pdfium writes to is made once: it is most of the cost of a call."""

    def __init__(self, textpage: Any) -> None:
        self._page = textpage
        self._loose = raw.FS_RECTF()
        self._ink = tuple(ctypes.c_double() for _ in range(4))

    def of(self, at: int, size: float) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of a letter's place on its line (advance and height of the font), in PDF space.

        A letter more than twice as tall as its font's `size` says may have absurd metrics: its ink decides.
        """
        loose = self._loose
        if not raw.FPDFText_GetLooseCharBox(self._page, at, loose):
            return self._ink_of(at)
        place = loose.left, loose.bottom, loose.right, loose.top
        short = min(place[3] - place[1], place[2] - place[0])
        if short <= 2 * size:
            return place
        ink = self._ink_of(at)
        return place if short <= 2 * (ink[3] - ink[1]) else ink

    def _ink_of(self, at: int) -> tuple[float, float, float, float]:
        left, right, bottom, top = self._ink
        raw.FPDFText_GetCharBox(self._page, at, left, right, bottom, top)
        return left.value, bottom.value, right.value, top.value


def _origin(textpage: Any, at: int) -> tuple[float, float, float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(textpage, at, x, y)
    return x.value, y.value, raw.FPDFText_GetFontSize(textpage, at), raw.FPDFText_GetCharAngle(textpage, at)


def close(words: list[Ink], word: Letters, frame: Frame) -> None:
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
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def tidy(text: str) -> str:
    """A word's characters as they are stored: NFC, letters for their ligatures, U+FFFD for what is no character."""
    if text.isascii() and text.isprintable():
        return text.strip()
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    plain = _CONTROL.sub("\ufffd", joined.translate(_LIGATURES))
    return unicodedata.normalize("NFC", plain.replace("\u00ad", "-" if plain.endswith("\u00ad") else "")).strip()


def without_doubles(words: Sequence[Ink]) -> list[Ink]:
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
