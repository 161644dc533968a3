"""Lines that are not text: rules of dashes, which Tesseract reads as forty invented words each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocr.skew import Ink, ink_of


def without_rules(grey: Image.Image, letter: float) -> Image.Image:
    """The picture with its rules of typed dashes made white; `letter` is the height of a line of letters in pixels.

    A dash is flat ink: thinner than a fifth of a letter with nothing within half a letter above or below. A rule is
    flat ink over four tenths of five letters' width, with next to no other ink there. A hyphen, a minus sign or the
    dash of an enumeration has text beside it or stands alone, and stays.
    """
    factor = 2 if letter >= 24 else 1
    ink = ink_of(grey.reduce(factor) if factor > 1 else grey)
    height = letter / factor
    thin, reach, half = max(2, round(height / 5)), max(3, round(height / 2)), round(height * 2.5)
    flat = ink & (_column_sums(ink, reach) <= thin)
    dashed = _row_share(_near(flat, thin), half)
    core = flat & (dashed >= 0.4)
    if not core.any():
        return grey
    written = _row_share(_near(ink & ~flat, thin), half)
    core &= written <= 0.05
    rule = _thickened(flat & _spread_along(core, half, thin) & (written <= 0.3))
    if factor > 1:
        rule = rule.repeat(factor, axis=0).repeat(factor, axis=1)
    values = np.array(grey)
    rows, columns = values.shape
    values[rule[:rows, :columns]] = 255
    return Image.fromarray(values)


def _column_sums(flags: Ink, reach: int) -> NDArray[np.int32]:
    """How many points are set in each column within `reach` rows."""
    sums = np.cumsum(np.pad(flags, ((reach + 1, reach), (0, 0))), axis=0, dtype=np.int32)
    return np.asarray(sums[2 * reach + 1 :] - sums[: -2 * reach - 1])


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
    """Two points more on each side: the grey fringe of a dash is read as dots."""
    grown = np.asarray(_column_sums(flags, 2) > 0)
    return np.asarray(_row_share(grown, 2) > 0)
