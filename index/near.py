"""Does a passage answer, or is it only the nearest there is? Decided on its words and on its cosine, by no engine.

A passage is near when the words it holds make NEAR of the question's weight, or when its meaning is close enough to
stand alone. Of an idea written in several words (« cancer de la prostate ») a passage holds all of them close
together, or another way to write it, or nothing: « cancer » alone answers another question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from access.identifiers import PassageId
from index.highlight import Span, places_of
from index.passages import bare
from index.port import Alternative, Clause, Part, Question
from index.rank import RankedDocument
from index.scoring import heaviest

NEAR = 0.5
"""Share of the question's weight. Of 107 dev questions of samples/judgements with an answer, none is left without."""
CLOSE = 40
"""Characters inside which the words of one idea stand."""

Places = Mapping[str, Sequence[Span]]
"""token → spans of the words of a passage that hold it, in order; those of the titles above it are under zero."""
_APART = 100_000
"""Characters between a text and each title above it: words of the two never stand together."""


def under(places: Places, titles: Sequence[str]) -> Places:
    """The places of a passage with those of the titles above it."""
    found: dict[str, list[Span]] = {}
    for number, title in enumerate(titles, 1):
        for token, spans in places_of(title).items():
            moved = ((start - number * _APART, end - number * _APART) for start, end in spans)
            found.setdefault(token, []).extend(moved)
    return {**places, **{token: [*spans, *places.get(token, ())] for token, spans in found.items()}}


def is_far(ranked: RankedDocument, question: Question, places: Callable[[PassageId], Places | None]) -> bool:
    """Whether none of a document's best passages answers. places: of a passage, None when it is no longer there."""
    if ranked.close:
        return False
    held = (found for passage in ranked.passages if (found := places(passage)) is not None)
    return all(share_held(question, each) < NEAR for each in held)


def share_held(question: Question, places: Places) -> float:
    """Share of the question's weight that a passage holds, 0 to 1; 0 for a question without words."""
    whole = sum(heaviest(part) for part in question.clauses)
    return sum(_held(part, places) for part in question.clauses) / whole if whole else 0.0


def _held(part: Part, places: Places) -> float:
    if isinstance(part, Clause):
        return _weight(part, places)
    return max((_way(way, places, strict=part.one_idea) for way in part.alternatives), default=0.0)


def _way(way: Alternative, places: Places, *, strict: bool) -> float:
    weights = [_weight(clause, places) for clause in way.clauses]
    if len(weights) > 1 and (way.whole or strict) and not (all(weights) and _together(way.clauses, places)):
        return 0.0
    return sum(weights)


def _weight(clause: Clause, places: Places) -> float:
    """Weight of the best term held. Whether it is stated or denied is not asked here."""
    return max((term.weight for term in clause.terms if bare(term.token) in places), default=0.0)


def _present(clause: Clause, places: Places) -> Iterable[str]:
    return {bare(term.token) for term in clause.terms} & places.keys()


def _together(clauses: Sequence[Clause], places: Places) -> bool:
    """Whether some window of CLOSE characters holds a word of each clause."""
    found = [sorted({span for token in _present(clause, places) for span in places[token]}) for clause in clauses]
    return any(
        all(any(abs(other[0] - start) <= CLOSE for other in spans) for spans in found[1:]) for start, _ in found[0]
    )
