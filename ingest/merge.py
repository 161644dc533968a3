"""One page from two readings: the lines of the text layer as they stand, the lines of OCR put where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest.place import Line, Segment, Writer, around, lines_of
from ocr.words import plain_mean
from records.content import Box, Page, Region, Section, Source, Word


@dataclass(frozen=True, slots=True)
class _Layer:
    """A line of the text layer: page.text[start:end] with the words that are kept."""

    start: int
    end: int
    words: tuple[Word, ...]
    box: Box | None


def merge(page: Page, dropped: frozenset[int], found: Sequence[tuple[Box, list[Segment]]], reader: str) -> Page:
    """`page` without its dropped words and with the OCR lines of each area.

    The text layer keeps its own order and spacing. An area is read as one run, placed after the lines that stand
    above it in its columns; a line of the layer that lies inside an area is placed by its height among the area's.
    """
    layer = _layer_lines(page, dropped)
    for area, segments in sorted(found, key=lambda f: (f[0][1], f[0][0])):
        layer = _placed(layer, area, [_Found(line, area) for line in lines_of(segments)])
    return _written(page, layer, reader)


@dataclass(frozen=True, slots=True)
class _Found:
    line: Line
    area: Box

    @property
    def box(self) -> Box:
        return self.line.box


def _layer_lines(page: Page, dropped: frozenset[int]) -> list[_Layer | _Found]:
    """The lines of the page's text, those left without a word taken out, blank ones kept."""
    lines: list[_Layer | _Found] = []
    start = 0
    kept = [word for place, word in enumerate(page.words) if place not in dropped]
    for text in page.text.split("\n"):
        end = start + len(text)
        words = tuple(w for w in kept if start <= w.start < end)
        boxes = [w.box for w in words if w.box is not None]
        if words or not text:
            lines.append(_Layer(start, end, words, around(boxes) if boxes else None))
        start = end + 1
    return lines


def _placed(lines: list[_Layer | _Found], area: Box, found: list[_Found]) -> list[_Layer | _Found]:
    inside = [line for line in lines if isinstance(line, _Layer) and _within(line.box, area)]
    if inside:
        mixed: list[_Layer | _Found] = list(found)
        for line in inside:
            height = _middle(line)
            place = next((i for i, other in enumerate(mixed) if _middle(other) > height), len(mixed))
            mixed.insert(place, line)
        first = min(lines.index(line) for line in inside)
        outside = [line for line in lines if line not in inside]
        at = min(first, len(outside))
        return outside[:at] + mixed + outside[at:]
    at = _after(lines, area)
    return lines[:at] + list(found) + lines[at:]


def _after(lines: Sequence[_Layer | _Found], area: Box) -> int:
    """The place after the last line above the area in its columns; without any, before the first line below it."""
    middle = (area[1] + area[3]) / 2
    above = [
        place
        for place, line in enumerate(lines)
        if line.box is not None and _middle(line) <= middle and line.box[0] < area[2] and line.box[2] > area[0]
    ]
    if above:
        return above[-1] + 1
    return next(
        (place for place, line in enumerate(lines) if line.box is not None and _middle(line) > middle), len(lines)
    )


def _within(box: Box | None, area: Box) -> bool:
    return (
        box is not None and area[1] <= (box[1] + box[3]) / 2 <= area[3] and area[0] <= (box[0] + box[2]) / 2 <= area[2]
    )


def _middle(line: _Layer | _Found) -> float:
    return (line.box[1] + line.box[3]) / 2 if line.box is not None else float("-inf")


def _written(page: Page, lines: Sequence[_Layer | _Found], reader: str) -> Page:
    writer = Writer()
    regions: list[Region] = []
    moved: dict[int, int] = {}
    for line in lines:
        if isinstance(line, _Found):
            writer.line(line.line)
            pieces = line.line.pieces
            start = writer.words[-len(pieces)].start
            sure = plain_mean([p.confidence for p in pieces if p.confidence is not None])
            regions.append(Region(start, len(writer.text), Source.OCR, reader, line.box, sure))
        else:
            start = _copy(page, line, writer, moved)
            if line.words:
                regions.append(_layer_region(page, line, start, len(writer.text)))
    sections = tuple(_moved(section, moved, len(writer.text)) for section in page.sections)
    return replace(page, text=writer.text, words=tuple(writer.words), regions=tuple(_fused(regions)), sections=sections)


def _copy(page: Page, line: _Layer, writer: Writer, moved: dict[int, int]) -> int:
    """A line of the layer as it stands, without its dropped words; where it starts in the new text."""
    writer.feed()
    start = len(writer.text)
    moved[line.start] = start
    before: Word | None = None
    for word in line.words:
        if before is not None:
            between = page.text[before.end : word.start]
            writer.text += between if not between.strip() else " "
        at = len(writer.text)
        writer.text += page.text[word.start : word.end]
        writer.words.append(replace(word, start=at, end=len(writer.text)))
        before = word
    return start


def _layer_region(page: Page, line: _Layer, start: int, end: int) -> Region:
    of = next((r for r in page.regions if r.start <= line.start < r.end), None)
    return Region(start, end, of.source if of else Source.TEXT_LAYER, of.reader if of else "pdfium", line.box)


def _moved(section: Section, moved: dict[int, int], length: int) -> Section:
    """A section at its new place; its ends are those of lines."""
    start = next((new for old, new in sorted(moved.items()) if old >= section.start), length)
    end = next((new for old, new in sorted(moved.items()) if old >= section.end), length)
    return replace(section, start=start, end=max(start, end))


def _fused(regions: Sequence[Region]) -> list[Region]:
    """Neighbouring regions read in one way, as one; the confidence is their mean by length."""
    fused: list[Region] = []
    for region in regions:
        last = fused[-1] if fused else None
        if last is None or (last.source, last.reader) != (region.source, region.reader):
            fused.append(region)
            continue
        box = around([last.box, region.box]) if last.box and region.box else last.box or region.box
        fused[-1] = replace(last, end=region.end, box=box, confidence=_mean(last, region))
    return fused


def _mean(one: Region, other: Region) -> float | None:
    if one.confidence is None or other.confidence is None:
        return one.confidence
    here, there = one.end - one.start, other.end - other.start
    return (one.confidence * here + other.confidence * there) / max(1, here + there)
