"""Where the lines of text are: the map of the finding network, cut into boxes.

The network is trained on shrunken lines (Liao et al., Real-time Scene Text Detection with Differentiable Binarization,
AAAI 2020): each piece of its map is the core of a line, and grows by area x 1.6 / perimeter. Pages come here straight,
so a line is an upright box.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from records.content import Box

LETTER = 22.0  # pixels of a line of letters on the picture that is searched
LARGEST_SIDE = 2048  # pixels
MOST_POINTS = 1_000_000  # looked at at once
STEP = 32  # the sides of what it is given are multiples of this
CORE = 0.3  # chance from which a point belongs to a line
SURE = 0.5  # mean chance of a line's points
GROWTH = 1.6
SMALLEST = 3  # points, a side of a core

Tones = NDArray[np.float32]


def lines_on(grey: Image.Image, letter: float, finder: Any) -> list[Box]:
    """Boxes of the lines in pixels of `grey` (mode L), whose lines of letters are `letter` pixels high."""
    scale = min(1.0, LETTER / letter, LARGEST_SIDE / max(grey.size))
    size = [max(STEP, round(side * scale / STEP) * STEP) for side in grey.size]
    small = grey.resize((size[0], size[1]), Image.Resampling.BILINEAR, reducing_gap=2.0)
    values = np.asarray(small, dtype=np.float32) / np.float32(127.5) - np.float32(1)
    chances = np.concatenate([_chances(values[top:bottom], finder) for top, bottom in bands(values)])
    across, down = grey.width / size[0], grey.height / size[1]
    return [
        (max(0.0, x0 * across), max(0.0, y0 * down), min(grey.width, x1 * across), min(grey.height, y1 * down))
        for x0, y0, x1, y1 in boxes_in(chances)
    ]


def _chances(values: Tones, finder: Any) -> Tones:
    (chances,) = finder.run(None, {"x": np.repeat(values[None, None], 3, axis=1)})
    return np.asarray(chances[0, 0])


def bands(values: Tones) -> Iterator[tuple[int, int]]:
    """First and last row of each part of a page that is looked at alone, cut where there is least ink.

    The network takes 210 bytes a point: a whole page would take more than the sandbox leaves beside a large picture.
    """
    rows, width = values.shape
    most = max(4 * STEP, MOST_POINTS // width // STEP * STEP)
    ink = np.abs(np.diff(values, axis=1, prepend=1)).sum(axis=1)
    top = 0
    while rows - top > most:
        cuts = range(top + most, top + most // 2, -STEP)
        bottom = min(cuts, key=lambda row: float(ink[row - 1 : row + 1].sum()))
        yield top, bottom
        top = bottom
    yield top, rows


def boxes_in(chances: Tones) -> list[Box]:
    """The lines of a map, in its points."""
    found = []
    for x0, y0, x1, y1 in pieces(chances > CORE):
        width, height = x1 - x0, y1 - y0
        if min(width, height) < SMALLEST:
            continue
        core = chances[y0:y1, x0:x1]
        if float(core[core > CORE].mean()) < SURE:
            continue
        reach = width * height * GROWTH / (2 * (width + height))
        found.append((x0 - reach, y0 - reach, x1 + reach, y1 + reach))
    return found


def pieces(flags: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Bounding boxes of the connected pieces (four neighbours), by union-find over the runs of each row."""
    steps = np.diff(np.pad(flags, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, stops = np.nonzero(steps == -1)
    parent = list(range(len(rows)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    above, first = 0, np.searchsorted(rows, np.arange(flags.shape[0] + 1))
    for row in range(1, flags.shape[0]):
        above, stop = int(first[row - 1]), int(first[row])
        for run in range(stop, int(first[row + 1])):
            while above < stop and stops[above] <= starts[run]:
                above += 1
            other = above
            while other < stop and starts[other] < stops[run]:
                parent[root(other)] = root(run)
                other += 1
    boxes: dict[int, list[int]] = {}
    for run, (row, start, end) in enumerate(zip(rows.tolist(), starts.tolist(), stops.tolist(), strict=True)):
        box = boxes.setdefault(root(run), [start, row, end, row + 1])
        box[0], box[2], box[3] = min(box[0], start), max(box[2], end), row + 1
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in boxes.values()]
