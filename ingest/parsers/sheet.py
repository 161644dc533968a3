"""Lines written one after the other, with the sections that they belong to: the pages of a structured document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ingest.paging import paginate
from ingest.parsers.narrative import clean
from ingest.parsers.quotes import placed
from records.content import Page, Section, Source
from records.fact import Fact


class Sheet:
    """Text under construction. Empty lines are dropped but for the one before a section."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._length = 0
        self._sections: list[Section] = []
        self._facts: list[Fact] = []

    def __bool__(self) -> bool:
        return any(self._lines)

    def line(self, text: str) -> None:
        """One line; line breaks inside it make several."""
        for piece in text.split("\n"):
            if shown := clean(piece):
                self._put(shown)

    def tell(self, text: str, facts: Iterable[Fact]) -> None:
        """One line as `line` writes it, and the facts that it tells: it is their quote."""
        start = self._length
        self.line(text)
        if self._length > start:
            self._facts += [placed(fact, start, self._length - 1) for fact in facts]

    def lines(self, texts: Iterable[str]) -> None:
        """Each of `texts` on its own line."""
        for text in texts:
            self.line(text)

    @contextmanager
    def section(self, title: str, code: str = "") -> Iterator[None]:
        """What is written inside belongs to a section, whose title is its first line. Nothing written, no section."""
        kept, mark = len(self._lines), self._length
        if self._lines:
            self._put("")
        start, title = self._length, clean(title)
        if title:
            self._put(title)
        written = self._length
        yield
        if self._length == written:
            del self._lines[kept:]
            self._length = mark
        else:
            self._sections.append(Section(start, self._length - 1, title, code))

    def pages(self, reader: str, note: str = "") -> list[Page]:
        """What was written, cut to pages; `note` goes to the first."""
        sections = sorted(self._sections, key=_start)
        pages = paginate("\n".join(self._lines), Source.STRUCTURED, reader, sections, facts=self._facts)
        if note and pages:
            pages[0] = dataclasses.replace(pages[0], note=note)
        return pages

    def _put(self, line: str) -> None:
        self._lines.append(line)
        self._length += len(line) + 1


def _start(section: Section) -> tuple[int, int]:
    return section.start, -section.end
