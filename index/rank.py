"""One order out of two arms: fusion, floors, grouping by document. The only ranking; both engines feed it.

    fused(passage) = w x cover**2 x words / best words + (1 - w) x ((meaning - least) / (best - least))**1.3

`cover` is the share of the question's weight that its best passage holds: words that hold half of the question speak a
quarter as loud, which is what a question in another language needs. Words are divided by their best (their zero is a
true zero), meaning by its range (cosines of one model lie close together). Before the vocabulary, nDCG@10 on the dev
splits (quaero_fr, xling_en_fr, nfcorpus) was 0.774, 0.877, 0.326; without cover 0.768, 0.852, 0.319; plain min-max of
both arms 0.745 and 0.853 on the first two. With it, for w from 0.58 to 0.64: quaero_fr, single ideas, 0.802 to 0.806;
xling_en_fr, sentences, 0.882 to 0.880; nfcorpus, both, 0.341 to 0.340; so w is 0.6 for one idea and 0.57 for several.
A meaning arm that knew the synonyms too lost on quaero_fr what it gained elsewhere. The two powers, on the dev splits
(samples/judgements without titles, quaero_fr, its titles that share no word, xling_en_fr): 0.877, 0.799, 0.360, 0.877
without; cover squared 0.878, 0.799, 0.360, 0.881; meaning at 1.3 as well 0.878, 0.800, 0.364, 0.881; at 1.6, 0.880 on
xling_en_fr and 0.799 on quaero_fr. In the middle of a range of cosines a passage is as far as most, and words that
hold little of a question are there by chance.

    document = its best passage + 0.15 x (1 - w) x the meaning of its second nearest passage

One passage may come near a question by chance; two of a document rarely do. Dev nDCG@10 with that share at 0, 0.05,
0.1, 0.15, 0.2: nfcorpus 0.3368, 0.3382, 0.3391, 0.3417, 0.3411; samples/judgements 0.8850, 0.8855, 0.8862, 0.8861,
0.8857; 800 questions of nfcorpus's train, drawn at random, 0.3356, 0.3359, 0.3362, 0.3357, 0.3351; the documents of
quaero_fr and xling_en_fr have one passage each. A second passage's words, at 0.1, lost what its meaning gained.

Fusion would always crown something, so an answer needs an anchor: words that hold a seventh of the question, or one
passage over the model's floor of cosine. Without one it is empty. An anchored answer also shows what is a little
further away, down to a second floor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from access.identifiers import DocumentId, PassageId
from index.embedders.port import Embedder
from index.intent import LOOKED_AT, Facts, Intent
from index.port import Candidate, Candidates, Question
from index.scoring import ceiling

WORDS = 0.6
"""Share of the words arm when it holds the whole of a question that is one word or one idea."""
WORDS_OF_SEVERAL = 0.57
"""Its share in a question of several: how they belong together, words do not know."""
COVER_POWER, MEANING_POWER = 2.0, 1.3
LEAST_COVER = 0.15
"""Under this share of the question's weight, words alone do not make an answer: one common word out of seven."""
SECOND_PASSAGE = 0.15
"""Share of its meaning that a document's second nearest passage adds."""
PASSAGES_SHOWN = 3
"""Passages kept of each document, its best."""
DIGITS = 9
"""Scores are rounded to them, so that the last bits of a sum decide nothing."""

NO_INTENT = Intent()


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a model's integers mean. scale: of its int8. floor: cosine that one passage must reach for an answer without
    words. weakest: cosine under which no passage is shown for its meaning. close: cosine from which a passage answers
    by its meaning alone; under it, and with few of the question's words, it is far (`index/near.py`)."""

    scale: float
    floor: float
    weakest: float = 0.80
    close: float = 0.891

    def reaches(self, dot: int, cosine: float) -> bool:
        """Whether an int8 dot product stands for at least this cosine."""
        return dot >= cosine * self.scale * self.scale


E5 = Calibration(scale=127 / 0.15, floor=0.861)
"""Measured on the dev questions of samples/judgements, each in its patient's record. Best cosine of the 8 without an
answer: 0.830 to 0.873, median 0.857; of 12 questions foreign to medicine: at most 0.851. At 0.865, 7 of the 8 stay
empty, and so do 16 of 105 with an answer; at 0.86, 5 of the 8 and 7 %. The lower one was taken: an empty answer may be
believed. No cosine of this model separates better, nor does its distance from a record's median: synonyms (« baby
blues », « DT2 ») are a vocabulary's work.

Cosines differ between machines from the fourth decimal on, so each bound stands in the middle of the widest gap near it
that dev's 115 best cosines leave: 0.8596 to 0.8628, and 0.8893 to 0.8928 for `close`; no judgement moved from 0.86 and
0.89. Five of dev's questions are decided by the floor at all, the nearest at 0.8589. Where another one falls on it, an
empty answer and one of far documents alone say the same: what the floor alone lets in is always far."""


