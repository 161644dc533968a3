"""Fill an engine with a collection, ask every judged question, measure.

read ─ cut ─ embed ─ put │ question ─ match ─ rank │ measures
beir   the caller's  corpus │ index/question, index/port, index/rank │ measures
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from access.identifiers import DocumentId, PassageId
from access.refusal import Refusal
from access.scope import Scope
from index.embedders.none import NoEmbedder
from index.embedders.port import Embedder
from index.evaluation.beir import Collection, Query, read_collection
from index.evaluation.corpus import Cut, Indexing, document_of_entry, fill, scope_of
from index.evaluation.measures import Estimate, estimate, per_query, percentiles
from index.generations import needed
from index.highlight import places_of
from index.intent import Facts, intent_of
from index.lexicon import medical_thesaurus
from index.near import Places, is_far, under
from index.port import Candidates, Filters, Generation, Generations, Index, Question
from index.query import parse
from index.question import build_question, query_vector
from index.rank import RankedDocument, calibration_of, fuse

Mode = Literal["lexical", "semantic", "hybrid"]
LOOKED_AT = 10  # documents of an answer as a person sees it
DEPTH = 100  # documents ranked a question: Recall@100 needs no more


@dataclass(frozen=True, slots=True)
class Found:
    """Both arms' candidates and their fused order."""

    candidates: Candidates
    ranked: tuple[RankedDocument, ...]
    question: Question


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one question gave: document ids of the collection, best first, and the seconds it took."""

    query: Query
    documents: tuple[str, ...]
    seconds: float
    refused: bool = False  # over-long for the product: it counts as an empty answer
    far: bool = False  # of the first LOOKED_AT documents, none answers: each is said to be far


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measures of one mode on one engine. Latency covers embedding the question, matching and ranking."""

    collection: str
    split: str
    mode: Mode
    embedder: str
    queries: int
    measures: Mapping[str, Estimate]
    no_answer_queries: int
    empty_when_no_answer: float | None  # share of the questions without an answer that got none; None without any
    empty_when_answer: float  # share of the questions with an answer that got none
    far_when_no_answer: float | None  # share of the questions without an answer that got none, or only far ones
    far_when_answer: float  # share of the questions with an answer that got none, or only far ones
    refused: int
    latency_ms: Mapping[str, float]
    indexing: Indexing
    per_query: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # answerable query → measure → value
    rankings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # query → its first ten documents

    def as_dict(self) -> dict[str, object]:
        """JSON-ready; rates in documents and passages a second, None for what was not done (vectors from the cache)."""
        indexing = self.indexing
        found: dict[str, object] = {
            "collection": self.collection,
            "split": self.split,
            "mode": self.mode,
            "embedder": self.embedder,
            "documents": indexing.documents,
            "passages": indexing.passages,
            "queries": self.queries,
        }
        for name, value in self.measures.items():
            label = _LABELS[name]
            found[label] = round(value.mean, 4)
            found[f"{label}_95"] = [round(value.low, 4), round(value.high, 4)]
        return found | {
            "no_answer_queries": self.no_answer_queries,
            "empty_when_no_answer": _rounded(self.empty_when_no_answer),
            "empty_when_answer": _rounded(self.empty_when_answer),
            "far_when_no_answer": _rounded(self.far_when_no_answer),
            "far_when_answer": _rounded(self.far_when_answer),
            "refused_queries": self.refused,
            "latency_ms": dict(self.latency_ms),
            "indexing_documents_per_second": _rate(indexing.documents, indexing.seconds),
            "embedding_passages_per_second": _rate(indexing.embedded, indexing.embedding_seconds),
        }


_LABELS = {"nDCG@10": "ndcg@10", "R@100": "recall@100", "RR@10": "mrr@10"}


