"""Where the facts of a document's entries and those of its text are joined, and what is said twice counts once.

    in the child, page by page    entries come first: text inside the words that an entry is quoted from is not read
                                  again, nor what the text of the page repeats of an entry
    in the recipe, at the end     text that repeats what the document said before is left out

An entry is never left out: two entries that say the same are two acts of somebody, and a contradiction stays.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Iterable

from clinical import official
from clinical.text.plain import plain
from clinical.told_by_text import facts_of, section_after
from records.content import Page
from records.fact import Fact, FactKind, FactSource

_SENSITIVE = frozenset({FactKind.ALLERGY, FactKind.INTOLERANCE})
Key = tuple[object, ...]
_BARE = ("", "")


class Joiner:
    """Of one document: the title in force goes from page to page."""

    def __init__(self) -> None:
        self._title = ""

    def joined(self, page: Page) -> Page:
        """`page` with what its text tells beside its entries."""
        said = facts_of(page, self._title)
        self._title = section_after(page, self._title)
        if official.current().labels and page.facts:
            page = dataclasses.replace(page, facts=tuple(map(official.named, page.facts)))
        if not said:
            return page
        entries = [fact for fact in page.facts if fact.source is FactSource.STRUCTURED]
        quoted = _Spans((fact.quote.start, fact.quote.end) for fact in entries)
        named = {name for fact in entries for name in _names(fact)}
        fresh = [fact for fact in said if not quoted.touch(fact.quote.start, fact.quote.end)]
        fresh = [fact for fact in fresh if _name(fact) not in named]
        return dataclasses.replace(page, facts=(*page.facts, *fresh))


def told_again(pages: Iterable[Page]) -> tuple[Page, ...]:
    """A document's pages with the facts of their text read anew, as after a correction; those of entries stay."""
    joiner = Joiner()
    bare = (
        dataclasses.replace(page, facts=tuple(fact for fact in page.facts if fact.source is FactSource.STRUCTURED))
        for page in pages
    )
    return once(joiner.joined(page) for page in bare)


def once(pages: Iterable[Page]) -> tuple[Page, ...]:
    """The pages of a document without the facts of text that repeat an entry of any page, or an earlier text."""
    given = tuple(pages)
    structured = (fact for page in given for fact in page.facts if fact.source is FactSource.STRUCTURED)
    seen = {name for fact in structured for name in _names(fact)}
    kept = []
    for page in given:
        facts = []
        for fact in page.facts:
            if fact.source is FactSource.STRUCTURED or _name(fact) not in seen:
                facts.append(fact)
                seen.update(_names(fact))
        kept.append(page if len(facts) == len(page.facts) else dataclasses.replace(page, facts=tuple(facts)))
    return tuple(kept)


class _Spans:
    """Parts of a text, to ask whether another part touches one of them."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._merged: list[tuple[int, int]] = []
        for start, end in sorted(spans):
            if self._merged and start <= self._merged[-1][1]:
                self._merged[-1] = (self._merged[-1][0], max(end, self._merged[-1][1]))
            else:
                self._merged.append((start, end))

    def touch(self, start: int, end: int) -> bool:
        """Whether text[start:end] shares a character with one of them."""
        at = bisect_right(self._merged, (end - 1, len(self._merged) and self._merged[-1][1])) - 1
        return at >= 0 and self._merged[at][1] > start


def _name(fact: Fact) -> Key:
    """What makes two facts of one document the same statement: kind, name, how it is stated, value and day."""
    kind = FactKind.ALLERGY if fact.kind in _SENSITIVE else fact.kind
    value = fact.value
    figure = None if value is None else (value.comparator, value.number if value.number is not None else value.text)
    reacted = (plain(fact.detail("reaction")), plain(fact.detail("severity"))) if fact.kind in _SENSITIVE else _BARE
    return kind, plain(fact.concept or fact.label), fact.assertion, figure, fact.when.start, reacted


def _names(fact: Fact) -> tuple[Key, Key]:
    """What a statement makes a repetition of: the same, and the same told without the reaction. « Allergie à la
    pénicilline » never makes one of « pénicilline : choc anaphylactique »."""
    name = _name(fact)
    return name, (*name[:-1], _BARE)
