"""From words with boxes to the text of a page: which lines exist, in what order they are read.

Two cases pull apart. Cells of a table that stand on one baseline are one line, joined with tabs, because a result
without its analyte is worthless. Columns of prose are read one after the other, because a sentence that jumps over a
gutter says something else. What tells them apart: columns of prose have four words a line or more on both sides.
"""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from ingest.exponents import marks_apart
from ocr.port import ReadPicture, ReadWord
from records.content import Box, Word

PROSE_WORDS = 4
PROSE_LINES = 3
WIDE_GAP = 1.6  # line heights: a space of a typewriter is 0.6, between cells of a table there are 2 and more
PARAGRAPH_GAP = 0.9  # line heights of blank between two lines that start a new paragraph


@dataclass(frozen=True, slots=True)
class Piece:
    """A word as it will stand in the text: NFC, box in page units, and `flat`, its box once the page is set upright.

    Lines and columns are looked for among the flat boxes: a page scanned upside down has its first line at the bottom.
    """

    text: str
    box: Box
    flat: Box
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Segment:
    """Words that an engine put on one line of one block; `box` is flat."""

    pieces: tuple[Piece, ...]
    block: int
    box: Box
    height: float

    @property
    def middle(self) -> float:
        return (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the page's text and the segments on it, from left to right."""

    segments: tuple[Segment, ...]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return tuple(piece for segment in self.segments for piece in segment.pieces)

    @property
    def box(self) -> Box:
        """Where it stands on the page, in page units."""
        return around(piece.box for piece in self.pieces)


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds them all."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def segments_of(read: ReadPicture, scale: float, origin: tuple[float, float] = (0.0, 0.0)) -> list[Segment]:
    """The engine's lines in page units: picture pixels divided by `scale`, then moved by `origin`."""
    segments = []
    for (block, _), group in groupby(read.words, key=lambda word: (word.block, word.line)):
        pieces = []
        for word in (part for whole in group for part in _parted(whole, read.rotation % 360)):
            x0, y0, x1, y1 = (value / scale for value in word.box)
            flat = upright((x0, y0, x1, y1), read.rotation, read.skew)
            box = (x0 + origin[0], y0 + origin[1], x1 + origin[0], y1 + origin[1])
            pieces.append(Piece(word.text, box, flat, word.confidence))
        segments.append(segment_of(pieces, block))
    return segments


def _parted(word: ReadWord, rotation: int) -> Iterator[ReadWord]:
    """A word in NFC, and the mark of a note behind it as a word of its own; characters share the box alike.

    rotation  degrees that set the page upright, counter-clockwise: 0 where words run right, 90 where they run down
    """
    text = unicodedata.normalize("NFC", word.text)
    parts = marks_apart(text).split(" ")
    if len(parts) == 1:
        yield dataclasses.replace(word, text=text)
        return
    x0, y0, x1, y1 = word.box
    at = 0
    for part in parts:
        start, at = at, at + len(part)
        ends = start / len(text), at / len(text)
        first, last = ends if rotation in (0, 90) else (1 - ends[1], 1 - ends[0])
        box = (
            (x0, y0 + first * (y1 - y0), x1, y0 + last * (y1 - y0))
            if rotation % 180
            else (x0 + first * (x1 - x0), y0, x0 + last * (x1 - x0), y1)
        )
        yield dataclasses.replace(word, text=part, box=box)


def segment_of(pieces: Sequence[Piece], block: int) -> Segment:
    """A segment of at least one word."""
    return Segment(tuple(pieces), block, around(p.flat for p in pieces), median(p.flat[3] - p.flat[1] for p in pieces))


def upright(box: Box, rotation: int, skew: float) -> Box:
    """A word's box after the page is turned counter-clockwise by `rotation` (a multiple of 90) and then `skew` degrees.

    The given box is the upright one around a leaning word, w·cos + h·sin wide and w·sin + h·cos high; the word's own
    w and h are found again, so that a lean of 5 degrees does not make lines overlap. The origin stays where it is.
    """
    angle = math.radians(rotation + skew)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    across, down = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    width, height = box[2] - box[0], box[3] - box[1]
    if rotation % 180:
        width, height = height, width
    cosine, sine = math.cos(math.radians(skew)), abs(math.sin(math.radians(skew)))
    spread = cosine * cosine - sine * sine
    own = max(1e-6, (width * cosine - height * sine) / spread), max(1e-6, (height * cosine - width * sine) / spread)
    return across - own[0] / 2, down - own[1] / 2, across + own[0] / 2, down + own[1] / 2


def lines_of(segments: Sequence[Segment]) -> list[Line]:
    """The lines of a page in reading order: rows across the page, except over columns of prose."""
    prose = _prose(segments)
    across = _gutter(prose)
    if across is None:
        return _rows(segments)
    left_side = [box for box in prose if box[2] <= across[0] + across[1]]
    right_side = [box for box in prose if box[0] >= across[0] - across[1]]
    x, height = across
    crossing = [s for s in segments if s.box[0] < x - height and s.box[2] > x + height]
    shared = [
        max(min(b[1] for b in left_side), min(b[1] for b in right_side)),
        min(max(b[3] for b in left_side), max(b[3] for b in right_side)),
    ]
    start = max((s.box[3] for s in crossing if s.middle < shared[0]), default=float("-inf"))
    stop = min((s.box[1] for s in crossing if s.middle > start and s.box[1] > shared[0]), default=float("inf"))
    columns = [b for b in (*left_side, *right_side) if b[1] < stop and b[3] > start]
    start = max(start, min(b[1] for b in columns) - height / 2)
    stop = min(stop, max(b[3] for b in columns) + height / 2)
    above = [s for s in segments if s.middle < start]
    below = [s for s in segments if s.middle > stop]
    between = [s for s in segments if start <= s.middle <= stop]
    left = [s for s in between if (s.box[0] + s.box[2]) / 2 < x]
    right = [s for s in between if (s.box[0] + s.box[2]) / 2 >= x]
    if not left or not right:
        return _rows(segments)
    return [line for part in (above, left, right, below) if part for line in lines_of(part)]


def _prose(segments: Sequence[Segment]) -> list[Box]:
    """Boxes of the blocks that are prose: three lines or more, four words a line."""
    blocks = [list(group) for _, group in groupby(sorted(segments, key=lambda s: s.block), key=lambda s: s.block)]
    return [
        around(s.box for s in block)
        for block in blocks
        if len(block) >= PROSE_LINES and median(len(s.pieces) for s in block) >= PROSE_WORDS
    ]


def _gutter(prose: Sequence[Box]) -> tuple[float, float] | None:
    """The middle of the blank between two blocks of prose side by side, and half its width; None without any."""
    for left in sorted(prose):
        for right in sorted(prose):
            together = min(left[3], right[3]) - max(left[1], right[1])
            if left[2] <= right[0] and together > 0.3 * min(left[3] - left[1], right[3] - right[1]):
                return (left[2] + right[0]) / 2, (right[0] - left[2]) / 2
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
    return [Line(tuple(sorted(row, key=lambda s: s.box[0]))) for row in rows]


def _same_row(row: Sequence[Segment], segment: Segment) -> bool:
    nearest = min(row, key=lambda s: max(s.box[0] - segment.box[2], segment.box[0] - s.box[2]))
    height = max(nearest.height, segment.height)
    beside = all(s.box[2] <= segment.box[0] + height / 2 or s.box[0] >= segment.box[2] - height / 2 for s in row)
    near, far = (nearest, segment) if nearest.box[0] <= segment.box[0] else (segment, nearest)
    end, begin = near.pieces[-1].flat, far.pieces[0].flat
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
        height = median(segment.height for segment in line.segments)
        for before, piece in zip((None, *line.pieces[:-1]), line.pieces, strict=True):
            if before is not None:
                self.text += "\t" if piece.flat[0] - before.flat[2] > WIDE_GAP * height else " "
            start = len(self.text)
            self.text += piece.text
            self.words.append(Word(start, len(self.text), piece.box, piece.confidence))

    def feed(self) -> None:
        """Go to a new line, for a line that the caller writes itself."""
        if self.text:
            self.text += "\n"
        self._bottom = None

    def _break(self, line: Line) -> None:
        top, bottom = min(s.box[1] for s in line.segments), max(s.box[3] for s in line.segments)
        if self.text:
            height = median(s.height for s in line.segments)
            blank = self._bottom is not None and top - self._bottom > PARAGRAPH_GAP * height
            self.text += "\n\n" if blank else "\n"
        self._bottom = bottom
