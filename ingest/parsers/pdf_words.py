"""The words of a PDF page with their boxes, as pdfium gives them.

Page units: points, origin at the top left of the crop box, as the page is displayed. Hold `pdfium.LOCK`.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import Counter, deque
from collections.abc import Sequence
from itertools import chain, repeat, starmap
from typing import Any

import numpy as np
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
"""Those that pdfium adds between words and lines too."""
_WORD = re.compile("[^{0}{1}]*[{1}]|[^{0}{1}]+".format("".join(SPACES), _BROKEN))
"""After a broken one the rest of the word stands on the next line."""


def _plain(function: Any, result: Any, *given: Any) -> Any:
    """A function of pdfium that takes addresses as numbers: to check and release typed ones is half of a call's cost."""
    return ctypes.PYFUNCTYPE(result, *given)(ctypes.cast(function, ctypes.c_void_p).value)


_INT, _AT = ctypes.c_int, ctypes.c_void_p
_text_of = _plain(raw.FPDFText_GetText, _INT, _AT, _INT, _INT, _AT)
_unicode_of = _plain(raw.FPDFText_GetUnicode, ctypes.c_uint, _AT, _INT)
_is_unmapped = _plain(raw.FPDFText_HasUnicodeMapError, _INT, _AT, _INT)
_loose_of = _plain(raw.FPDFText_GetLooseCharBox, _INT, _AT, _INT, _AT)
_ink_box_of = _plain(raw.FPDFText_GetCharBox, _INT, _AT, _INT, _AT, _AT, _AT, _AT)
_origin_of = _plain(raw.FPDFText_GetCharOrigin, _INT, _AT, _INT, _AT, _AT)
_size_of = _plain(raw.FPDFText_GetFontSize, ctypes.c_double, _AT, _INT)
_angle_of = _plain(raw.FPDFText_GetCharAngle, ctypes.c_float, _AT, _INT)


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
    """Words of a page's text layer, in the order of the file, invisible ones included.

    pdfium answers letter by letter, some 10,000 calls for a page: they are made by `map`, and what is computed for
    each letter is computed by numpy, which takes a third of the time of a loop.
    """
    page = ctypes.cast(textpage.raw, ctypes.c_void_p).value
    text = _text(page, raw.FPDFText_CountChars(textpage))
    spans = [found.span() for found in _WORD.finditer(text)]
    if not spans:
        return []
    starts = [start for start, _ in spans]
    sizes, angles = (np.fromiter(map(of, repeat(page), starts), float, len(starts)) for of in (_size_of, _angle_of))
    x, y = frame.point(*_origins(page, starts))
    boxes = frame.boxes(_places(page, spans, sizes))
    quarters = np.rint(angles / (math.pi / 2)).astype(int) + frame.rotation // 90
    words = [
        _ink(plain, box, origin, size, quarter % 4, frame.width, frame.height)
        for (start, end), box, origin, size, quarter in zip(
            spans,
            map(tuple, boxes.tolist()),
            zip(x.tolist(), y.tolist(), strict=True),
            sizes.tolist(),
            quarters.tolist(),
            strict=True,
        )
        if (plain := tidy(text[start:end]))
    ]
    return without_doubles(words)


def _text(page: int | None, count: int) -> str:
    """A character for each of pdfium's, U+FFFD for one without a Unicode value."""
    buffer = ctypes.create_string_buffer(2 * count + 2)
    written = _text_of(page, 0, count, ctypes.addressof(buffer)) - 1 if count else 0
    text = buffer.raw[: 2 * written].decode("utf-16-le", "surrogatepass")
    if written != count or len(text) != count:  # control characters, which are left out there, or characters of two
        codes = map(_unicode_of, repeat(page), range(count))
        text = "".join(chr(code) if 0 < code < 0x110000 else "\ufffd" for code in codes)
    unmapped = list(map(_is_unmapped, repeat(page), range(count)))
    if 1 in unmapped:
        text = "".join("\ufffd" if bad == 1 and one not in SPACES else one for bad, one in zip(unmapped, text, strict=True))
    return text


def _origins(page: int | None, at: Sequence[int]) -> tuple[Any, Any]:
    """Where these letters' baselines begin, in PDF space."""
    points = np.zeros((len(at), 2))
    places = range(points.ctypes.data, points.ctypes.data + points.nbytes, points.itemsize)
    deque(map(_origin_of, repeat(page), at, places[::2], places[1::2]), 0)
    return points[:, 0], points[:, 1]


def _places(page: int | None, spans: Sequence[tuple[int, int]], sizes: Any) -> Any:
    """Left, bottom, right, top of each word: around its letters' places on their line (advance and height of the font).

    A letter more than twice as tall as its font's size says may have absurd metrics: its ink decides.
    """
    lengths = np.array([end - start for start, end in spans])
    letters = list(chain.from_iterable(starmap(range, spans)))
    loose = np.zeros((len(letters), 4), np.float32)  # FS_RECTF: left, top, right, bottom
    step = 4 * loose.itemsize
    told = list(map(_loose_of, repeat(page), letters, range(loose.ctypes.data, loose.ctypes.data + loose.nbytes, step)))
    places = loose[:, (0, 3, 2, 1)].astype(float)
    short = np.minimum(places[:, 3] - places[:, 1], places[:, 2] - places[:, 0])
    odd = short > 2 * np.repeat(sizes, lengths)
    if 0 in told:
        odd |= np.array(told) == 0
    for row in np.nonzero(odd)[0].tolist():
        ink = _ink_of(page, letters[row])
        if not told[row] or short[row] > 2 * (ink[3] - ink[1]):
            places[row] = ink
    first = np.cumsum(lengths) - lengths
    low, high = np.minimum.reduceat(places[:, :2], first), np.maximum.reduceat(places[:, 2:], first)
    return np.hstack((low, high))


def _ink_of(page: int | None, at: int) -> tuple[float, float, float, float]:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    _ink_box_of(page, at, *map(ctypes.addressof, (left, right, bottom, top)))
    return left.value, bottom.value, right.value, top.value


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
    if quarter:
        upright, (_, baseline) = _turn(box, quarter, width, height), _turn_point(*origin, quarter, width, height)
    else:
        upright, baseline = box, origin[1]
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
    times = Counter([word.text for word in words])
    for word in words:
        if times[word.text] > 1:
            x, y = word.box[0] / 4, word.box[1] / 4
            around = [(word.text, int(x + dx), int(y + dy)) for dx in (-0.5, 0.5) for dy in (-0.5, 0.5)]
            if any(key in places and _covers(places[key], word) for key in around):
                continue
            places |= dict.fromkeys(around, word)
        kept.append(word)
    return kept


def _covers(one: Ink, other: Ink) -> bool:
    near = 0.2 * max(one.size, 1.0)
    return all(abs(a - b) <= near for a, b in zip(one.box, other.box, strict=True))
