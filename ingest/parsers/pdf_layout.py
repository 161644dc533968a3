"""Words with boxes to lines in reading order: columns one after the other, table rows each on one line.

    words -> segments  words that follow each other on a baseline, closer than a cell's gap
    segments -> zones  a white strip (gutter) between two runs of prose makes columns; anything else stays rows
    zones -> lines     a ruled table gives a line a row, whatever the lines in its cells

Coordinates: origin top left, y downwards, upright. The numbers were set on the golden pages of
tests/ingest/test_pdf_layout.py and on ../shared/data/pdf_hostile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

import numpy as np

from ingest.parsers.pdf_columns import is_columns
from ingest.parsers.pdf_segments import Ink, Line, Rule, Segment, segments_of
from ingest.parsers.pdf_tables import rows_to_lines

CELL = "\t"
"""Between the cells of a row."""
_MOST = 3_000  # segments: a page with more is a map or a drawing, and comparing all pairs would take seconds
_BREAK = 1.45  # line pitches: a wider step starts a paragraph


def arrange(words: Sequence[Ink], rules: Sequence[Rule] = (), segments: Sequence[Segment] = ()) -> list[Line]:
    """The lines of a page in reading order. Text that runs in other directions than most comes last.

    segments  those of all `words`, when the caller has them already
    """
    by_angle: dict[int, list[Ink]] = {}
    for word in words:
        by_angle.setdefault(word.angle, []).append(word)
    lines: list[Line] = []
    for angle in sorted(by_angle, key=lambda one: (-len(by_angle[one]), one)):
        own = segments if segments and len(by_angle) == 1 else segments_of(by_angle[angle])
        lines += _order(own, rules if angle == 0 else ())
    return _paragraphs(lines)


def _order(segments: Sequence[Segment], rules: Sequence[Rule]) -> list[Line]:
    """Lines of an area: its columns if a gutter parts some, else its rows."""
    gutter = _gutter(segments, rules)
    if gutter is None:
        return rows_to_lines(segments, rules)
    lines: list[Line] = []
    for zone, parted in _zones(_down(segments), gutter, rules):
        if parted:
            lines += _order([one for one in zone if one.x1 <= gutter], rules)
            lines += _order([one for one in zone if one.x1 > gutter], rules)
        else:
            lines += rows_to_lines(zone, rules)
    return lines


def _gutter(segments: Sequence[Segment], rules: Sequence[Rule]) -> float | None:
    """The place x that parts the most lines into columns of prose, or None."""
    best, most = None, 0
    if len(segments) > _MOST:
        return None
    down = _down(segments)
    for x in _candidates(segments):
        lines = sum(len(zone) for zone, parted in _zones(down, x, rules) if parted)
        if lines > most:
            best, most = x, lines
    return best


def _candidates(segments: Sequence[Segment]) -> list[float]:
    """Middles of the white strips just left of where lines start; at most the 12 commonest starts are tried."""
    starts: dict[int, list[int]] = {}
    for at, segment in enumerate(segments):
        starts.setdefault(round(segment.x0 / 4), []).append(at)
    common = sorted((group for group in starts.values() if len(group) >= 2), key=len, reverse=True)[:12]
    # `reaches`: down to where what begins is still near it
    tops, ends, reaches = np.array([(one.y0, one.x1, one.y1 + 3 * one.size) for one in segments]).T
    found = []
    for group in common:
        x0 = min([segments[at].x0 for at in group])
        before = np.nonzero(ends < x0)[0]
        near = (tops[before, None] < reaches[group]) & (tops[group] < reaches[before, None])
        left = ends[before[near.any(axis=1)]].tolist()
        if left:
            found.append((median(left) + x0) / 2 if max(left) > x0 - 2 else (max(left) + x0) / 2)
    return found


def _down(segments: Iterable[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda one: (one.baseline, one.x0))


def _zones(segments: Sequence[Segment], x: float, rules: Sequence[Rule]) -> list[tuple[list[Segment], bool]]:
    """The area, `_down`, cut where something crosses x; and whether each part is columns."""
    zones: list[tuple[list[Segment], bool]] = []
    here: list[Segment] = []
    for segment in segments:
        if segment.x0 < x < segment.x1:
            zones += _zone(here, x, rules)
            zones.append(([segment], False))
            here = []
        else:
            here.append(segment)
    return zones + _zone(here, x, rules)


def _zone(segments: list[Segment], x: float, rules: Sequence[Rule]) -> list[tuple[list[Segment], bool]]:
    return [(segments, is_columns(segments, x, rules))] if segments else []


def _paragraphs(lines: list[Line]) -> list[Line]:
    """Mark the lines that stand apart from the one before: a wider step than usual, or a step back up (a column)."""
    steps = [b.first - a.last for a, b in pairwise(lines) if b.first > a.last]
    pitch = median(steps) if steps else 0.0
    marked = lines[:1]
    for before, line in pairwise(lines):
        step = line.first - before.last
        marked.append(Line(line.cells, line.first, line.last, step < 0 or step > _BREAK * pitch))
    return marked
