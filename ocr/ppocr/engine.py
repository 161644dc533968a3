"""PP-OCRv6 behind the port: a picture in, words with boxes and confidence out."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ocr.orient import sample_of, sideways
from ocr.port import ReadPicture, ReadWord
from ocr.ppocr.blocks import blocks_of
from ocr.ppocr.find import Line, lines_on
from ocr.ppocr.spell import Spelt, spelt
from ocr.ppocr.weights import NAME, networks
from ocr.prepare import TARGET_DPI, TARGET_LETTER, Prepared, evened, turned
from ocr.words import legibility, mean_confidence

FAINTEST = 24  # grey levels between the darkest and the lightest point of a sheet with anything on it
SURE, ENOUGH_LETTERS = 0.70, 24  # upside down, pages have means of 0.2 to 0.42; upright, typewritten ones 0.96 and more
CHANCE = 0.5  # what a smudge gets: mean chances are stretched from here to 1, so that the floors of Tesseract serve
SMALL = 0.75  # of the usual height of a line: a ditto mark, a dash, a point
SHORT, SHORT_FLOOR, SMALL_FLOOR = 2, 0.5, 0.7
CORE = 0.64  # of a box's height: what a line's letters fill, ascender to descender


class PpOcr:
    """Reads upright and straightened pictures, whatever way they were given. Its weights are loaded at the first.

    timeout  seconds for one picture, every attempt at its orientation included
    """

    name = NAME

    def __init__(self, timeout: float = 180.0) -> None:
        self._timeout = timeout

    def read(self, picture: Image.Image, dpi: float | None) -> ReadPicture:
        """Words by block and line, boxes in pixels of `picture`.

        Raises Refusal (stage "read"): "ocr-timeout", "ocr-weights-missing".
        """
        if min(picture.size) < 8:  # a rule or a dot
            return ReadPicture((), engine=self.name)
        deadline = time.monotonic() + self._timeout
        even = evened(picture, dpi)
        if np.ptp(np.asarray(even)) < FAINTEST:
            return ReadPicture((), engine=self.name)
        prepared, words = _upright(even, picture.size, deadline)
        placed = (ReadWord(w.text, prepared.box_back(w.box), w.confidence, w.block, w.line) for w in words)
        return ReadPicture(tuple(placed), prepared.rotation, prepared.skew, self.name)


def _upright(even: Image.Image, given: tuple[int, int], deadline: float) -> tuple[Prepared, list[ReadWord]]:
    """The reading in the right orientation. A page that reads well as it comes is not asked again."""
    best: tuple[Prepared, list[ReadWord]] | None = None
    if not sideways(even):
        prepared = turned(even, given, 0)
        best = prepared, words_on(prepared, deadline)
        if _sure(best[1]):
            return best
    sample = sample_of(even)
    scores = {
        rotation: legibility(words_on(turned(sample, sample.size, rotation), deadline))
        for rotation in (0, 180, 90, 270)
    }
    told = max(scores, key=lambda rotation: scores[rotation])
    rotation = told if scores[told] > 1.3 * scores[0] else 0
    if best is None or rotation != 0:
        prepared = turned(even, given, rotation)
        other = prepared, words_on(prepared, deadline)
        if best is None or legibility(other[1]) > legibility(best[1]):
            best = other
    return best


def _sure(words: Sequence[ReadWord]) -> bool:
    return sum(c.isalnum() for w in words for c in w.text) >= ENOUGH_LETTERS and mean_confidence(words) >= SURE


def words_on(prepared: Prepared, deadline: float) -> list[ReadWord]:
    """Words by block and line, boxes in pixels of the prepared picture. Raises Refusal "ocr-timeout"."""
    nets = networks()
    lines = lines_on(prepared.image, prepared.dpi * TARGET_LETTER / TARGET_DPI, nets.finder)
    tall = raised(lines)
    spellings = spelt(prepared.image, tall, nets.speller, nets.characters, deadline)
    kept: list[tuple[Line, list[Spelt]]] = []
    for given, line, words in zip(lines, tall, spellings, strict=True):
        said = what_is_said(words, small=given is not line)
        kept += [(line, said)] if said else []
    found = []
    number = 0
    for block, places in enumerate(blocks_of([line.box() for line, _ in kept])):
        for line, words in (kept[place] for place in places):
            for word in words:
                box = line.box(word.start, word.end, CORE)
                found.append(ReadWord(word.text, box, max(0.0, word.chance - CHANCE) / (1 - CHANCE), block, number))
            number += 1
    return found


def what_is_said(words: Sequence[Spelt], *, small: bool) -> list[Spelt]:
    """The words of a line without what is none.

    Words of three letters or figures stay however faint, to be found, and so does what stands between two others, as
    the dash of « 12,0 – 16,0 »; a shorter one at an end must be read for sure. Ditto marks and dots of a form are read
    as « 11 », « 0 », « 9 », at 0.2 to 0.69; the edge of a facing page as « m », « 8 », at 0.2 to 0.5, where a true word
    of two letters seldom is.
    """
    floor = SMALL_FLOOR if small else SHORT_FLOOR
    return [
        word
        for at, word in enumerate(words)
        if 0 < at < len(words) - 1 or word.chance >= floor or sum(c.isalnum() for c in word.text) > SHORT
    ]


def raised(lines: Sequence[Line]) -> list[Line]:
    """The lines, small ones as high as their row: alone in a box, a ditto mark is read « 11 » and a dash « 1 »."""
    if not lines:
        return []
    usual = _usual(lines)
    whole = [line for line in lines if line.height >= SMALL * usual]
    found = []
    for line in lines:
        mates = [mate for mate in whole if abs(_level(mate, line) - line.y) < mate.height / 2]
        if line.height < SMALL * usual and mates:
            nearest = min(mates, key=lambda mate: max(mate.x0 - line.x1, line.x0 - mate.x1))
            y = _level(nearest, line)
            top, bottom = (
                min(y - nearest.height / 2, line.y - line.height / 2),
                max(y + nearest.height / 2, line.y + line.height / 2),
            )
            found.append(Line(line.x0, line.x1, (top + bottom) / 2, bottom - top, nearest.slope))
        else:
            found.append(line)
    return found


def _level(mate: Line, line: Line) -> float:
    """How high a row stands where another line is."""
    return mate.y + mate.slope * ((line.x0 + line.x1) / 2 - (mate.x0 + mate.x1) / 2)


def _usual(lines: Sequence[Line]) -> float:
    """The median height of lines, each weighing its width: a page may have more ditto marks than lines."""
    order = sorted((line.height, line.x1 - line.x0) for line in lines)
    half = sum(width for _, width in order) / 2
    for height, width in order:
        half -= width
        if half <= 0:
            return height
    return order[-1][0]
