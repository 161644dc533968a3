"""The clinical vocabulary as the thesaurus of search. `clinical/` knows nothing of search."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from clinical import official
from clinical.lexicon import Entry
from index.thesaurus import Concept, Link, Term, Thesaurus


def medical_thesaurus() -> Thesaurus:
    """The vocabulary, with the brands of an imported BDPM: built once for each import."""
    return _built(official.current().edition)


@lru_cache(maxsize=2)
def _built(edition: str) -> Thesaurus:
    del edition  # what is in use
    return thesaurus_of(official.all_entries())


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
