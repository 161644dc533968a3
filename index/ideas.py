"""The ideas of a question: typed words that name one concept, joined with the other ways to write it.

Applied at query time: a changed vocabulary needs no reindexing. A way weighs less than what was typed, always; a way
of several words counts only where a passage holds them all. Only ways that the Scope's own words can satisfy are asked
for. The shares were tuned on the dev splits: at 0.8 instead of 0.95 for synonyms, quaero_fr gains 0.007 nDCG@10 over
all titles and loses 0.05 over those that share no word with the question; nfcorpus gains 0.002.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clinical.assertion import Denials
from index.analysis import ENGLISH, EXACT, FRENCH, Word, stems
from index.passages import DENIED
from index.port import Alternative, Choice, Clause, Part, WeightedTerm
from index.scoring import heaviest, quantised
from index.thesaurus import Link, Thesaurus, Way, without_small
from index.vocabulary import Vocabulary
from index.weights import weight

STEM_SHARE = 0.8
"""A stem's weight beside its exact form: 0.7322 at 1 and 0.7597 at 0.8 (quaero_fr dev, words, nDCG@10)."""
OTHER_ASSERTION = 0.7
"""Share of a denial when what is asked for is not denied, and the other way round."""
UNCERTAIN = 0.6
"""Share of a meaning of an abbreviation that nothing in the question confirms."""
MISSPELT = 0.6
"""Share of the ways of a concept whose word had to be corrected first: under the correction itself."""
SHARES = {
    Link.SYNONYM: 0.97,
    Link.ABBREVIATION: 0.97,
    Link.LAY: 0.85,
    Link.ENGLISH: 0.85,
    Link.NARROWER: 0.5,
    Link.BROADER: 0.2,
}
MOST_TERMS = 900
"""Of a question: Lucene refuses more than 1,024 in one query."""
SHORTEST_STEMMED = 4


@dataclass(frozen=True, slots=True)
class Synonym:
    """A part of the question and another way to write it that was searched beside it."""

    typed: str
    also: str
    link: Link


@dataclass(frozen=True, slots=True)
class Typed:
    """A question's words as they stand, the clause of each one kept, and what each may be corrected to."""

    text: str
    words: Sequence[Word]
    clauses: Mapping[int, Clause]
    corrected: Mapping[int, str]
    denied: Denials

    @property
    def simple(self) -> list[int]:
        """Places of the words that are not the joined form of others."""
        kept = without_small(tuple(self.words), self.text)
        return [place for place, word in enumerate(self.words) if word in kept and not self._joins(place)]

    def spelt(self, place: int) -> Word:
        """The word as corrected."""
        word, form = self.words[place], self.corrected.get(place)
        return word if form is None else Word(word.start, word.end, form, *stems(form))

    def _joins(self, place: int) -> bool:
        word = self.words[place]
        others = (each for number, each in enumerate(self.words) if number != place)
        return any(word.start <= each.start and each.end <= word.end for each in others)


def with_ideas(typed: Typed, known: Vocabulary, thesaurus: Thesaurus) -> tuple[list[Part], list[Synonym]]:
    """The parts of a question in the order typed, and what was searched beside them."""
    simple = typed.simple
    parts: dict[int, Part] = dict(typed.clauses)
    synonyms: list[Synonym] = []
    room = MOST_TERMS - sum(len(clause.terms) for clause in typed.clauses.values())
    for idea in thesaurus.ideas([typed.spelt(place) for place in simple], typed.text):
        first, last = typed.words[simple[idea.start]], typed.words[simple[idea.end - 1]]
        inside = [p for p in typed.clauses if first.start <= typed.words[p].start and typed.words[p].end <= last.end]
        if not inside:
            continue
        heavy = sum(heaviest(typed.clauses[place]) for place in inside if place in simple)
        if any(place in typed.corrected for place in simple[idea.start : idea.end]):
            heavy *= MISSPELT
        absent = typed.denied.covers(first.start, last.end)
        ways = []
        for way in idea.ways:
            if all(known.holds(word.exact) for word in way.words):
                alternative = _alternative(way, heavy, absent)
                room -= sum(len(clause.terms) for clause in alternative.clauses)
                if room < 0:
                    break
                ways.append(alternative)
                synonyms.append(Synonym(typed.text[first.start : last.end], way.text, way.link))
        if ways or len(inside) > 1:
            for place in inside:
                parts.pop(place, None)
            own = Alternative(tuple(typed.clauses[place] for place in inside))
            parts[inside[0]] = Choice((own, *ways))
    return [parts[place] for place in sorted(parts)], synonyms


def clause_of(terms: Mapping[str, float], absent: bool) -> Clause:
    """Each term as stated and as denied; what is not asked for counts less."""
    stated, denied = (OTHER_ASSERTION, 1.0) if absent else (1.0, OTHER_ASSERTION)
    return Clause(
        tuple(
            WeightedTerm(mark + token, quantised(value * share))
            for token, value in terms.items()
            for mark, share in (("", stated), (DENIED, denied))
        )
    )


def _alternative(way: Way, heavy: float, absent: bool) -> Alternative:
    """A way that weighs its share of what was typed, spread over its words by their own weights."""
    share = SHARES[way.link] * (1.0 if way.certain else UNCERTAIN)
    weights = [weight(word.exact) for word in way.words]
    clauses = []
    for word, own in zip(way.words, weights, strict=True):
        value = heavy * share * own / sum(weights)
        terms = {EXACT + word.exact: value}
        if len(word.exact) >= SHORTEST_STEMMED and way.link is not Link.ABBREVIATION:
            terms[ENGLISH + word.english if way.english else FRENCH + word.french] = value * STEM_SHARE
        clauses.append(clause_of(terms, absent))
    return Alternative(tuple(clauses), whole=len(clauses) > 1)
