"""Words with boxes to lines in reading order: columns one after the other, table rows each on one line.

    words -> segments  words that follow each other on a baseline, closer than a cell's gap
    segments -> zones  a white strip (gutter) between two runs of prose makes columns; anything else stays rows
    zones -> lines     a ruled table gives a line a row, whatever the lines in its cells

Coordinates: origin top left, y downwards, upright. The numbers were set on the golden pages of
tests/ingest/test_pdf_layout.py and on ../shared/data/pdf_hostile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from records.content import Box

CELL = "\t"
"""Between the cells of a row."""
_CELL_GAP = 1.4  # em: justified prose stays under 1, columns and cells leave 1.5 and more
_ALIGNED = 0.12  # em: baselines nearer than that are one row
_RUN_INTO = 0.2  # em: kerning and the loose boxes of letters stay under 0.1
_FEWEST = 3  # lines on each side of a gutter before it can part columns
_BREAK = 1.45  # line pitches: a wider step starts a paragraph


@dataclass(frozen=True, slots=True)
class Ink:
    """A word as a PDF shows it. `upright` is its box turned so that its text runs left to right; `size` in points."""

    text: str
    box: Box
    upright: Box
    baseline: float
    size: float
    angle: int = 0  # clockwise quarter turns of the text as displayed, 0 to 3


@dataclass(frozen=True, slots=True)
class Segment:
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
    for word in sorted(words, key=lambda one: (one.baseline, one.upright[0])):
        row = next((row for row in reversed(rows[-4:]) if _on_row(row[-1], word)), None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    return [segment for row in rows for segment in _cut_row(sorted(row, key=lambda one: one.upright[0]))]


def overlapping_runs(words: Sequence[Ink]) -> bool:
    """Whether words of one line run into each other, so that boxes alone do not give their order.

    This is the rule that sends a page to pdfminer.six. Columns, tables, sidebars and turned text come out the same
    from the words of pdfium on every golden page and on 20 of 24 real pages, three to ten times faster; of the other
    four, pdfminer is right on the three with overlapping runs and wrong on one with letter-spaced text.
    """
    for segment in segments_of(words):
        for a, b in pairwise(segment.words):
            if a.upright[2] - b.upright[0] > _RUN_INTO * max(a.size, b.size):
                return True
    return False


def has_cells(words: Sequence[Ink]) -> bool:
    """Whether some line has a gap as wide as between cells; only then do drawn rules matter."""
    return any(_same_row(a, b) for a, b in pairwise(segments_of(words)))


def arrange(words: Sequence[Ink], rules: Sequence[Rule] = ()) -> list[Line]:
    """The lines of a page in reading order. Text that runs in other directions than most comes last."""
    by_angle: dict[int, list[Ink]] = {}
    for word in words:
        by_angle.setdefault(word.angle, []).append(word)
    lines: list[Line] = []
    for angle in sorted(by_angle, key=lambda one: (-len(by_angle[one]), one)):
        lines += _order(segments_of(by_angle[angle]), rules if angle == 0 else ())
    return _paragraphs(lines)


def _on_row(last: Ink, word: Ink) -> bool:
    """Same baseline, or an exponent or index whose box lies mostly within the row's height."""
    size = max(last.size, word.size)
    if abs(last.baseline - word.baseline) <= _ALIGNED * size:
        return True
    small = min(last.size, word.size) <= 0.75 * size
    gap = max(word.upright[0] - last.upright[2], last.upright[0] - word.upright[2])
    return small and abs(last.baseline - word.baseline) <= 0.5 * size and gap < 0.5 * size


def _cut_row(row: Sequence[Ink]) -> list[Segment]:
    pieces: list[list[Ink]] = []
    reach = 0.0
    for word in row:
        if pieces and word.upright[0] - reach <= _CELL_GAP * max(word.size, pieces[-1][-1].size):
            pieces[-1].append(word)
            reach = max(reach, word.upright[2])
        else:
            pieces.append([word])
            reach = word.upright[2]
    return [_segment(piece) for piece in pieces]


def _segment(words: Sequence[Ink]) -> Segment:
    main = max(words, key=lambda one: one.size)
    return Segment(
        tuple(words),
        min(one.upright[0] for one in words),
        min(one.upright[1] for one in words),
        max(one.upright[2] for one in words),
        max(one.upright[3] for one in words),
        main.baseline,
        main.size,
    )


def _same_row(a: Segment, b: Segment) -> bool:
    return abs(a.baseline - b.baseline) <= _ALIGNED * max(a.size, b.size)


def _order(segments: Sequence[Segment], rules: Sequence[Rule]) -> list[Line]:
    """Lines of an area: its columns if a gutter parts some, else its rows."""
    gutter = _gutter(segments, rules)
    if gutter is None:
        return _rows(segments, rules)
    lines: list[Line] = []
    for zone, is_columns in _zones(segments, gutter, rules):
        if is_columns:
            lines += _order([one for one in zone if one.x1 <= gutter], rules)
            lines += _order([one for one in zone if one.x1 > gutter], rules)
        else:
            lines += _rows(zone, rules)
    return lines


