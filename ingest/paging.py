"""A long text without pages of its own, cut to pages that a person can look at. No character is lost."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from records.content import Page, Region, Section, Source

PAGE = 4_000
"""Characters of a page at most: what fits on a printed sheet, so that a drawn page stays readable."""


def paginate(text: str, source: Source, reader: str, sections: Sequence[Section] = (), note: str = "") -> list[Page]:
    """Pages numbered from 1, cut before a section, else after a blank line, a line, a word; sections are clipped."""
    pages: list[Page] = []
    starts = sorted({section.start for section in sections})
    start = 0
    while start < len(text):
        end = _cut(text, start, starts)
        piece = text[start:end].rstrip()
        if piece:
            pages.append(_page(piece, len(pages) + 1, source, reader, _clip(sections, start, start + len(piece)), note))
        start = end
    return pages


def _page(text: str, number: int, source: Source, reader: str, sections: tuple[Section, ...], note: str) -> Page:
    return Page(number, text, regions=(Region(0, len(text), source, reader),), sections=sections, note=note)


def _cut(text: str, start: int, section_starts: Sequence[int]) -> int:
    most = start + PAGE
    if most >= len(text):
        return len(text)
    least = start + PAGE // 2
    place = bisect_right(section_starts, most) - 1
    if place >= bisect_left(section_starts, least):
        return section_starts[place]
    for mark in ("\n\n", "\n", ". ", " "):
        at = text.rfind(mark, least, most)
        if at >= 0:
            return at + len(mark)
    return most


def _clip(sections: Sequence[Section], start: int, end: int) -> tuple[Section, ...]:
    return tuple(
        Section(max(one.start, start) - start, min(one.end, end) - start, one.title, one.code)
        for one in sections
        if max(one.start, start) < min(one.end, end)
    )
