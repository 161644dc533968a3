"""Exponents that a PDF draws: figures smaller than the letters before them and above their baseline.

Written as the other formats write theirs (`exponents.shifted`): 10⁹, m². All else stays as it is: letters (1er, n°),
charges (Ca2+) and lowered indices (PaO2) lose nothing, and are read as facts that way.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as raw

from ingest.exponents import EXPONENTS, is_hour, shifted, takes_exponent
from ingest.parsers.pdf_segments import Ink
from ingest.pdfium import INT, plain
from records.content import Box

_SMALL = 0.85  # of the size before it: browsers draw 0.83, Word 0.65, LaTeX 0.7
_RAISED, _HIGHEST = 0.15, 0.7  # em: browsers and word processors raise by 0.33, LaTeX by 0.36
_TALLER = 1.1  # boxes of letters in one word that differ less are of one size
_TOUCHES, _BLANK = 0.1, 0.35  # em
_FIGURES = re.compile(r"^[+\-−]?\d+|\d+", re.ASCII)
_FIGURE, _EXPONENT = re.compile("[0-9]"), re.compile(r"[+\-−]?\d+", re.ASCII)
_MARK = re.compile(r"[(\[]?[+\-−]?\d+(?:[,;–-]\d+)*[)\],;.]?", re.ASCII)
"""An exponent, or the mark of a note or several: « mot²,³ »."""
_DENOMINATOR = re.compile(r"[/⁄∕]\d")
_NOT_BEFORE = frozenset("/⁄∕'’([{«<>=≤≥-‐‑–—−+×·*")
"""Behind these small figures belong to what follows: a denominator, an isotope."""

_size_of = plain(raw.FPDFText_GetFontSize, ctypes.c_double)
_matrix_of = plain(raw.FPDFText_GetMatrix, INT)
_origin_of = plain(raw.FPDFText_GetCharOrigin, INT)


class Letter(NamedTuple):
    text: str
    size: float
    baseline: float  # upwards, along the letter's own upright


class Part(NamedTuple):
    """Letters start to end of a word, and what is written for them."""

    start: int
    end: int
    text: str


def parts_of(letters: Sequence[Letter], after: str = "") -> list[Part]:
    """The word with its exponents, in two parts before figures that are the mark of a note.

    They are an exponent behind ten or a length, or with a sign (L⁻¹). Behind any other word or number they stand apart,
    so that the word is still found, and a result of « 4,5 » with a note 1 is not 4,51. So does the part of « 10 1/2 ».

    after   how the next word begins
    """
    parts: list[Part] = []
    start, at, written = 0, 0, ""
    for raised, run in groupby(letters, key=_raised_from(letters[0])):
        drawn = [letter.text for letter in run]
        text, end = "".join(drawn), at + len(drawn)
        if raised and written[-1:] not in _NOT_BEFORE and not is_hour(written) and _MARK.fullmatch(text):
            is_part = _DENOMINATOR.match("".join(letter.text for letter in letters[end:]) or after) is not None
            if written[-1:].isalnum() and text[0] not in "+-−" and (is_part or not takes_exponent(written)):
                parts.append(Part(start, at, written))
                start, written = at, ""
            text = text if is_part else _exponents(text)
        written += text
        at = end
    return [*parts, Part(start, at, written)]


def _raised_from(base: Letter) -> Callable[[Letter], bool]:
    """Whether a letter is raised from the last one that is not; to be asked of a word's letters in turn."""

    def is_raised(one: Letter) -> bool:
        nonlocal base
        step = one.baseline - base.baseline
        if one.size <= _SMALL * base.size and _RAISED * base.size <= step <= _HIGHEST * base.size:
            return True
        base = one
        return False

    return is_raised


def _exponents(text: str) -> str:
    return _FIGURES.sub(lambda found: shifted(found[0], "sup"), text)


