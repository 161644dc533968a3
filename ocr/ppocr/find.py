"""Where the lines of text are: the map of the finding network, cut into boxes.

The network is trained on shrunken lines (Liao et al., Real-time Scene Text Detection with Differentiable Binarization,
AAAI 2020): each piece of its map is the core of a line, and grows by area x 1.6 / perimeter. Pages come here straight;
what still leans (a photograph's lines fan out) keeps its slope.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from ocr.ppocr.running import Network
from records.content import Box

LETTER = 16.0  # pixels of a line of letters on the picture that is searched
LARGEST_SIDE = 2048  # pixels
MOST_POINTS = 1_000_000  # looked at at once, a printed page; takes 0.16 GB
STEP = 32  # the sides of what it is given are multiples of this
AROUND = 2 * STEP  # rows that are looked at above and below a cut, which may go through a line
FAINTEST = 24  # grey levels from the ground of a square to its farthest point, from which it may hold letters
CORE = 0.3  # chance from which a point belongs to a line
SURE = 0.5  # mean chance of a line's points
GROWTH = 1.6
SMALLEST = 3  # points, a side of a core

LEAST_SLOPE = 0.004  # below, a line of 1,000 pixels drifts by four
FEWEST_WIDE = 4.0  # heights of a core, from which its slope is known

Tones = NDArray[np.float32]
Grey = NDArray[np.uint8]
Runs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its ends, the height of its middle in the page, its own height, pixels down for a pixel to the right."""

    x0: float
    x1: float
    y: float
    height: float
    slope: float = 0.0

    def box(self, start: float = 0.0, end: float = 1.0, filled: float = 1.0) -> Box:
        """The upright box around a part of it (shares of its width), `filled` of its height."""
        left, right = self.x0 + start * (self.x1 - self.x0), self.x0 + end * (self.x1 - self.x0)
        middle = (self.x0 + self.x1) / 2
        ends = [self.y + self.slope * (x - middle) for x in (left, right)]
        return left, min(ends) - filled * self.height / 2, right, max(ends) + filled * self.height / 2


class Part(NamedTuple):
    """Of a picture: the rows `top` to `bottom`, for which rows `first` to `last` are looked at, and columns."""

    top: int
    bottom: int
    first: int
    last: int
    columns: slice


def lines_on(grey: Image.Image, letter: float, finder: Network) -> list[Line]:
    """The lines in pixels of `grey` (mode L), whose lines of letters are `letter` pixels high."""
    scale = min(1.0, LETTER / letter, LARGEST_SIDE / max(grey.size))
    size = [max(STEP, round(side * scale / STEP) * STEP) for side in grey.size]
    small = grey.resize((size[0], size[1]), Image.Resampling.BILINEAR, reducing_gap=2.0)
    tones = np.asarray(small)
    chances = np.zeros(tones.shape, dtype=np.float32)
    looked_at = list(parts(tones))
    for part in looked_at:
        seen = _chances(tones[part.first : part.last, part.columns], finder, last=part is looked_at[-1])
        chances[part.top : part.bottom, part.columns] = seen[part.top - part.first : part.bottom - part.first]
    across, down = grey.width / size[0], grey.height / size[1]
    return [
        Line(
            max(0.0, line.x0 * across),
            min(float(grey.width), line.x1 * across),
            line.y * down,
            line.height * down,
            line.slope * down / across,
        )
        for line in lines_in(chances)
    ]


def _chances(tones: Grey, finder: Network, last: bool) -> Tones:
    values = tones.astype(np.float32) / np.float32(127.5) - np.float32(1)
    return np.asarray(finder.chances(values[None, None], last=last)[0, 0])


