"""Does a white strip part columns, which are read one after the other, or the cells of rows?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from ingest.parsers.pdf_segments import Rule, Segment, by_row, on_rows

_FEWEST = 3  # lines on each side of a gutter before it can part columns
_FEWEST_PAST = 5  # lines that run past what stands beside them
_BLANK = 0.2  # em: the narrowest blank between words


def is_columns(segments: Sequence[Segment], x: float, rules: Sequence[Rule]) -> bool:
    """Whether the gutter at `x`, which no segment crosses, parts columns that are read one after the other."""
    left = [one for one in segments if one.x1 <= x]
    right = [one for one in segments if one.x1 > x]
    if min(len(left), len(right)) < _FEWEST:
        return False
    top, bottom = min(one.y0 for one in segments), max(one.y1 for one in segments)
    if sum(1 for rule in rules if rule.x0 < x - 5 and rule.x1 > x + 5 and top - 4 < rule.y < bottom + 4) >= 3:
        return False
    few, many = sorted((left, right), key=len)
    if on_rows(few, many).mean() < 0.6 and len({round(one.baseline) for one in many}) >= 2 * _FEWEST:
        return True
    return (
        (_is_prose(left) and _is_prose(right))
        or (_are_lists(left) and _are_lists(right))
        or _runs_past(left, right)
        or _runs_past(right, left)
    )


def _runs_past(prose: Sequence[Segment], other: Sequence[Segment]) -> bool:
    """Whether sentences run on past what stands beside them: the names and numbers down the side of a letter.

    Of the rows that hold both, half and at least five hold a line that goes on in lower case with a word for which the
    line before had no room. The values of a table each begin on the row of their label, whatever the one before held.
    """
    if sum(1 for one in other if one.words[-1].text.endswith(":")) > len(other) / 4:
        return False
    rows = by_row(prose)
    if len(rows) <= _FEWEST_PAST or any(len(row) > 1 for row in rows):
        return False
    lines = [row[0] for row in rows]
    edge = max(one.x1 for one in lines)
    both = on_rows(lines, other)
    past = sum(
        1 for (before, after), on in zip(pairwise(lines), both[1:], strict=True) if on and _goes_on(before, after, edge)
    )
    return past >= _FEWEST_PAST and past >= both.sum() / 2


def _goes_on(before: Segment, after: Segment, edge: float) -> bool:
    first = after.words[0]
    near = after.baseline - before.baseline <= 2 * after.size
    no_room = before.x1 + _BLANK * before.size + first.upright[2] - first.upright[0] > edge
    return near and no_room and first.text[:1].islower()


def _is_prose(side: Sequence[Segment]) -> bool:
    """Lines of several words that fill their column, some of which go on in the next."""
    lines = by_row(side)
    if any(len(line) > 1 for line in lines):
        lines = [line for line in lines if len(line) == 1]
        if len(lines) < 0.8 * len(side):
            return False
    width = max(one.x1 for one in side) - min(one.x0 for one in side)
    filled = median((one.x1 - one.x0) / width for one in side) if width else 0.0
    words = sum(len(one.words) for one in side) / len(side)
    going_on = sum(1 for one in side if one.words[0].text[:1].islower()) / len(side)
    return words >= 3.0 and filled >= 0.6 and going_on >= 0.2


def _are_lists(side: Sequence[Segment]) -> bool:
    marks = sum(1 for one in side if one.words[0].text[:1] in "-–—•▪■●◦*")
    return marks >= _FEWEST and marks >= 0.4 * len(side)
