"""The clinical vocabulary as the thesaurus of search. `clinical/` knows nothing of search."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from clinical.lexicon import Entry, entries
from index.thesaurus import Concept, Link, Term, Thesaurus


@lru_cache(maxsize=1)
def medical_thesaurus() -> Thesaurus:
    """The shipped vocabulary, built once in a process."""
    return thesaurus_of(entries())


def thesaurus_of(lines: Iterable[Entry]) -> Thesaurus:
    """A thesaurus of some entries. KeyError when a wider concept is not among them."""
    return Thesaurus(Concept(_terms(entry), entry.broader) for entry in lines)


def _terms(entry: Entry) -> tuple[Term, ...]:
    return (
        Term(entry.preferred, Link.SYNONYM),
        *(Term(text, Link.SYNONYM) for text in entry.synonyms),
        *(Term(short.text, Link.ABBREVIATION, short.context) for short in entry.abbreviations),
        *(Term(text, Link.LAY) for text in entry.lay),
        *(Term(text, Link.ENGLISH) for text in entry.english),
    )
