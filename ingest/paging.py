"""A long text without pages of its own, cut to pages that a person can look at. No character is lost."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from records.content import Page, Region, Section, Source
from records.fact import Fact, Quote
from records.fact_format import quoted

PAGE = 4_000
"""Characters of a page at most: what fits on a printed sheet, so that a drawn page stays readable."""


def paginate(
    text: str,
    source: Source,
    reader: str,
    sections: Sequence[Section] = (),
    note: str = "",
    facts: Iterable[Fact] = (),
) -> list[Page]:
    """Pages numbered from 1, cut before a section, else after a blank line, a line, a word; sections are clipped.

    The quotes of `facts` are offsets into `text`; each fact goes to the page that its quote begins on.
    """
    pages: list[Page] = []
    told = sorted(facts, key=_place)
    places = [_place(fact) for fact in told]
    starts = sorted({section.start for section in sections})
    start = 0
    while start < len(text):
        end = _cut(text, start, starts)
        piece = text[start:end].rstrip()
        if piece:
            own = told[bisect_left(places, start) : bisect_left(places, start + len(piece))]
            page = Page(
                number=len(pages) + 1,
                text=piece,
                regions=(Region(0, len(piece), source, reader),),
                sections=_clip(sections, start, start + len(piece)),
                note=note,
                facts=tuple(_moved(fact, start, len(piece)) for fact in own),
            )
            pages.append(quoted(page))
        start = end
    return pages


def _place(fact: Fact) -> int:
    return fact.quote.start


def _moved(fact: Fact, start: int, length: int) -> Fact:
    quote = Quote(0, fact.quote.start - start, min(fact.quote.end - start, length), "")
    return dataclasses.replace(fact, quote=quote)


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
