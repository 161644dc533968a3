"""What a line says: its picture, 48 pixels high, becomes steps of characters (CTC), and steps become words in place."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocr.port import too_slow
from records.content import Box

HEIGHT = 48  # pixels, what the network was trained on
MOST_WIDTH = 3200  # pixels; a longer line is pressed together
BATCH = 8192  # pixels of width read at once
PAD = 16  # widths are rounded up to this, so that lines of nearly one width go together

# A blank that was not read: chance of one between two letters, and their distance by the usual one of the line.
SUSPECTED, SUSPECTED_IN_FIGURES = 0.1, 0.25
WIDE, VERY_WIDE = 1.4, 3.0

Chances = NDArray[np.float32]
Letter = tuple[str, int, float]  # a character, its step, its chance


@dataclass(frozen=True, slots=True)
class Spelt:
    """A word of a line: its ends as shares of the line's width, the mean chance of its characters."""

    text: str
    start: float
    end: float
    chance: float


def spelt(
    grey: Image.Image, boxes: Sequence[Box], speller: Any, characters: Sequence[str], deadline: float
) -> list[list[Spelt]]:
    """The words of each box of `grey` (mode L), in the order of `boxes`.

    Raises Refusal (stage "read"), code "ocr-timeout", past `deadline` (monotonic seconds).
    """
    widths = [_width(box) for box in boxes]
    found: list[list[Spelt]] = [[] for _ in boxes]
    for group in _groups(widths):
        if time.monotonic() > deadline:
            raise too_slow()
        width = -(-max(widths[at] for at in group) // PAD) * PAD
        lines = np.zeros((len(group), 1, HEIGHT, width), dtype=np.float32)
        for place, at in enumerate(group):
            lines[place, 0, :, : widths[at]] = _line(grey, boxes[at], widths[at])
        (chances,) = speller.run(None, {"x": np.repeat(lines, 3, axis=1)})
        for place, at in enumerate(group):
            found[at] = words_of(chances[place], characters, width / widths[at])
    return found


def words_of(chances: Chances, characters: Sequence[str], stretch: float) -> list[Spelt]:
    """The words of one line: the likeliest character of each step, repeats and blanks dropped.

    chances  (steps, characters), of a picture `stretch` times as wide as the line: the rest is padding
    """
    best = chances.argmax(axis=1)
    steps = np.nonzero((best != 0) & (np.diff(best, prepend=0) != 0))[0]
    letters = [(characters[best[step]], int(step), float(chances[step, best[step]])) for step in steps]
    total = len(chances) / stretch
    found = []
    for word in _words(letters, chances[:, characters.index(" ")]):
        # A character is seen about its middle: half of one more on both sides.
        half = (word[-1][1] - word[0][1]) / (2 * (len(word) - 1)) if len(word) > 1 else 2.0
        start, end = max(0.0, word[0][1] + 0.5 - half), min(total, word[-1][1] + 0.5 + half)
        sure = float(np.mean([chance for _, _, chance in word]))
        found.append(Spelt("".join(name for name, _, _ in word), start / total, end / total, sure))
    return found


def _words(letters: Sequence[Letter], blank: NDArray[np.float32]) -> Iterator[list[Letter]]:
    """Letters parted at blanks, those included that the network suspects where letters stand wide apart.

    It misses one blank in thirty of typewriting and of forms; « lui,c'est » would not be found by either word.
    """
    apart = [after[1] - before[1] for before, after in pairwise(letters)]
    usual = float(np.median(apart)) if apart else 1.0
    word: list[Letter] = []
    for before, letter in zip([None, *letters], letters, strict=False):
        if word and before is not None and letter[0] != " ":
            gap = (letter[1] - before[1]) / usual
            figures = before[0].isdigit() and letter[0].isdigit()
            suspicion = float(blank[before[1] : letter[1] + 1].max())
            if gap >= WIDE and (suspicion >= (SUSPECTED_IN_FIGURES if figures else SUSPECTED) or gap >= VERY_WIDE):
                yield word
                word = []
        if letter[0] != " ":
            word.append(letter)
        elif word:
            yield word
            word = []
    if word:
        yield word


def _width(box: Box) -> int:
    height = max(1.0, box[3] - box[1])
    return max(8, min(MOST_WIDTH, round((box[2] - box[0]) * HEIGHT / height)))


def _line(grey: Image.Image, box: Box, width: int) -> NDArray[np.float32]:
    picture = grey.resize((width, HEIGHT), Image.Resampling.BILINEAR, box=box)
    return np.asarray(picture, dtype=np.float32) / np.float32(127.5) - np.float32(1)


def _groups(widths: Sequence[int]) -> Iterator[list[int]]:
    """Places of lines of nearly one width, at most BATCH pixels together: padding is read like the rest."""
    group: list[int] = []
    for at in sorted(range(len(widths)), key=lambda place: widths[place]):
        if group and (widths[at] * (len(group) + 1) > BATCH or widths[at] > 1.25 * widths[group[0]] + PAD):
            yield group
            group = []
        group.append(at)
    if group:
        yield group
