"""The clinical vocabulary as the thesaurus of search. `clinical/` knows nothing of search."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from clinical import official
from clinical.lexicon import Entry
from index.thesaurus import Concept, Link, Term, Thesaurus, Way, simple_words
from index.weights import is_common

_LINKING = frozenset({"de", "du", "des", "d", "la", "le", "les", "l", "a", "au", "aux", "et", "en"})
"""Small words inside the name of a class."""


def members_of(name: str) -> tuple[str, ...]:
    """Every way to write a class of the vocabulary and what belongs to it (« anticoagulants » → warfarine, Eliquis…);
    nothing for a name that is no class."""
    return _members(official.current().edition, name)


@lru_cache(maxsize=256)
def _members(edition: str, name: str) -> tuple[str, ...]:
    typed = name.replace("-", " ")
    words = simple_words(typed)
    if set(typed.split()) - {word.exact for word in words} - _LINKING:
        return ()  # « mes allergènes » are somebody's
    ways = [
        way
        for idea in _built(edition).ideas(words, typed)
        if (idea.start, idea.end) == (0, len(words))
        for way in idea.ways
        if way.certain and way.link is not Link.BROADER
    ]
    if not any(way.link is Link.NARROWER for way in ways):
        return ()
    return tuple(dict.fromkeys((typed, *(way.text for way in ways if not _is_everyday(way)))))


def _is_everyday(way: Way) -> bool:
    """Whether a short form is a word too (« IS »): nothing beside it in a list says which one is meant."""
    return len(way.words) == 1 and len(way.words[0].exact) < 4 and is_common(way.words[0].exact)


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
