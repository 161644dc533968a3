"""Words that mean the same: the ideas of a question, and the other ways in which a record may write them.

A thesaurus is data given from outside (`clinical/vocabulary/`, by way of the composition) and the same for everybody:
it depends on no patient, so it can tell nothing of one. Expanding over it is still bounded by the Scope: only ways
whose every word the Scope's passages hold are asked for, which also keeps a question short.

Terms are compared word by word, by their folded forms first and by their stems where no form is known, the longest
term first. An abbreviation is only itself when it is written in capitals or is no everyday word; where it has several
meanings, a word of the question that the vocabulary names as their context decides, and without one the meanings that
need no context come first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from index.analysis import Word, analyse
from index.stopwords import STOP_WORDS
from index.weights import zipf

LONGEST_TERM = 6  # words
EVERYDAY = 4.4
"""Zipf from which a word in small letters is not read as an abbreviation: « ta » and « pr » are not, « irm » is."""


class Link(StrEnum):
    """How a way of writing relates to what was typed."""

    SYNONYM = "synonym"
    ABBREVIATION = "abbreviation"
    LAY = "lay"  # a patient's word, or a brand
    ENGLISH = "english"
    NARROWER = "narrower"
    BROADER = "broader"


@dataclass(frozen=True, slots=True)
class Term:
    """A way to write a concept. context: words near which an abbreviation has this meaning."""

    text: str
    link: Link
    context: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Concept:
    """One idea: its preferred term first. broader: preferred terms of wider concepts."""

    terms: tuple[Term, ...]
    broader: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """Another way to write a part of a question: its words, and how it relates to what was typed."""

    text: str
    words: tuple[Word, ...]
    link: Link
    english: bool = False
    certain: bool = True  # False for a meaning of an abbreviation that nothing in the question confirms


@dataclass(frozen=True, slots=True)
class Idea:
    """words[start:end] of a question name one concept, or several when the term is ambiguous."""

    start: int
    end: int
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    concept: int
    term: int


class Thesaurus:
    """Concepts ready to be looked up. Immutable; built once in a process (2,000 concepts: 0.3 s)."""

    def __init__(self, concepts: Iterable[Concept] = ()) -> None:
        self._concepts = tuple(concepts)
        self._words = tuple(tuple(simple_words(term.text) for term in each.terms) for each in self._concepts)
        self._by_form: defaultdict[tuple[str, ...], list[_Entry]] = defaultdict(list)
        self._by_stem: defaultdict[tuple[str, ...], list[_Entry]] = defaultdict(list)
        self._narrower: defaultdict[int, list[int]] = defaultdict(list)
        self._broader: defaultdict[int, list[int]] = defaultdict(list)
        self.forms: frozenset[str]  # every folded word of its terms
        self.words: tuple[str, ...]  # those that a misspelling may be compared with
        named: dict[str, int] = {each.terms[0].text: place for place, each in enumerate(self._concepts)}
        for place, each in enumerate(self._concepts):
            self._enter(place, each)
            for name in each.broader:
                self._narrower[named[name]].append(place)
                self._broader[place].append(named[name])
        self.forms = frozenset(word for key in self._by_form for word in key)
        self.words = tuple(sorted(word for word in self.forms if word.isalpha() and len(word) > 4))

    def __len__(self) -> int:
        return len(self._concepts)

    def ideas(self, words: Sequence[Word], text: str) -> Iterator[Idea]:
        """The concepts named in a question, left to right, the longest first, without overlap."""
        near = frozenset(form for word in words for form in (word.exact, word.french))
        start = 0
        while start < len(words):
            for end in range(min(len(words), start + LONGEST_TERM), start, -1):
                if found := self._found(words[start:end], text, near):
                    yield Idea(start, end, tuple(self._ways(found, words[start:end])))
                    start = end - 1
                    break
            start += 1

    def _found(self, words: Sequence[Word], text: str, near: frozenset[str]) -> dict[_Entry, bool]:
        """Entries that these words name, each with whether that is certain."""
        exact = self._by_form.get(tuple(word.exact for word in words), [])
        if len(words) == 1 and not _may_abbreviate(words[0], text):
            exact = [e for e in exact if self._term(e).link is not Link.ABBREVIATION]
        singular = self._by_form.get((*(word.exact for word in words[:-1]), singular_of(words[-1].exact)), [])
        near_forms = [e for e in (*singular, *self._stemmed(words)) if self._term(e).link is not Link.ABBREVIATION]
        confirmed = [e for e in exact if _confirms(self._term(e).context, near)]
        plain = [e for e in exact if not self._term(e).context]
        certain = confirmed or plain or near_forms
        return {e: e in certain for e in dict.fromkeys((*exact, *near_forms))}

    def _stemmed(self, words: Sequence[Word]) -> list[_Entry]:
        return [
            *self._by_stem.get(tuple("f:" + word.french for word in words), []),
            *self._by_stem.get(tuple("e:" + word.english for word in words), []),
        ]

    def _ways(self, found: dict[_Entry, bool], typed: Sequence[Word]) -> Iterator[Way]:
        """Every other term of the concepts found, then those of narrower and of wider ones, each once."""
        seen = {tuple(word.french for word in typed)}
        for relation in (None, Link.NARROWER, Link.BROADER):
            for entry, certain in found.items():
                for concept in self._related(entry.concept, relation):
                    for place, term in enumerate(self._concepts[concept].terms):
                        words = self._words[concept][place]
                        key = tuple(word.french for word in words)
                        if words and key not in seen:
                            seen.add(key)
                            english = term.link is Link.ENGLISH
                            yield Way(term.text, words, relation or term.link, english, certain and not term.context)

    def _related(self, concept: int, relation: Link | None) -> Sequence[int]:
        if relation is None:
            return (concept,)
        if relation is Link.BROADER:
            return self._broader.get(concept, ())
        below: dict[int, None] = {}
        waiting = list(self._narrower.get(concept, ()))
        while waiting:
            each = waiting.pop(0)
            if each not in below:
                below[each] = None
                waiting.extend(self._narrower.get(each, ()))
        return tuple(below)

    def _enter(self, place: int, concept: Concept) -> None:
        for number, term in enumerate(concept.terms):
            words = self._words[place][number]
            if not words or len(words) > LONGEST_TERM:
                continue
            entry = _Entry(place, number)
            forms = [tuple(word.exact for word in words)]
            if "-" in term.text and len(words) == 2:
                forms.append(("".join(forms[0]),))
            for form in forms:
                _add(self._by_form[form], entry, place)
            stems = [tuple("f:" + word.french for word in words)]
            if term.link is Link.ENGLISH:
                stems = [tuple("e:" + word.english for word in words)]
            for stem in stems:
                _add(self._by_stem[stem], entry, place)

    def _term(self, entry: _Entry) -> Term:
        return self._concepts[entry.concept].terms[entry.term]


NO_THESAURUS = Thesaurus()


def simple_words(text: str) -> tuple[Word, ...]:
    """The words of a text without the joined forms of hyphenated ones."""
    words = without_small(analyse(text).words, text)
    return tuple(w for w in words if not any(w.start <= o.start and o.end <= w.end and o is not w for o in words))


def without_small(words: tuple[Word, ...], text: str) -> tuple[Word, ...]:
    """In a text of several words all in capitals, small words are small words and no abbreviations."""
    if len(words) < 2 or not text.isupper():
        return words
    return tuple(word for word in words if word.exact not in STOP_WORDS)


def _add(entries: list[_Entry], entry: _Entry, concept: int) -> None:
    if all(each.concept != concept for each in entries):
        entries.append(entry)


def singular_of(form: str) -> str:
    """A folded form without the ending of a French plural: « noyaux », « genoux », « infections »."""
    return form[:-1] if len(form) > 3 and form[-1] in "sx" else form


def _may_abbreviate(word: Word, text: str) -> bool:
    return text[word.start : word.end].isupper() or zipf(word.exact) < EVERYDAY


def _confirms(context: tuple[str, ...], near: frozenset[str]) -> bool:
    return any(word.exact in near or word.french in near for text in context for word in simple_words(text))
