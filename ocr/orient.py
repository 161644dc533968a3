"""Cheap looks at a picture's orientation, before any engine is asked."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ocr.skew import ink_of, reduced

SAMPLE_SIDE = 1000  # pixels: some fifteen lines of text at 300 dpi


def sideways(even: Image.Image) -> bool:
    """Whether lines of text run up and down the picture: its columns are more uneven than its rows.

    Only lines tell: a page with a few words says no.
    """
    ink = ink_of(reduced(even))
    down, right = ink[:-1] & ~ink[1:], ink[:, :-1] & ~ink[:, 1:]
    if down.sum() < 400:
        return False
    return _unevenness(right.sum(axis=0)) > 1.5 * _unevenness(down.sum(axis=1))


def _unevenness(profile: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """Squared steps from one row to the next, by squared ink: large when lines and gaps alternate sharply."""
    total = float(profile.sum())
    return float(np.square(np.diff(profile.astype(np.float64))).sum()) / (total * total) if total else 0.0


def sample_of(even: Image.Image) -> Image.Image:
    """The busiest square of a page, at most SAMPLE_SIDE a side: enough to compare four orientations at a low price."""
    if max(even.size) <= SAMPLE_SIDE * 1.5:
        return even
    step = SAMPLE_SIDE // 4
    ink = ink_of(even)
    rows, columns = ink.shape[0] // step, ink.shape[1] // step
    cells = ink[: rows * step, : columns * step].reshape(rows, step, columns, step).sum(axis=(1, 3))
    windows = np.lib.stride_tricks.sliding_window_view(cells, (min(4, rows), min(4, columns))).sum(axis=(2, 3))
    top, left = (int(i) * step for i in np.unravel_index(int(windows.argmax()), windows.shape))
    return even.crop((left, top, min(even.width, left + SAMPLE_SIDE), min(even.height, top + SAMPLE_SIDE)))
