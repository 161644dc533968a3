"""A plain picture of a text that has none, so that a reader sees a page all the same."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from records.content import Box

WIDTH = 1000
MARGIN = 60
SIZE = 18
LEADING = 26
MOST_LINES = 400  # a page of text longer than this is shown to here, and says so


@dataclass(frozen=True, slots=True)
class Placed:
    """A run of the text on one drawn line: text[start:end] at (x, y)."""

    start: int
    end: int
    x: float
    y: float


def typeset(text: str, marks: tuple[tuple[int, int], ...] = ()) -> Image.Image:
    """The text on a white page WIDTH pixels wide, with the spans in `marks` (offsets) on yellow.

    The font is the one inside Pillow (Latin letters only: others show as boxes), so nothing need be installed.
    """
    font = ImageFont.load_default(SIZE)
    placed = _placed(text, font)
    cut = len(placed) > MOST_LINES
    shown = placed[:MOST_LINES]
    height = 2 * MARGIN + LEADING * (len({p.y for p in shown}) + cut + 1)
    image = Image.new("RGB", (WIDTH, int(max(height, 400))), (255, 255, 255))
    pen = ImageDraw.Draw(image)
    for box in boxes_of(text, marks):
        pen.rectangle(box, fill=(255, 236, 120))
    for run in shown:
        pen.text((run.x, run.y), text[run.start : run.end], fill=(0, 0, 0), font=font)
    if cut:
        pen.text((MARGIN, shown[-1].y + LEADING), "[… suite du texte non dessinée]", fill=(160, 0, 0), font=font)
    return image


def boxes_of(text: str, spans: tuple[tuple[int, int], ...]) -> list[Box]:
    """Boxes, on the picture that `typeset` draws, of spans of the text; a span over two lines has two boxes."""
    font = ImageFont.load_default(SIZE)
    boxes: list[Box] = []
    for run in _placed(text, font)[:MOST_LINES] if spans else ():
        for start, end in spans:
            first, last = max(start, run.start), min(end, run.end)
            if first < last:
                left = run.x + font.getlength(text[run.start : first])
                boxes.append((left, run.y, left + font.getlength(text[first:last]), run.y + LEADING - 4))
    return boxes


def _placed(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[Placed]:
    """Runs of the text line by line, broken at spaces to fit the width; a word too long is broken anywhere."""
    placed: list[Placed] = []
    y, offset = float(MARGIN), 0
    for line in text.split("\n"):
        start = 0
        while True:
            end = _fitting(line, start, font)
            placed.append(Placed(offset + start, offset + end, MARGIN, y))
            y += LEADING
            start = end + 1 if end < len(line) and line[end] == " " else end
            if start >= len(line) or len(placed) > MOST_LINES:
                break
        offset += len(line) + 1
        if len(placed) > MOST_LINES:
            break
    return placed


def _fitting(line: str, start: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    """The end of the longest run from `start` that fits the width, at a space when there is one."""
    room = WIDTH - 2 * MARGIN
    low, high = start + 1, min(len(line), start + 400)
    if start >= len(line):
        return len(line)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(line[start:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    if low < len(line):
        space = line.rfind(" ", start + 1, low + 1)
        return space if space > start else low
    return low