def _gutter(segments: Sequence[Segment], rules: Sequence[Rule]) -> float | None:
    """The place x that parts the most lines into columns of prose, or None."""
    best, most = None, 0
    for x in _candidates(segments):
        parted = sum(len(zone) for zone, is_columns in _zones(segments, x, rules) if is_columns)
        if parted > most:
            best, most = x, parted
    return best


def _candidates(segments: Sequence[Segment]) -> list[float]:
    """Middles of the white strips just left of where lines start; at most the 12 commonest starts are tried."""
    starts: dict[int, list[Segment]] = {}
    for segment in segments:
        starts.setdefault(round(segment.x0 / 4), []).append(segment)
    common = sorted((group for group in starts.values() if len(group) >= 2), key=len, reverse=True)[:12]
    found = []
    for group in common:
        x0 = min(one.x0 for one in group)
        left = [one.x1 for one in segments if one.x1 < x0 and any(_near(one, other) for other in group)]
        if left:
            found.append((median(left) + x0) / 2 if max(left) > x0 - 2 else (max(left) + x0) / 2)
    return found


def _near(a: Segment, b: Segment) -> bool:
    return a.y0 < b.y1 + 3 * b.size and b.y0 < a.y1 + 3 * a.size


def _zones(segments: Sequence[Segment], x: float, rules: Sequence[Rule]) -> list[tuple[list[Segment], bool]]:
    """The area cut, from top to bottom, where something crosses x; and whether each part is columns."""
    zones: list[tuple[list[Segment], bool]] = []
    here: list[Segment] = []
    for segment in sorted(segments, key=lambda one: (one.baseline, one.x0)):
        if segment.x0 < x < segment.x1:
            zones += _zone(here, x, rules)
            zones.append(([segment], False))
            here = []
        else:
            here.append(segment)
    return zones + _zone(here, x, rules)


def _zone(segments: list[Segment], x: float, rules: Sequence[Rule]) -> list[tuple[list[Segment], bool]]:
    return [(segments, _is_columns(segments, x, rules))] if segments else []


def _is_columns(segments: Sequence[Segment], x: float, rules: Sequence[Rule]) -> bool:
    left = [one for one in segments if one.x1 <= x]
    right = [one for one in segments if one.x1 > x]
    if min(len(left), len(right)) < _FEWEST:
        return False
    top, bottom = min(one.y0 for one in segments), max(one.y1 for one in segments)
    if sum(1 for rule in rules if rule.x0 < x - 5 and rule.x1 > x + 5 and top - 4 < rule.y < bottom + 4) >= 3:
        return False
    few, many = sorted((left, right), key=len)
    aligned = sum(1 for one in few if any(_same_row(one, other) for other in many)) / len(few)
    if aligned < 0.6 and len({round(one.baseline) for one in many}) >= 2 * _FEWEST:
        return True
    return (_is_prose(left) and _is_prose(right)) or (_are_lists(left) and _are_lists(right))


def _is_prose(side: Sequence[Segment]) -> bool:
    """Lines of several words that fill their column, some of which go on in the next."""
    lines = _by_row(side)
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


def _by_row(segments: Iterable[Segment]) -> list[list[Segment]]:
    rows: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda one: (one.baseline, one.x0)):
        if rows and _same_row(rows[-1][0], segment):
            rows[-1].append(segment)
        else:
            rows.append([segment])
    return [sorted(row, key=lambda one: one.x0) for row in rows]


def _rows(segments: Sequence[Segment], rules: Sequence[Rule]) -> list[Line]:
    lines: list[Line] = []
    for band in _bands(_by_row(segments), rules):
        lines += [_line([[one] for one in row]) for row in band] if len(band) == 1 else _table_row(band)
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
        return [_line([[one] for one in row]) for row in band]
    return [_line(cells)]


def _is_wrapped(cells: Sequence[Sequence[Segment]]) -> bool:
    """Whether the further lines of cells go on with the first: one cell alone has some, or most begin in lower case."""
    further = [[line[0] for line in _by_row(cell)[1:]] for cell in cells]
    if sum(1 for lines in further if lines) <= 1:
        return True
    starts = [line.words[0].text[:1] for lines in further for line in lines]
    return sum(1 for one in starts if one.islower()) >= len(starts) / 2


def _line(cells: Sequence[Sequence[Segment]]) -> Line:
    segments = [one for cell in cells for one in cell]
    return Line(
        tuple(tuple(word for one in cell for word in one.words) for cell in cells),
        min(one.baseline for one in segments),
        max(one.baseline for one in segments),
    )


def _paragraphs(lines: list[Line]) -> list[Line]:
    """Mark the lines that stand apart from the one before: a wider step than usual, or a step back up (a column)."""
    steps = [b.first - a.last for a, b in pairwise(lines) if b.first > a.last]
    pitch = median(steps) if steps else 0.0
    marked = lines[:1]
    for before, line in pairwise(lines):
        step = line.first - before.last
        marked.append(Line(line.cells, line.first, line.last, step < 0 or step > _BREAK * pitch))
    return marked
