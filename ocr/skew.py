"""How a page leans and how tall its letters are, from its ink alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Ink = NDArray[np.bool_]

WORKING_SIDE = 1200  # pixels; skew is found to a twentieth of a degree at this size
LARGEST_SKEW = 8.0  # degrees; further than that is no scan but a photograph
MOST_POINTS = 120_000
SOLID = 0.5  # of a strip's points: letters ink a tenth to a third of their line, the frame of a microfilm all of it


def ink_of(grey: Image.Image) -> Ink:
    """Dark points of a picture on white paper; the threshold is Otsu's, kept to what can be ink.

    Below 90 faint carbon copies vanish; above 200 the other side of the sheet shows through.
    """
    values = np.asarray(grey, dtype=np.uint8)
    return np.asarray(values < min(200, max(90, _otsu(grey.histogram()))))


def _otsu(histogram: list[int]) -> int:
    """Level that parts a histogram of 256 tones best in two (Otsu 1979: the greatest variance between classes)."""
    counts = np.asarray(histogram, dtype=np.float64)
    levels = np.arange(256)
    below = np.cumsum(counts)
    mass = np.cumsum(counts * levels)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * np.square(mass / below - (mass[-1] - mass) / above)
    return int(np.nan_to_num(between).argmax())


def skew_of(grey: Image.Image) -> float:
    """Degrees by which to turn the picture counter-clockwise... so that its lines lie flat; 0.0 when unsure."""
    small = reduced(grey)
    ink = ink_of(small)
    # Lower edges of the ink draw the baselines; they are few and say more than whole letters.
    edges = ink[:-1] & ~ink[1:]
    rows, columns = np.nonzero(edges)
    if len(rows) < 200:
        return 0.0
    if len(rows) > MOST_POINTS:
        keep = np.linspace(0, len(rows) - 1, MOST_POINTS).astype(np.intp)
        rows, columns = rows[keep], columns[keep]
    across = columns - ink.shape[1] / 2
    coarse = _best(rows, across, np.arange(-LARGEST_SKEW, LARGEST_SKEW + 0.01, 0.5))
    fine = _best(rows, across, coarse + np.arange(-0.5, 0.51, 0.05))
    gain = _sharpness(rows, across, fine) / max(_sharpness(rows, across, 0.0), 1e-9)
    return float(fine) if gain > 1.02 and abs(fine) >= 0.1 else 0.0


def _best(rows: NDArray[np.intp], across: NDArray[np.float64], angles: NDArray[np.float64]) -> float:
    return float(max(angles, key=lambda angle: _sharpness(rows, across, float(angle))))


def _sharpness(rows: NDArray[np.intp], across: NDArray[np.float64], degrees: float) -> float:
    """How much the profile of rows changes from one to the next when the page is leant by `degrees`."""
    slid = np.rint(rows - across * np.tan(np.radians(degrees))).astype(np.intp)
    profile = np.bincount(slid - slid.min()).astype(np.float64)
    return float(np.square(profile).sum())


def reduced(grey: Image.Image) -> Image.Image:
    factor = max(1, max(grey.size) // WORKING_SIDE)
    return grey.reduce(factor) if factor > 1 else grey


def letter_height(grey: Image.Image) -> float | None:
    """Median height of the lines of letters in pixels, ascender to descender; None when the page shows too few.

    Measured on upright strips an eighth of the page wide, so that columns and a rest of skew do not blur the rows. Each
    run of inked rows counts by its mean ink, which is how much of the strip is written, and not by its area: a frame,
    a dark title or a grey field is high, and by area was 16 of 149 forms (FUNSD, its words' true heights) over half as
    much again; by mean ink none is.
    """
    ink = ink_of(grey)
    heights: list[int] = []
    weights: list[float] = []
    for strip in np.array_split(ink, 8, axis=1):
        profile = strip.sum(axis=1)
        for start, stop in _runs(profile > max(1, strip.shape[1] // 50)):
            inked = float(profile[start:stop].mean())
            if 5 <= stop - start <= ink.shape[0] / 4 and inked <= SOLID * strip.shape[1]:
                heights.append(stop - start)
                weights.append(inked)
    if len(heights) < 8:
        return None
    order = np.argsort(heights)
    half = np.cumsum(np.asarray(weights)[order])
    return float(np.asarray(heights)[order][np.searchsorted(half, half[-1] / 2)])


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    steps = np.diff(np.concatenate(([False], flags, [False])).astype(np.int8))
    starts, stops = np.nonzero(steps == 1)[0], np.nonzero(steps == -1)[0]
    return [(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]
