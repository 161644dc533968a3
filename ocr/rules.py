"""Lines that are not text: rules of dashes, which Tesseract reads as forty invented words each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocr.skew import Ink, ink_of

BAND = 512
"""Rows looked at at once: sums over a whole page of A4 take 100 MB. Each band is looked at with all
the rows around it that decide about its points, so a cut changes nothing."""
FRINGE = 2
"""Points more on each side: the grey fringe of a dash is read as dots."""


def without_rules(grey: Image.Image, letter: float) -> Image.Image:
    """The picture with its rules of typed dashes made white; `letter` is the height of a line of letters in pixels.

    A dash is flat ink: thinner than a fifth of a letter with nothing within half a letter above or below. A rule is
    flat ink over four tenths of five letters' width, with next to no other ink there. A hyphen, a minus sign or the
    dash of an enumeration has text beside it or stands alone, and stays.
    """
    factor = 2 if letter >= 24 else 1
    ink = ink_of(grey.reduce(factor) if factor > 1 else grey)
    height = letter / factor
    thin, reach = _sizes(height)
    around = reach + 2 * thin + FRINGE
    values: NDArray[np.uint8] | None = None
    for top in range(0, len(ink), BAND):
        above = min(top, around)
        rule = _rules(ink[top - above : top + BAND + around], height)
        if rule is None:
            continue
        rule = rule[above : above + BAND].repeat(factor, axis=0).repeat(factor, axis=1)
        values = np.array(grey) if values is None else values
        place = values[top * factor : top * factor + len(rule)]
        place[rule[: len(place), : place.shape[1]]] = 255
    return grey if values is None else Image.fromarray(values)


def _rules(ink: Ink, height: float) -> Ink | None:
    """Where rules are in some rows of a page whose letters are so high; None without any."""
    (thin, reach), half = _sizes(height), round(height * 2.5)
    flat = ink & (_column_sums(ink, reach) <= thin)
    dashed = _row_share(_near(flat, thin), half)
    core = flat & (dashed >= 0.4)
    if not core.any():
        return None
    written = _row_share(_near(ink & ~flat, thin), half)
    core &= written <= 0.05
    return _thickened(flat & _spread_along(core, half, thin) & (written <= 0.3))


def _sizes(height: float) -> tuple[int, int]:
    """Rows of a dash at most; rows above and below it that must be blank."""
    return max(2, round(height / 5)), max(3, round(height / 2))


def _column_sums(flags: Ink, reach: int) -> NDArray[np.uint16]:
    """How many points are set in each column within `reach` rows. (Row on row: numpy's sums down columns take thrice
    as long.)"""
    padded = np.pad(flags, ((reach, reach), (0, 0)))
    sums = np.zeros(flags.shape, dtype=np.uint16)
    for row in range(2 * reach + 1):
        sums += padded[row : row + len(flags)]
    return sums


def _near(flags: Ink, reach: int) -> Ink:
    return np.asarray(_column_sums(flags, reach) > 0)


def _row_share(flags: Ink, half: int) -> NDArray[np.float32]:
    """The share of set points in each row within `half` columns."""
    sums = np.cumsum(np.pad(flags, ((0, 0), (half + 1, half))), axis=1, dtype=np.int32)
    return np.asarray((sums[:, 2 * half + 1 :] - sums[:, : -2 * half - 1]) / np.float32(2 * half + 1))


def _spread_along(flags: Ink, half: int, reach: int) -> Ink:
    """Points within `half` columns and `reach` rows of a set one: the ends of a rule, half whose window is blank."""
    return np.asarray(_row_share(_near(flags, reach), half) > 0)


def _thickened(flags: Ink) -> Ink:
    grown = np.asarray(_column_sums(flags, FRINGE) > 0)
    return np.asarray(_row_share(grown, FRINGE) > 0)
