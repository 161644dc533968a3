"""What a page is made of, from words to lines: segments on one baseline, and the rows that they make.

Coordinates: origin top left, y downwards, upright.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from records.content import Box

_ALIGNED = 0.12  # em: baselines nearer than that are one row
_CELL_GAP = 1.4  # em: justified prose stays under 1, columns and cells leave 1.5 and more
_NARROW = 0.8  # em: LaTeX leaves 1 between columns
_SIDE, _FEWEST_JOINED, _FEWEST_BEGIN = 4, 3, 7
_RUN_INTO = 0.2  # em: kerning and the loose boxes of letters stay under 0.1


class Ink(NamedTuple):
    """A word as a PDF shows it. `upright` is its box turned so that its text runs left to right; `size` in points."""

    text: str
    box: Box
    upright: Box
    baseline: float
    size: float
    angle: int = 0  # clockwise quarter turns of the text as displayed, 0 to 3


class Segment(NamedTuple):
    words: tuple[Ink, ...]
    x0: float
    y0: float
    x1: float
    y1: float
    baseline: float
    size: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line that is drawn, upright coordinates."""

    x0: float
    x1: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """Cells of words; most lines have one cell. `first` and `last` are the baselines of a row's first and last line,
    `starts` says that a paragraph starts here."""

    cells: tuple[tuple[Ink, ...], ...]
    first: float
    last: float
    starts: bool = False


def segments_of(words: Sequence[Ink]) -> list[Segment]:
    """Runs of words on one baseline, whatever the order in which the file draws them."""
    rows: list[list[Ink]] = []
    for baseline, _, _, word in sorted([(one.baseline, one.upright[0], at, one) for at, one in enumerate(words)]):
        if rows and rows[-1][-1].baseline == baseline:  # most words
            rows[-1].append(word)
            continue
        for row in rows[:-5:-1]:
            if _on_row(row[-1], word):
                row.append(word)
                break
        else:
            rows.append([word])
    return _cut_at_margins([one for row in rows for one in _cut_row(sorted(row, key=lambda one: one.upright[0]))])


def overlapping_runs(segments: Sequence[Segment]) -> bool:
    """Whether words of one line run into each other, so that boxes alone do not give their order.

    This is the rule that sends a page to pdfminer.six. Columns, tables, sidebars and turned text come out the same
    from the words of pdfium on every golden page and on 20 of 24 real pages, four times as fast or more; of the other
    four, pdfminer is right on the three with overlapping runs and wrong on one with letter-spaced text.
    """
    for segment in segments:
        for a, b in pairwise(segment.words):
            shared = a.upright[2] - b.upright[0]
            if shared > 0 and shared > _RUN_INTO * max(a.size, b.size):
                return True
    return False


def has_cells(segments: Sequence[Segment]) -> bool:
    """Whether some line has a gap as wide as between cells; only then do drawn rules matter."""
    return any(same_row(a, b) for a, b in pairwise(segments))


def _on_row(last: Ink, word: Ink) -> bool:
    """Same baseline, or an exponent or index whose box lies mostly within the row's height."""
    small, size = (last.size, word.size) if last.size < word.size else (word.size, last.size)
    step = abs(last.baseline - word.baseline)
    if step <= _ALIGNED * size:
        return True
    if small > 0.75 * size or step > 0.5 * size:
        return False
    gap = max(word.upright[0] - last.upright[2], last.upright[0] - word.upright[2])
    return gap < 0.5 * size


def _cut_row(row: Sequence[Ink]) -> list[Segment]:
    last = row[0]
    pieces, reach = [[last]], last.upright[2]
    for word in row[1:]:
        left, _, right, _ = word.upright
        if left - reach <= _CELL_GAP * word.size or left - reach <= _CELL_GAP * last.size:
            pieces[-1].append(word)
            reach = right if right > reach else reach
        else:
            pieces.append([word])
            reach = right
        last = word
    return [_segment(piece) for piece in pieces]


def _cut_at_margins(segments: list[Segment]) -> list[Segment]:
    """Cut the lines that run from one column into the next over a gutter narrower than a cell's gap.

    Such a gutter is a blank wider than most between words, behind which three lines at least have four words or more
    on both sides, and where seven lines or more begin, these included. Justified prose has such blanks too, but at
    random places; bullets have one word before them, cells few.
    """
    inside: dict[int, list[int]] = {}  # place of a segment -> places of words behind such blanks
    for place, segment in enumerate(segments):
        for at, (before, word) in enumerate(pairwise(segment.words), 1):
            if word.upright[0] - before.upright[2] > _NARROW * word.size and at >= _SIDE:
                inside.setdefault(place, []).append(at)
    if len(inside) < _FEWEST_JOINED:
        return segments
    begin = Counter(round(one.x0) for one in segments)
    joined: Counter[int] = Counter()
    for place, found in inside.items():
        words = segments[place].words
        joined.update(round(words[at].upright[0]) for at in found if len(words) - at >= _SIDE)
    cut: list[Segment] = []
    for place, segment in enumerate(segments):
        ends = []
        for at in inside.get(place, ()):
            edge = round(segment.words[at].upright[0])
            near = (edge - 1, edge, edge + 1)
            if (
                sum(joined[x] for x in near) >= _FEWEST_JOINED
                and sum(begin[x] + joined[x] for x in near) >= _FEWEST_BEGIN
            ):
                ends.append(at)
        cut += (
            [_segment(segment.words[a:b]) for a, b in pairwise([0, *ends, len(segment.words)])] if ends else [segment]
        )
    return cut


def _segment(words: Sequence[Ink]) -> Segment:
    main = max(words, key=lambda one: one.size)
    lefts, tops, rights, bottoms = zip(*[one.upright for one in words], strict=True)
    return Segment(tuple(words), min(lefts), min(tops), max(rights), max(bottoms), main.baseline, main.size)


def same_row(a: Segment, b: Segment) -> bool:
    return abs(a.baseline - b.baseline) <= _ALIGNED * (a.size if a.size > b.size else b.size)


def on_rows(some: Sequence[Segment], others: Sequence[Segment]) -> NDArray[np.bool_]:
    """Which of `some` have one of `others` on their row: `same_row` of all pairs at once."""
    lines, sizes = np.array([(one.baseline, one.size) for one in some]).T[:, :, None]
    other_lines, other_sizes = np.array([(one.baseline, one.size) for one in others]).T
    together: NDArray[np.bool_] = np.abs(lines - other_lines) <= _ALIGNED * np.maximum(sizes, other_sizes)
    found: NDArray[np.bool_] = np.any(together, axis=1)
    return found


def by_row(segments: Iterable[Segment]) -> list[list[Segment]]:
    rows: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda one: (one.baseline, one.x0)):
        if rows and same_row(rows[-1][0], segment):
            rows[-1].append(segment)
        else:
            rows.append([segment])
    return [sorted(row, key=lambda one: one.x0) for row in rows]


def line_of(cells: Sequence[Sequence[Segment]]) -> Line:
    baselines = [one.baseline for cell in cells for one in cell]
    words = tuple([tuple(chain.from_iterable([one.words for one in cell])) for cell in cells])
    return Line(words, min(baselines), max(baselines))
