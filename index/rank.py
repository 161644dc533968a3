"""One order out of two arms: fusion, floors, grouping by document. The only ranking; both engines feed it.

    fused(passage) = 0.5 x cover x words / best words + 0.5 x (meaning - least meaning) / (best meaning - least meaning)

`cover` is the share of the question's weight that its best passage holds: words that hold half of the question speak
half as loud, which is what a question in another language needs. The words are divided by their best (their zero is a
true zero), the meaning by its range (cosines of one model lie close together). Both alone would always crown something,
so a passage that no word supports must also pass an absolute floor of cosine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from access.identifiers import DocumentId, PassageId
from index.port import Candidate, Candidates, Question
from index.scoring import ceiling

WORDS = 0.5
"""Share of the words arm when it holds the whole question."""
PASSAGES_SHOWN = 3
"""Passages kept of each document, its best."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a model's integers mean. `scale`: of its int8. `floor`: cosine under which nothing is related."""

    scale: float
    floor: float

    @property
    def least(self) -> float:
        """The floor as an integer dot product of two int8 vectors."""
        return self.floor * self.scale * self.scale


E5 = Calibration(scale=127 / 0.15, floor=0.84)


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document of the answer and its best passages, best first. No score: raw scores stay inside the package."""

    document_id: DocumentId
    passages: tuple[PassageId, ...]


def fuse(
    candidates: Candidates, *, limit: int, question: Question | None = None, calibration: Calibration = E5
) -> list[RankedDocument]:
    """At most `limit` documents, by their best passage; ties by passage id. Empty when nothing passes the floors.

    question: the one that was asked; without it the words count as if they held the whole of it.
    """
    scores = _fused(candidates, question, calibration)
    passages: dict[DocumentId, list[PassageId]] = {}
    documents = {each.passage_id: each.document_id for each in (*candidates.words, *candidates.meaning)}
    for passage in sorted(scores, key=lambda p: (-scores[p], p)):
        passages.setdefault(documents[passage], []).append(passage)
    ranked = [RankedDocument(document, tuple(found[:PASSAGES_SHOWN])) for document, found in passages.items()]
    return ranked[:limit]


def _fused(candidates: Candidates, question: Question | None, calibration: Calibration) -> Mapping[PassageId, float]:
    """Fused score of each passage that passes a floor, rounded so that the last bits of a sum decide nothing."""
    by_words = _words(candidates.words, question)
    meaning = {each.passage_id: each.score for each in candidates.meaning}
    by_meaning = _meaning(candidates.meaning)
    kept = [p for p, dot in meaning.items() if p in by_words or dot >= calibration.least]
    return {
        passage: round(WORDS * by_words.get(passage, 0.0) + (1 - WORDS) * by_meaning.get(passage, 0.0), 9)
        for passage in (*by_words, *(p for p in kept if p not in by_words))
    }


def _words(found: tuple[Candidate, ...], question: Question | None) -> dict[PassageId, float]:
    if not found:
        return {}
    best = found[0].score
    cover = 1.0 if question is None else min(1.0, best / max(1, ceiling(question)))
    return {each.passage_id: cover * each.score / best for each in found}


def _meaning(found: tuple[Candidate, ...]) -> dict[PassageId, float]:
    if not found:
        return {}
    best, least = found[0].score, found[-1].score
    return {each.passage_id: (each.score - least) / (best - least) if best > least else 1.0 for each in found}
