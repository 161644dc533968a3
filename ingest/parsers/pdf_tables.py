"""Rows of a page to lines: a table row is one line, also when the text of its cells is wrapped."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.parsers.pdf_segments import Line, Rule, Segment, by_row, line_of


def rows_to_lines(segments: Sequence[Segment], rules: Sequence[Rule]) -> list[Line]:
    lines: list[Line] = []
    for band in _bands(by_row(segments), rules):
        lines += [line_of([[one] for one in row]) for row in band] if len(band) == 1 else _table_row(band)
    return lines


def _bands(rows: list[list[Segment]], rules: Sequence[Rule]) -> list[list[list[Segment]]]:
    """Rows between the same two rules that both cross them, together when they hold several cells: one table row."""
    bands: list[list[list[Segment]]] = []
    keys: list[tuple[float, float] | None] = []
    for row in rows:
        key = _between(row, rules)
        if bands and key is not None and keys[-1] == key:
            bands[-1].append(row)
        else:
            bands.append([row])
            keys.append(key)
    return bands


def _between(row: Sequence[Segment], rules: Sequence[Rule]) -> tuple[float, float] | None:
    if not rules:
        return None
    x0, x1 = row[0].x0, row[-1].x1
    y = sum(one.baseline for one in row) / len(row) - row[0].size / 3
    over = [rule.y for rule in rules if rule.x0 <= x0 + 2 and rule.x1 >= x1 - 2 and rule.y <= y]
    under = [rule.y for rule in rules if rule.x0 <= x0 + 2 and rule.x1 >= x1 - 2 and rule.y > y]
    return (max(over), min(under)) if over and under else None


def _table_row(band: Sequence[Sequence[Segment]]) -> list[Line]:
    """One line for a band whose cells are wrapped text; the rows of any other frame stay lines."""
    columns: list[list[Segment]] = []
    for segment in sorted((one for row in band for one in row), key=lambda one: one.x0):
        if columns and segment.x0 < max(one.x1 for one in columns[-1]):
            columns[-1].append(segment)
        else:
            columns.append([segment])
    cells = [sorted(column, key=lambda one: (one.baseline, one.x0)) for column in columns]
    if len(cells) == 1 or not _is_wrapped(cells):
        return [line_of([[one] for one in row]) for row in band]
    return [line_of(cells)]


def _is_wrapped(cells: Sequence[Sequence[Segment]]) -> bool:
    """Whether the further lines of cells go on with the first: one cell alone has some, or most begin in lower case."""
    further = [[line[0] for line in by_row(cell)[1:]] for cell in cells]
    if sum(1 for lines in further if lines) <= 1:
        return True
    starts = [line.words[0].text[:1] for lines in further for line in lines]
    return sum(1 for one in starts if one.islower()) >= len(starts) / 2
