"""What a line says: its picture, 48 pixels high, becomes steps of characters (CTC), and steps become words in place."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocr.port import too_slow
from ocr.ppocr.find import Line
from ocr.ppocr.fractions import Letter, text_of
from ocr.ppocr.running import Network

HEIGHT = 48  # pixels, what the network was trained on
STEP = 8  # pixels of width to a step
MOST_STEPS = 400  # a longer line is pressed together
# Lines are read with a fifth more height, so with smaller letters: a sixth less time, for 2 letters more in 10,000 of
# clean print and nothing that shows on forms. In short ones it does: « g/L » becomes « 9/L ». These stay as they are,
# and have grey after them as in the network's training: without, « UI/L » becomes « U/L ».
ROOM, SHORT = 1.2, 25  # times; steps
AFTER, LEAST = 2, 13  # steps of grey after a short line; as how long it is read at least

REACH = 0.75
# A blank that was not read: chance of one between two letters, and the white that is seen there, in points and by the
# median of the line's other pairs (typewriters leave much white around « 1 » and « . »). « 1 » before « 1 » has 13
# points of white at a chance of 0.06.
SUSPECTED, SUSPECTED_IN_FIGURES = 0.02, 0.25
SEEN, TIMES = 7, 2.0
INK = 0.6  # of the way from the darkest tone to the paper's
EDGE = 4  # points above and below that are left out: other lines reach there

Chances = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spelt:
    """A word of a line: its ends as shares of the line's width, the mean chance of its characters."""

    text: str
    start: float
    end: float
    chance: float


def spelt(
    grey: Image.Image, lines: Sequence[Line], speller: Network, characters: Sequence[str], deadline: float
) -> list[list[Spelt]]:
    """The words of each line of `grey` (mode L), in the order of `lines`.

    Raises Refusal (stage "read"), code "ocr-timeout", past `deadline` (monotonic seconds).
    """
    found = []
    for number, line in enumerate(lines, start=1):
        if time.monotonic() > deadline:
            raise too_slow()
        picture = _picture(grey, line)
        given = picture if picture.shape[1] >= STEP * SHORT else _lengthened(picture)
        chances = speller.chances(given[None, None], last=number == len(lines))
        found.append(words_of(chances[0], characters, _inked(picture)))
    return found


def words_of(chances: Chances, characters: Sequence[str], inked: NDArray[np.bool_]) -> list[Spelt]:
    """The words of one line: the likeliest character of each step, repeats and blanks dropped.

    chances  (steps, characters), those of the line first
    inked    whether each column of the line's picture has ink
    """
    best = chances.argmax(axis=1)
    steps = np.nonzero((best != 0) & (np.diff(best, prepend=0) != 0))[0]
    letters = [(characters[best[step]], int(step), float(chances[step, best[step]])) for step in steps]
    total = len(inked) / STEP
    found = []
    words = list(_words(letters, chances[:, characters.index(" ")], inked))
    for at, word in enumerate(words):
        # A character is seen about its middle, to half a character: a word reaches three quarters of one further.
        reach = REACH * (word[-1][1] - word[0][1]) / (len(word) - 1) if len(word) > 1 else 2.0
        start, end = max(0.0, word[0][1] + 0.5 - reach), min(total, word[-1][1] + 0.5 + reach)
        sure = float(np.mean([chance for _, _, chance in word]))
        found.append(Spelt(text_of(words, at, chances, characters), start / total, end / total, sure))
    return found


def _words(letters: Sequence[Letter], blank: NDArray[np.float32], inked: NDArray[np.bool_]) -> Iterator[list[Letter]]:
    """Letters parted at blanks, those included that the network only suspects where white is seen.

    It misses one blank in thirty of typewriting and of forms, and half of those in short cells; « lui,c'est » would not
    be found by either word.

    blank  the chance of one at each step
    """
    pairs = list(pairwise(letters))
    whites = [_white(inked, (before[1] + 0.5) * STEP, (after[1] + 0.5) * STEP) for before, after in pairs]
    closed = [" " not in (before[0], after[0]) for before, after in pairs]
    word = [letter for letter in letters[:1] if letter[0] != " "]
    for at, (before, letter) in enumerate(pairs):
        parted = not closed[at]
        if closed[at]:
            figures = before[0].isdigit() and letter[0].isdigit()
            suspicion = float(blank[before[1] : letter[1] + 1].max())
            others = [whites[other] for other in range(len(pairs)) if closed[other] and other != at]
            usual = float(np.median(others)) if others else 0.0
            suspected = suspicion >= (SUSPECTED_IN_FIGURES if figures else SUSPECTED)
            parted = suspected and whites[at] >= max(SEEN, TIMES * usual)
        if parted and word:
            yield word
            word = []
        if letter[0] != " ":
            word.append(letter)
    if word:
        yield word


def _white(inked: NDArray[np.bool_], start: float, end: float) -> int:
    """The widest run of columns without ink between two places."""
    edges = np.flatnonzero(np.diff(np.pad(~inked[round(start) : round(end) + 1], 1).astype(np.int8)))
    return int(np.diff(edges)[::2].max(initial=0))


def _inked(picture: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each column of a line's picture (rows, columns) has ink."""
    dark, light = np.percentile(picture, (2, 80))
    return np.asarray((picture[EDGE:-EDGE] < dark + INK * (light - dark)).any(axis=0))


def _picture(grey: Image.Image, line: Line) -> NDArray[np.float32]:
    """The line set flat: what leans is slid down or up column by column, as letters of a leaning line stand upright."""
    steps = (line.x1 - line.x0) * HEIGHT / max(1.0, line.height) / STEP
    if steps >= SHORT * ROOM:
        line, steps = replace(line, height=line.height * ROOM), steps / ROOM
    width = STEP * max(1, min(MOST_STEPS, round(steps)))
    x0, y0, x1, y1 = line.box()
    if line.slope == 0:
        box = max(0.0, x0), max(0.0, y0), min(float(grey.width), x1), min(float(grey.height), y1)
        picture = grey.resize((width, HEIGHT), Image.Resampling.BILINEAR, box=box)
    else:
        across, down = (x1 - x0) / width, line.height / HEIGHT
        left = line.y - line.height / 2 - line.slope * (x1 - x0) / 2
        way = (across, 0.0, x0, line.slope * across, down, left)
        picture = grey.transform((width, HEIGHT), Image.Transform.AFFINE, way, Image.Resampling.BILINEAR, fillcolor=255)
    return np.asarray(picture, dtype=np.float32) / np.float32(127.5) - np.float32(1)


def _lengthened(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grey after a short line, as in the network's training."""
    return np.pad(picture, ((0, 0), (0, max(STEP * AFTER, STEP * LEAST - picture.shape[1]))))
