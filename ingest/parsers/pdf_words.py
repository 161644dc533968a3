"""The words of a PDF page with their boxes, as pdfium gives them.

Page units: points, origin at the top left of the crop box, as the page is displayed. Hold `pdfium.LOCK`.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import chain, repeat, starmap
from typing import Any

import numpy as np
import pypdfium2.raw as raw

from ingest.parsers.pdf_raised import Part, joined, raised_words
from ingest.parsers.pdf_segments import Ink
from ingest.pdfium import INT, Frame, boxed, handle_of, plain, pointer

_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\ufffe": "-", "\x02": "-"}
)
"""Shapes of letters, not letters: undone so that a search finds "réflexe". pdfium writes a hyphen at a line's end as
U+FFFE or U+0002."""
_BROKEN = "\x02\ufffe"
_PLAIN = re.compile("[!-~¡-¬®-ſ‐-‧€→≤≥]*")
"""What `tidy` leaves alone: no blank, no control, no ligature, nothing that NFC composes."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\uffff\ud800-\udfff]")
SPACES = frozenset(" \t\r\n\x0b\x0c\u00a0\u2002\u2003\u2007\u2009\u200b\u202f\u3000")
"""Those that pdfium adds between words and lines too."""
_WORD = re.compile("[^{0}{1}]+[{1}]?|[{1}]".format("".join(SPACES), _BROKEN))
"""After a broken one the rest of the word stands on the next line."""
_AROUND = np.array([(x, y) for x in (-0.5, 0.5) for y in (-0.5, 0.5)])
_FAR = 2**19 - 1


_text_of = plain(raw.FPDFText_GetText, INT)
_unicode_of = plain(raw.FPDFText_GetUnicode, ctypes.c_uint)
_is_unmapped = plain(raw.FPDFText_HasUnicodeMapError, INT)
_loose_of = plain(raw.FPDFText_GetLooseCharBox, INT)
_ink_box_of = plain(raw.FPDFText_GetCharBox, INT)
_origin_of = plain(raw.FPDFText_GetCharOrigin, INT)
_size_of = plain(raw.FPDFText_GetFontSize, ctypes.c_double)
_angle_of = plain(raw.FPDFText_GetCharAngle, ctypes.c_float)


def pdfium_words(textpage: Any, frame: Frame) -> list[Ink]:
    """Words of a page's text layer, in the order of the file, invisible ones included.

    pdfium answers letter by letter, some 10,000 calls for a page: they are made by `map`, and what is computed for
    each letter is computed by numpy, which takes a third of the time of a loop.
    """
    page = handle_of(textpage.raw)
    text = _text(page, raw.FPDFText_CountChars(textpage))
    spans = [found.span() for found in _WORD.finditer(text)]
    texts = [text[start:end] for start, end in spans]
    if not _PLAIN.fullmatch("".join(texts)):
        texts = list(map(tidy, texts))
        spans = [span for span, tidied in zip(spans, texts, strict=True) if tidied]
        texts = [tidied for tidied in texts if tidied]
    if not texts:
        return []
    starts = [start for start, _ in spans]
    sizes, angles = (np.fromiter(map(of, repeat(page), starts), float, len(starts)) for of in (_size_of, _angle_of))
    letters, origins = _letters(page, spans, sizes), _origins(page, starts)
    raised = raised_words(page, text, spans, letters, angles)
    if raised:
        parts = [raised.get(at, (Part(*span, texts[at]),)) for at, span in enumerate(spans)]
        own = np.repeat(np.arange(len(spans)), list(map(len, parts)))  # the word of each part: they share its baseline
        texts = [tidy(part.text) for some in parts for part in some]
        spans = [(part.start, part.end) for some in parts for part in some]
        origins, sizes, angles = origins[own], sizes[own], angles[own]
    return inks_of(texts, _places(letters, spans), origins, sizes, angles, frame)


