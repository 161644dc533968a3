"""Lists of terms called by their name in a question (`@anticoagulants`): a passage that holds one of them answers.

A list is a class of the medical vocabulary, or a person's own (`records/saved_searches.py`). It is asked as one idea
with many ways to write it: only the ways that the Scope's own words can satisfy, each of one weight.
"""

from __future__ import annotations

from index.analysis import EXACT, FRENCH
from index.ideas import MOST_TERMS, SHORTEST_STEMMED, STEM_SHARE, clause_of
from index.port import Alternative, Choice, Clause, WeightedTerm
from index.query import Listed
from index.scoring import quantised
from index.thesaurus import simple_words
from index.vocabulary import Vocabulary
from index.weights import RARE, weight, weight_of_zipf

HEAVY = weight_of_zipf(RARE)
"""Of a list: as much as one rare word, however many it holds."""


def choice_of(listed: Listed, known: Vocabulary) -> Choice:
    """Some 200 ways at most: Lucene refuses more than 1,024 clauses in a question. One way is the name itself, which
    stands in no text, so that a list of which nothing is held weighs in the question what it weighs elsewhere."""
    name = Clause((WeightedTerm(f"{EXACT}@{listed.name}", HEAVY),))
    ways = [Alternative((name,))]
    room = MOST_TERMS // 2
    for term in listed.terms:
        words = simple_words(term)
        if not words or not all(known.holds(word.exact) for word in words):
            continue
        weights = [weight(word.exact) for word in words]
        clauses = []
        for word, own in zip(words, weights, strict=True):
            value = quantised(HEAVY * own / sum(weights))
            terms = {EXACT + word.exact: value}
            if len(word.exact) >= SHORTEST_STEMMED and word.exact.isalpha():
                terms[FRENCH + word.french] = value * STEM_SHARE
            clauses.append(clause_of(terms, absent=False))
        room -= sum(len(clause.terms) for clause in clauses)
        if room < 0:
            break
        ways.append(Alternative(tuple(clauses), whole=len(clauses) > 1))
    return Choice(tuple(ways))