def calibration_of(embedder: Embedder) -> Calibration:
    """The floors of a model that was measured; none for another, whose answers then are never empty."""
    if embedder.fingerprint.startswith("e5-small-"):
        return Calibration(embedder.scale, E5.floor, E5.weakest)
    return Calibration(embedder.scale, -1.0, -1.0, -1.0)


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document of the answer and its best passages, best first. No score: raw scores stay inside the package."""

    document_id: DocumentId
    passages: tuple[PassageId, ...]
    close: bool = False  # one of its passages answers by its meaning alone


def fuse(
    candidates: Candidates,
    *,
    limit: int,
    question: Question | None = None,
    calibration: Calibration = E5,
    intent: Intent = NO_INTENT,
    facts: Callable[[Collection[DocumentId]], Mapping[DocumentId, Facts]] = lambda _: {},
) -> list[RankedDocument]:
    """At most `limit` documents, best first; ties by their best passage's id. Empty when nothing anchors an answer.

    question: the one that was asked; without it the words count as if they held the whole of it.
    facts: date and type of documents, asked only for a question with an intent.
    """
    parts = _fused(candidates, question, calibration)
    documents = {each.passage_id: each.document_id for each in (*candidates.words, *candidates.meaning)}
    passages: dict[DocumentId, list[PassageId]] = {}
    for passage in sorted(parts, key=lambda p: (-round(sum(parts[p]), DIGITS), p)):
        passages.setdefault(documents[passage], []).append(passage)
    scores = {document: _score([parts[each] for each in found]) for document, found in passages.items()}
    order = sorted(passages, key=lambda d: (-scores[d], passages[d][0]))
    if intent:
        gains = intent.bonus(head := order[:LOOKED_AT], facts(head))
        head.sort(key=lambda d: (-round(scores[d] + gains[d], DIGITS), passages[d][0]))
        order[:LOOKED_AT] = head
    close = {each.document_id for each in candidates.meaning if calibration.reaches(each.score, calibration.close)}
    return [
        RankedDocument(document, tuple(passages[document][:PASSAGES_SHOWN]), document in close)
        for document in order[:limit]
    ]


def _score(passages: Sequence[tuple[float, float]]) -> float:
    """Of a document, out of what words and meaning give to each of its passages, best passage first."""
    second = sorted((meaning for _, meaning in passages), reverse=True)[1:2]
    return round(sum(passages[0]) + SECOND_PASSAGE * sum(second), DIGITS)


def _fused(
    candidates: Candidates, question: Question | None, calibration: Calibration
) -> dict[PassageId, tuple[float, float]]:
    """What words and meaning give to each passage of the answer."""
    cover = _cover(candidates.words, question)
    near = candidates.meaning
    if cover < LEAST_COVER and not (near and calibration.reaches(near[0].score, calibration.floor)):
        return {}
    loud = cover**COVER_POWER
    by_words = {each.passage_id: loud * each.score / candidates.words[0].score for each in candidates.words}
    by_meaning = _in_range(near)
    shown = (each.passage_id for each in near if calibration.reaches(each.score, calibration.weakest))
    share = WORDS if question is None or len(question.clauses) == 1 else WORDS_OF_SEVERAL
    return {
        passage: (share * by_words.get(passage, 0.0), (1 - share) * by_meaning.get(passage, 0.0))
        for passage in dict.fromkeys((*by_words, *shown))
    }


def _cover(words: tuple[Candidate, ...], question: Question | None) -> float:
    """Share of the question's weight that the best passage holds, 0 to 1."""
    if not words:
        return 0.0
    return 1.0 if question is None else min(1.0, words[0].score / max(1, ceiling(question)))


def _in_range(found: tuple[Candidate, ...]) -> dict[PassageId, float]:
    """1 for the best, 0 for the last, less than in proportion between; 1 for all when they are equal."""
    if not found:
        return {}
    best, least = found[0].score, found[-1].score
    if best == least:
        return {each.passage_id: 1.0 for each in found}
    return {each.passage_id: ((each.score - least) / (best - least)) ** MEANING_POWER for each in found}