def evaluate(
    folder: Path,
    *,
    split: str = "dev",
    mode: Mode = "hybrid",
    generations: Generations,
    embedder: Embedder,
    cut: Cut,
    vectors: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Measure `mode` on a BEIR folder, in a generation of its own that is deleted afterwards.

    cut      a document's text to its passages' texts, each inside the embedder's window
    vectors  a folder that keeps passage vectors between runs
    progress called with a short text while passages are embedded

    Raises Refusal (stage "evaluate") for a bad folder, or for a mode that needs vectors when there is no model.
    """
    if mode != "lexical" and not embedder.dimensions:
        raise Refusal(
            "evaluate",
            "no-embedder",
            f"Le mode {mode} a besoin d'un modèle de vecteurs, et il n'y en a pas.",
            "Installez le modèle par défaut, ou mesurez le mode lexical.",
        )
    collection = read_collection(folder, split)
    if mode == "lexical":
        embedder = NoEmbedder()
    with Filled(collection, generations, embedder, cut, vectors, progress) as filled:
        rankings = filled.rank_all(mode)
    return summarise(collection, mode, embedder, rankings, filled.indexing)


class Filled:
    """A collection in an engine, for the time of a `with` block. Benchmarks ask one in several modes."""

    def __init__(
        self,
        collection: Collection,
        generations: Generations,
        embedder: Embedder,
        cut: Cut,
        vectors: Path | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.collection = collection
        self._generations = generations
        self.embedder = embedder
        self._fill = (cut, vectors, progress)
        self._generation = _generation(collection, embedder)
        self._facts = {document_of_entry(e.id): Facts(e.type_code, e.event_date) for e in collection.entries}
        self._entries: dict[DocumentId, str] = {document_of_entry(e.id): e.id for e in collection.entries}
        self.indexing: Indexing

    def __enter__(self) -> Filled:
        if self._generation in self._generations.names():  # a run that was interrupted
            self._generations.retire(self._generation)
        self._index: Index = self._generations.open(self._generation)
        try:
            self.indexing, self._texts = fill(self._index, self.collection, self.embedder, *self._fill)
        except BaseException:
            self._generations.retire(self._generation)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._generations.retire(self._generation)

    def rank_all(self, mode: Mode) -> list[Ranking]:
        """Ask every question of the collection, in order. One is asked before, untimed, so that nothing is cold."""
        queries = self.collection.queries
        self.rank(Query("", "douleur thoracique", queries[0].patient, no_answer=True), mode)
        return [self.rank(query, mode) for query in queries]

    def rank(self, query: Query, mode: Mode) -> Ranking:
        """Ask one question as the product does, inside its patient's record."""
        start = time.perf_counter()
        found = self.found(query, mode)
        seconds = time.perf_counter() - start
        documents = tuple(self._entries[each.document_id] for each in found.ranked) if found else ()
        return Ranking(query, documents, seconds, refused=found is None, far=found is not None and self._all_far(found))

    def _all_far(self, found: Found) -> bool:
        """Whether the answer that a person sees has only documents said to be far."""

        def places(passage: PassageId) -> Places | None:
            kept = self._texts[passage]
            return under(places_of(kept.text), kept.titles)

        return all(is_far(each, found.question, places) for each in found.ranked[:LOOKED_AT])

    def found(self, query: Query, mode: Mode) -> Found | None:
        """What the engine gave to one question, and its fused order; None for one that the product refuses."""
        try:
            return ask(self._index, scope_of(query.patient), query.text, self.embedder, mode, self._facts)
        except Refusal as refusal:
            if refusal.stage != "ask":
                raise
            return None


def ask(
    index: Index, scope: Scope, text: str, embedder: Embedder, mode: Mode, facts: Mapping[DocumentId, Facts]
) -> Found:
    """The product's way from a text to ranked documents, at most `DEPTH`. Raises Refusal (stage "ask")."""
    query = parse(text)
    vector = _vector(embedder, query.text, mode)
    if mode == "semantic":
        question = Question((), vector)
    else:
        known = index.forms(scope)
        filters = Filters(query.type_codes, query.date_from, query.date_to)
        asked = build_question(query.text, known, vector, filters, thesaurus=medical_thesaurus(), query=query)
        respelt = _vector(embedder, asked.meant, mode) if asked.meant else None
        question = asked.question if respelt is None else replace(asked.question, vector=respelt)
    candidates = index.match(scope, question)
    ranked = fuse(
        candidates,
        limit=DEPTH,
        question=question,
        calibration=calibration_of(embedder),
        intent=intent_of(query.text),
        facts=lambda wanted: {document: facts[document] for document in wanted if document in facts},
    )
    return Found(candidates, tuple(ranked), question)


def _vector(embedder: Embedder, text: str, mode: Mode) -> bytes | None:
    """The question's vector. As in the product, a question over the model's window is asked by its words alone."""
    if mode == "lexical":
        return None
    try:
        return query_vector(embedder, text)
    except Refusal:
        if mode == "semantic":
            raise
        return None


def summarise(
    collection: Collection, mode: Mode, embedder: Embedder, rankings: Sequence[Ranking], indexing: Indexing
) -> Evaluation:
    """Measures of `rankings`, one for each of the collection's queries."""
    answerable = {ranking.query.id: ranking.documents for ranking in rankings if not ranking.query.no_answer}
    values = per_query(collection.judgements, answerable)
    unanswerable = [not ranking.documents for ranking in rankings if ranking.query.no_answer]
    return Evaluation(
        collection=collection.name,
        split=collection.split,
        mode=mode,
        embedder=embedder.fingerprint,
        queries=len(answerable),
        measures={name: estimate(each) for name, each in values.items()},
        no_answer_queries=len(unanswerable),
        empty_when_no_answer=sum(unanswerable) / len(unanswerable) if unanswerable else None,
        empty_when_answer=sum(not found for found in answerable.values()) / max(1, len(answerable)),
        far_when_no_answer=_share(ranking.far for ranking in rankings if ranking.query.no_answer),
        far_when_answer=_share(ranking.far for ranking in rankings if not ranking.query.no_answer) or 0.0,
        refused=sum(ranking.refused for ranking in rankings),
        latency_ms=percentiles([ranking.seconds for ranking in rankings]),
        indexing=indexing,
        per_query={
            query: {_LABELS[name]: round(each[place], 6) for name, each in values.items()}
            for place, query in enumerate(collection.judgements)
        },
        rankings={ranking.query.id: ranking.documents[:LOOKED_AT] for ranking in rankings},
    )


def _generation(collection: Collection, embedder: Embedder) -> Generation:
    digest = hashlib.sha256(needed(embedder).fingerprint.encode())
    digest.update(f"{collection.name}\0{collection.split}\0{len(collection.entries)}".encode())
    return Generation("evaluation", digest.hexdigest()[:12])


def _rate(count: int, seconds: float) -> float | None:
    return round(count / seconds, 1) if count and seconds else None


def _share(flags: Iterable[bool]) -> float | None:
    values = list(flags)
    return sum(values) / len(values) if values else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
