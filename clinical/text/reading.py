"""A unit being read: the page that it stands on, how that was read, its title, and how its sentence states things."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace

from clinical.asserted import Asserted, asserted
from clinical.text.numbers import decimal_mark
from clinical.text.plain import plain
from clinical.text.sections import Context
from clinical.text.units import Unit
from records.content import Page, Source
from records.fact import Assertion, Fact, FactKind, FactSource, Quote

Details = tuple[tuple[str, str], ...]
_MARK_SAMPLE = 200_000
_NEAR = 40
_COMMA = re.compile(r"[,;](?!\d)|(?<!\d)[,;]")
"""Not that of « 0,6 ml »."""


class Where:
    """How a page was read: source and OCR confidence of a stretch of its text, and its decimal mark."""

    def __init__(self, page: Page) -> None:
        self.mark = decimal_mark(plain(page.text[:_MARK_SAMPLE]))
        self._regions = sorted(page.regions, key=lambda region: region.start)
        self._region_starts = [region.start for region in self._regions]
        self._words = sorted((w for w in page.words if w.confidence is not None), key=lambda word: word.start)
        self._word_starts = [word.start for word in self._words]

    def source(self, start: int) -> FactSource:
        at = bisect_right(self._region_starts, start) - 1
        region = self._regions[at] if at >= 0 and start < self._regions[at].end else None
        return FactSource.OCR if region is not None and region.source is Source.OCR else FactSource.TEXT

    def confidence(self, start: int, end: int) -> float | None:
        """The lowest confidence of the words: a value is as sure as its worst word."""
        at = max(0, bisect_right(self._word_starts, start) - 1)
        found: float | None = None
        while at < len(self._words) and self._words[at].start < end:
            word = self._words[at]
            if word.end > start and word.confidence is not None:
                found = word.confidence if found is None else min(found, word.confidence)
            at += 1
        return found


@dataclass(slots=True)
class Reading:
    """One unit being read. The sentence's scopes are worked out when first asked for."""

    page: Page
    unit: Unit
    title: str
    context: Context
    where: Where
    scopes: Asserted | None = None

    def assertion(self, start: int, end: int) -> Assertion:
        if self.scopes is None:
            self.scopes = asserted(self.unit.flat)
        said = self.scopes.of(start, end)
        if said is Assertion.PRESENT and self.context is Context.FAMILY:
            return Assertion.FAMILY
        if said is Assertion.PRESENT and self.context is Context.HISTORY:
            return Assertion.PAST
        return said

    def around(self, start: int, end: int) -> str:
        """The words near unit.flat[start:end], as far as the next commas."""
        flat = self.unit.flat
        commas = [found.start() for found in _COMMA.finditer(flat)]
        begin = max([*(at + 1 for at in commas if at < start), start - _NEAR, 0])
        return flat[begin : min([*(at for at in commas if at >= end), end + _NEAR])]

    def fact(
        self,
        kind: FactKind,
        name: tuple[int, int],
        quote: tuple[int, int],
        assertion: Assertion,
        details: Details = (),
        **more: object,
    ) -> Fact:
        """A Fact out of offsets into the unit."""
        text, at = self.page.text, self.unit.start
        start, end = at + quote[0], at + quote[1]
        label = text[at + name[0] : at + name[1]]
        if label.count("(") > label.count(")") and text[at + name[1] : at + name[1] + 1] == ")":
            label += ")"  # « DFG (CKD-EPI) » is found by its words
            end = max(end, at + name[1] + 1)
        if self.title:
            details += (("section", self.title),)
        fact = Fact(
            kind,
            label,
            Quote(self.page.number, start, end, text[start:end]),
            self.where.source(start),
            assertion,
            details=tuple((key, value) for key, value in details if value),
            confidence=self.where.confidence(start, end),
        )
        return replace(fact, **more)  # type: ignore[arg-type]