def parts(tones: Grey) -> Iterator[Part]:
    """The parts of a page that are looked at, each alone: what is blank is not.

    Bands of rows with ink, each as wide as its ink, with a square of STEP around: a letter of two pages is half blank,
    and time goes by the point. The network takes 120 bytes a point: a whole page would take more than the sandbox
    leaves beside a large picture, so a tall band is cut where there is least ink. On a worn page that may be through a
    line: cut with rows around, 0.02 of 100 letters of such pages are misread; in halves of that size without, 0.07; in
    quarters 0.59, and 13.6 of 100 typewritten words for 9.4.
    """
    rows, columns = (side // STEP for side in tones.shape)
    squares = tones.reshape(rows, STEP, columns, STEP).swapaxes(1, 2).reshape(rows, columns, STEP * STEP)
    low, ground, high = np.percentile(squares, (0, 50, 100), axis=2)
    inked = _with_neighbours(np.maximum(ground - low, high - ground) >= FAINTEST)  # white letters on a dark panel too
    ink = np.abs(np.diff(tones.astype(np.int16), axis=1, prepend=255)).sum(axis=1)
    edges = np.flatnonzero(np.diff(np.pad(inked.any(axis=1), 1).astype(np.int8))).reshape(-1, 2)
    for first, last in edges.tolist():
        held = np.flatnonzero(inked[first:last].any(axis=0))
        left, right = int(held[0]) * STEP, (int(held[-1]) + 1) * STEP
        for top, bottom in _cut(ink, first * STEP, last * STEP, right - left):
            around = max(first * STEP, top - AROUND), min(last * STEP, bottom + AROUND)
            yield Part(top, bottom, *around, slice(left, right))


def _with_neighbours(squares: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(sliding_window_view(np.pad(squares, 1), (3, 3)).any(axis=(2, 3)))


def _cut(ink: NDArray[np.int64], top: int, last: int, width: int) -> Iterator[tuple[int, int]]:
    """First and last row of each piece of a band that is `width` wide: at most MOST_POINTS, cut where there is least
    `ink`."""
    most = max(4 * STEP, MOST_POINTS // width // STEP * STEP)
    while last - top > most:
        cuts = range(top + most, top + most // 2, -STEP)
        bottom = min(cuts, key=lambda row: int(ink[row - 1 : row + 1].sum()))
        yield top, bottom
        top = bottom
    yield top, last


def lines_in(chances: Tones) -> list[Line]:
    """The lines of a map, in its points."""
    found = []
    for core in pieces(chances > CORE):
        if min(core.x1 - core.x0, core.height) < SMALLEST:
            continue
        around = core.box()
        part = chances[max(0, int(around[1])) : int(around[3]) + 1, int(core.x0) : int(core.x1)]
        if float(part[part > CORE].mean()) < SURE:
            continue
        width = core.x1 - core.x0
        reach = width * core.height * GROWTH / (2 * (width + core.height))
        found.append(replace(core, x0=core.x0 - reach, x1=core.x1 + reach, height=core.height + 2 * reach))
    return found


def pieces(flags: NDArray[np.bool_]) -> list[Line]:
    """The connected pieces (four neighbours), by union-find over the runs of each row, without any growth.

    A long piece has the slope of the straight line through its points (least squares), and what is left of its height.
    """
    steps = np.diff(np.pad(flags, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, stops = np.nonzero(steps == -1)
    parent = list(range(len(rows)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    first = np.searchsorted(rows, np.arange(flags.shape[0] + 1)).tolist()
    begin, finish = starts.tolist(), stops.tolist()
    for row in range(1, flags.shape[0]):
        above, stop = first[row - 1], first[row]
        for run in range(stop, first[row + 1]):
            while above < stop and finish[above] <= begin[run]:
                above += 1
            other = above
            while other < stop and begin[other] < finish[run]:
                parent[root(other)] = root(run)
                other += 1
    groups = np.array([root(run) for run in range(len(rows))], dtype=np.intp)
    return [
        _fitted(rows[groups == group], starts[groups == group], stops[groups == group])
        for group in set(groups.tolist())
    ]


def _fitted(rows: Runs, starts: Runs, stops: Runs) -> Line:
    """The line of a piece, whose runs these are."""
    x0, x1, y0, y1 = float(starts.min()), float(stops.max()), float(rows.min()), float(rows.max() + 1)
    box = Line(x0, x1, (y0 + y1) / 2, y1 - y0)
    if x1 - x0 < FEWEST_WIDE * (y1 - y0) / 2:
        return box
    count = (stops - starts).astype(np.float64)
    area, middle = float(count.sum()), (starts + stops - 1) / 2
    mean_x, mean_y = float((count * middle).sum()) / area, float((count * rows).sum()) / area
    spread = float((count * (np.square(middle - mean_x) + (np.square(count) - 1) / 12)).sum())
    slope = float((count * (middle - mean_x) * (rows - mean_y)).sum()) / spread
    if abs(slope) < LEAST_SLOPE:
        return box
    # Where its upper and lower edges stand once the slope is taken off.
    off = np.concatenate((rows - mean_y - slope * (starts - mean_x), rows - mean_y - slope * (stops - 1 - mean_x)))
    upper, lower = float(off.min()), float(off.max()) + 1
    centre = mean_y + (upper + lower) / 2 + slope * ((x0 + x1) / 2 - mean_x)
    return Line(x0, x1, centre, min(y1 - y0, lower - upper), slope)