def raised_words(
    page: Any, text: str, spans: Sequence[tuple[int, int]], boxes: Any, angles: Any
) -> dict[int, list[Part]]:
    """Of the words at these places in `spans`, the parts; only of those that have an exponent.

    page    pdfium's text page, as `pdfium.plain` functions take it
    boxes   left, bottom, right, top of each letter of each word
    angles  of each word, radians

    pdfium is asked about the letters of words with a figure whose letters' boxes differ in height only.
    """
    lengths = np.array([end - start for start, end in spans])
    across = np.repeat(np.rint(angles / (math.pi / 2)).astype(int) % 2 == 1, lengths)
    heights = np.where(across, boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    first = np.cumsum(lengths) - lengths
    uneven = np.maximum.reduceat(heights, first) > _TALLER * np.minimum.reduceat(heights, first)
    found = {}
    for at in np.nonzero(uneven)[0].tolist():
        start, end = spans[at]
        if _FIGURE.search(text, start + 1, end):
            after = text[slice(*spans[at + 1])] if at + 1 < len(spans) else ""
            parts = parts_of([_letter(page, place, text[place]) for place in range(start, end)], after)
            if len(parts) > 1 or parts[0].text != text[start:end]:
                found[at] = [Part(start + one.start, start + one.end, one.text) for one in parts]
    return found


def _letter(page: Any, at: int, text: str) -> Letter:
    matrix, x, y = (ctypes.c_float * 6)(), ctypes.c_double(), ctypes.c_double()
    _origin_of(page, at, ctypes.byref(x), ctypes.byref(y))
    _matrix_of(page, at, matrix)
    c, d = matrix[2], matrix[3]
    scale = math.hypot(c, d) or 1.0
    return Letter(text, _size_of(page, at) * scale, (x.value * c + y.value * d) / scale)


def joined(words: Sequence[Ink]) -> list[Ink]:
    """The words, with raised figures that are words of their own as exponents on what they stand behind.

    Joined are an exponent and its 10 or length, and what goes on right behind an exponent: pdfium puts a blank where
    the size of letters changes.
    """
    kept: list[Ink] = []
    for at, word in enumerate(words):
        before = kept[-1] if kept else word
        if word.size <= _SMALL * before.size and _EXPONENT.match(word.text) and _is_raised(before, word):
            kept += _set_on(kept.pop(), word, words[at + 1].text if at + 1 < len(words) else "")
        elif before.text[-1] in EXPONENTS and _goes_on(before, word):
            kept[-1] = _one_word(before, word, word.text)
        else:
            kept.append(word)
    return kept


def _set_on(before: Ink, word: Ink, after: str) -> tuple[Ink, ...]:
    """A word and the raised figures behind it; they stay in its row."""
    level = word._replace(baseline=before.baseline, size=before.size)
    if not _EXPONENT.fullmatch(word.text) or _DENOMINATOR.match(after):
        return before, level
    if takes_exponent(before.text) or not word.text.isdecimal():
        return (_one_word(before, word, _exponents(word.text)),)
    return before, level._replace(text=_exponents(word.text)) if _gap(before, word) <= _TOUCHES else level


def _is_raised(before: Ink, word: Ink) -> bool:
    step = before.baseline - word.baseline
    return (
        word.angle == before.angle
        and before.text[-1] not in _NOT_BEFORE
        and _RAISED * before.size <= step <= _HIGHEST * before.size
        and _gap(before, word) <= _BLANK
    )


def _goes_on(before: Ink, word: Ink) -> bool:
    level = abs(before.baseline - word.baseline) <= 0.1 * before.size
    return level and word.angle == before.angle and _gap(before, word) <= _TOUCHES


def _gap(before: Ink, word: Ink) -> float:
    """In em of the word before; infinite when the word does not stand behind it."""
    gap = (word.upright[0] - before.upright[2]) / before.size
    return gap if gap >= -_BLANK else math.inf


def _one_word(before: Ink, word: Ink, text: str) -> Ink:
    box, upright = _around(before.box, word.box), _around(before.upright, word.upright)
    return before._replace(text=before.text + text, box=box, upright=upright)


def _around(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
