"""From words with boxes to the text of a page: which lines exist, in what order they are read.

Two cases pull apart. Cells of a table that stand on one baseline are one line, joined with tabs, because a result
without its analyte is worthless. Columns of prose are read one after the other, because a sentence that jumps over a
gutter says something else. What tells them apart: columns of prose have four words a line or more on both sides.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from ocr.port import ReadPicture
from records.content import Box, Word

PROSE_WORDS = 4
PROSE_LINES = 3
WIDE_GAP = 1.6  # line heights: a space of a typewriter is 0.6, between cells of a table there are 2 and more
PARAGRAPH_GAP = 0.9  # line heights of blank between two lines that start a new paragraph


@dataclass(frozen=True, slots=True)
class Piece:
    """A word as it will stand in the text: NFC, box in page units."""

    text: str
    box: Box
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Segment:
    """Words that an engine put on one line of one block."""

    pieces: tuple[Piece, ...]
    block: int
    box: Box

    @property
    def middle(self) -> float:
        return (self.box[1] + self.box[3]) / 2

    @property
    def height(self) -> float:
        return median(p.box[3] - p.box[1] for p in self.pieces)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the page's text and the segments on it, from left to right."""

    segments: tuple[Segment, ...]
    box: Box

    @property
    def middle(self) -> float:
        return (self.box[1] + self.box[3]) / 2


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds them all."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def segments_of(read: ReadPicture, scale: float, origin: tuple[float, float] = (0.0, 0.0)) -> list[Segment]:
    """The engine's lines in page units: picture pixels divided by `scale`, then moved by `origin`."""
    segments = []
    for (block, _), group in groupby(read.words, key=lambda word: (word.block, word.line)):
        pieces = []
        for word in group:
            x0, y0, x1, y1 = (value / scale for value in word.box)
            box = (x0 + origin[0], y0 + origin[1], x1 + origin[0], y1 + origin[1])
            pieces.append(Piece(unicodedata.normalize("NFC", word.text), box, word.confidence))
        segments.append(Segment(tuple(pieces), block, around(p.box for p in pieces)))
    return segments


def lines_of(segments: Sequence[Segment]) -> list[Line]:
    """The lines of a page in reading order: rows across the page, except over columns of prose."""
    gutter = _gutter(segments)
    if gutter is None:
        return _rows(segments)
    across, top, bottom = gutter
    crossing = [s for s in segments if s.box[0] < across - s.height and s.box[2] > across + s.height]
    start = max((s.box[3] for s in crossing if s.middle < top), default=float("-inf"))
    stop = min((s.box[1] for s in crossing if s.middle > bottom), default=float("inf"))
    above = [s for s in segments if s.middle < start]
    below = [s for s in segments if s.middle > stop]
    between = [s for s in segments if start <= s.middle <= stop]
    left = [s for s in between if (s.box[0] + s.box[2]) / 2 < across]
    right = [s for s in between if (s.box[0] + s.box[2]) / 2 >= across]
    return [line for part in (above, left, right, below) if part for line in lines_of(part)]


def _gutter(segments: Sequence[Segment]) -> tuple[float, float, float] | None:
    """Where two blocks of prose stand side by side: x between them, top and bottom of both; None without any."""
    blocks = [list(group) for _, group in groupby(sorted(segments, key=lambda s: s.block), key=lambda s: s.block)]
    prose = [
        (around(s.box for s in block), median(s.height for s in block))
        for block in blocks
        if len(block) >= PROSE_LINES and median(len(s.pieces) for s in block) >= PROSE_WORDS
    ]
    for left, height in sorted(prose):
        for right, _ in sorted(prose):
            together = min(left[3], right[3]) - max(left[1], right[1])
            if left[2] <= right[0] + height / 2 and left[0] < right[0] and together > 2 * height:
                return (left[2] + right[0]) / 2, min(left[1], right[1]), max(left[3], right[3])
    return None


def _rows(segments: Sequence[Segment]) -> list[Line]:
    """Segments on one baseline make a line. Each is compared with its nearest neighbour, so that a page that still
    leans a little does not lose its rows."""
    rows: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda s: (s.middle, s.box[0])):
        for row in reversed(rows[-8:]):
            if _same_row(row, segment):
                row.append(segment)
                break
        else:
            rows.append([segment])
    return [Line(tuple(sorted(row, key=lambda s: s.box[0])), around(s.box for s in row)) for row in rows]


def _same_row(row: Sequence[Segment], segment: Segment) -> bool:
    nearest = min(row, key=lambda s: max(s.box[0] - segment.box[2], segment.box[0] - s.box[2]))
    height = max(nearest.height, segment.height)
    beside = all(s.box[2] <= segment.box[0] + height / 2 or s.box[0] >= segment.box[2] - height / 2 for s in row)
    near, far = (nearest, segment) if nearest.box[0] <= segment.box[0] else (segment, nearest)
    end, begin = near.pieces[-1].box, far.pieces[0].box
    apart = abs((end[1] + end[3]) / 2 - (begin[1] + begin[3]) / 2)
    return beside and min(apart, abs(nearest.middle - segment.middle)) < 0.5 * height


class Writer:
    """Builds the text of a page, line by line, and remembers where each word stands in it."""

    def __init__(self) -> None:
        self.text = ""
        self.words: list[Word] = []
        self._bottom: float | None = None

    def line(self, line: Line) -> None:
        """A line of segments: a space between words, a tab over a wide gap."""
        self._break(line)
        pieces = [piece for segment in line.segments for piece in segment.pieces]
        height = median(p.box[3] - p.box[1] for p in pieces)
        for before, piece in zip((None, *pieces[:-1]), pieces, strict=True):
            if before is not None:
                self.text += "\t" if piece.box[0] - before.box[2] > WIDE_GAP * height else " "
            start = len(self.text)
            self.text += piece.text
            self.words.append(Word(start, len(self.text), piece.box, piece.confidence))

    def feed(self, box: Box | None) -> None:
        """Go to a new line, for a line that the caller writes itself."""
        if self.text:
            self.text += "\n"
        self._bottom = box[3] if box is not None else None

    def _break(self, line: Line) -> None:
        if self.text:
            height = median(s.height for s in line.segments)
            blank = self._bottom is not None and line.box[1] - self._bottom > PARAGRAPH_GAP * height
            self.text += "\n\n" if blank else "\n"
        self._bottom = line.box[3]