def inks_of(texts: Sequence[str], places: Any, origins: Any, sizes: Any, angles: Any, frame: Frame) -> list[Ink]:
    """Words of PDF space, an array's row each, as displayed; one drawn twice is there once.

    places   left, bottom, right, top
    origins  where the baseline begins
    angles   radians, clockwise
    """
    quarters = (np.rint(angles / (math.pi / 2)).astype(int) + frame.rotation // 90) % 4
    boxes = frame.boxes(places)
    x, baselines = frame.point(*origins.T)
    upright = boxes.copy()
    turns = set(quarters.tolist()) - {0}
    for quarter in turns:
        turned = quarters == quarter
        upright[turned] = boxed(partial(_turn, quarter=quarter, width=frame.width, height=frame.height), boxes[turned])
        baselines[turned] = _turn(x[turned], baselines[turned], quarter, frame.width, frame.height)[1]
    tall = upright[:, 3] - upright[:, 1]
    least = np.maximum(tall, 1.0)
    sizes = np.where((0.3 * tall <= sizes) & (sizes <= 6 * least), sizes, least)
    shown = list(map(tuple, boxes.tolist()))
    uprights = map(tuple, upright.tolist()) if turns else shown
    numbers = (of.tolist() for of in (baselines, sizes, quarters))
    return joined(without_doubles(list(map(Ink, texts, shown, uprights, *numbers)), boxes))


def _text(page: Any, count: int) -> str:
    """A character for each of pdfium's, U+FFFD for one without a Unicode value."""
    buffer = ctypes.create_string_buffer(2 * count + 2)
    written = _text_of(page, 0, count, buffer) - 1 if count else 0
    text = buffer.raw[: 2 * written].decode("utf-16-le", "surrogatepass")
    if written != count or len(text) != count:  # control characters, which are left out there, or characters of two
        codes = map(_unicode_of, repeat(page), range(count))
        text = "".join(chr(code) if 0 < code < 0x110000 else "\ufffd" for code in codes)
    unmapped = list(map(_is_unmapped, repeat(page), range(count)))
    if 1 in unmapped:
        text = "".join(
            "\ufffd" if bad == 1 and one not in SPACES else one for bad, one in zip(unmapped, text, strict=True)
        )
    return text


def _origins(page: Any, at: Sequence[int]) -> Any:
    """Where these letters' baselines begin, in PDF space."""
    points = np.zeros((len(at), 2))
    places = list(map(pointer, range(points.ctypes.data, points.ctypes.data + points.nbytes, points.itemsize)))
    deque(map(_origin_of, repeat(page), at, places[::2], places[1::2]), 0)
    return points


def _letters(page: Any, spans: Sequence[tuple[int, int]], sizes: Any) -> Any:
    """Left, bottom, right, top of each letter's place on its line (advance and height of the font).

    A letter more than twice as tall as its font's size says may have absurd metrics: its ink decides.
    """
    lengths = np.array([end - start for start, end in spans])
    letters = list(chain.from_iterable(starmap(range, spans)))
    loose = np.zeros((len(letters), 4), np.float32)  # FS_RECTF: left, top, right, bottom
    rows = range(loose.ctypes.data, loose.ctypes.data + loose.nbytes, 4 * loose.itemsize)
    told = list(map(_loose_of, repeat(page), letters, map(pointer, rows)))
    places = loose[:, (0, 3, 2, 1)].astype(float)
    short = np.minimum(places[:, 3] - places[:, 1], places[:, 2] - places[:, 0])
    odd = short > 2 * np.repeat(sizes, lengths)
    if 0 in told:
        odd |= np.array(told) == 0
    for row in np.nonzero(odd)[0].tolist():
        ink = _ink_of(page, letters[row])
        if not told[row] or short[row] > 2 * (ink[3] - ink[1]):
            places[row] = ink
    return places


def _places(letters: Any, spans: Sequence[tuple[int, int]]) -> Any:
    """Left, bottom, right, top of each word: around its letters' places."""
    lengths = np.array([end - start for start, end in spans])
    first = np.cumsum(lengths) - lengths
    low, high = np.minimum.reduceat(letters[:, :2], first), np.maximum.reduceat(letters[:, 2:], first)
    return np.hstack((low, high))


def _ink_of(page: Any, at: int) -> tuple[float, float, float, float]:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    _ink_box_of(page, at, *map(ctypes.byref, (left, right, bottom, top)))
    return left.value, bottom.value, right.value, top.value


def _turn(x: Any, y: Any, quarter: int, width: float, height: float) -> tuple[Any, Any]:
    """A displayed point, after turning the page so that text turned by `quarter` clockwise runs left to right."""
    if quarter == 1:
        return y, width - x
    if quarter == 2:
        return width - x, height - y
    return height - y, x


def tidy(text: str) -> str:
    """A word's characters as they are stored: NFC, letters for their ligatures, U+FFFD for what is no character."""
    if _PLAIN.fullmatch(text):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    plain = _CONTROL.sub("\ufffd", joined.translate(_LIGATURES))
    return unicodedata.normalize("NFC", plain.replace("\u00ad", "-" if plain.endswith("\u00ad") else "")).strip()


def without_doubles(words: Sequence[Ink], boxes: Any) -> list[Ink]:
    """Bold made by drawing a word twice is one word: same text, boxes less than a fifth of a letter apart.

    boxes  those of the words, an array's row each
    """
    numbers: dict[str, int] = {}
    texts = np.array([numbers.setdefault(word.text, len(numbers)) for word in words])
    cells = np.clip(boxes[:, None, :2] / 4 + _AROUND, -_FAR, _FAR).astype(int)
    places = (texts[:, None] << 40) + (cells[..., 0] << 20) + cells[..., 1]  # of each text, the four cells around it
    taken = np.sort(places, axis=None)
    twice = taken[1:][taken[1:] == taken[:-1]]
    if not len(twice):
        return list(words)
    shared = np.any(np.isin(places, twice), axis=1)
    kept: list[Ink] = []
    there: dict[int, Ink] = {}
    for word, is_shared, around in zip(words, shared.tolist(), places.tolist(), strict=True):
        if is_shared:
            if any(_covers(there[place], word) for place in around if place in there):
                continue
            there.update(dict.fromkeys(around, word))
        kept.append(word)
    return kept


def _covers(one: Ink, other: Ink) -> bool:
    near = 0.2 * max(one.size, 1.0)
    return all(abs(a - b) <= near for a, b in zip(one.box, other.box, strict=True))
