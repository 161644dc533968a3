"""The way of a question: decide, match, find, rank, recheck, show, journal; only then does the answer leave.

    decide ─ embed ─ forms ─ match ─ rank ─ recheck against records ─ passages ─ coverage ─ journal ─ answer
    visit    index/embedders  index/port  index/rank  records/          show.py    coverage.py  visit

HTTP and `anamnese search` call `answer`. Nothing here depends on what lies outside the caller's Scope.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from access.identifiers import DocumentId, PassageId, PatientId
from access.refusal import Refusal
from access.scope import Caller, Scope
from index.intent import intent_of
from index.lexicon import medical_thesaurus
from index.near import Places, is_far
from index.port import Candidates, Filters, Index
from index.query import Query, parse
from index.question import CANDIDATES, Asked, build_question, query_vector
from index.rank import RankedDocument, calibration_of, fuse
from records import documents
from records.database import Tx
from records.documents import Document, DocumentState
from search_api.coverage import SHORTENED, WORDS_ONLY, coverage_view
from search_api.cursors import Cursors
from search_api.documents import view_of
from search_api.marks import banner_of, marks_of
from search_api.services import Services
from search_api.shelf import OpenReading
from search_api.show import show
from search_api.sift import facets_of, facts_of, holds_phrases, narrowed, newest_first
from search_api.views import AnswerView, Correction, Expansion, Facets, HitView, Mode, Sort
from search_api.visit import Look, Visit

MOST_TOLD = 12
"""Expansions told with an answer; all of them are searched."""
QUERY_EMPTY = Refusal("ask", "query-empty", "La question est vide.", "Écrivez au moins un mot.")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A question as asked. `limit`: most documents shown. Filters narrow, never widen; `cursor` goes on behind an
    answer to the same question."""

    query: str
    limit: int = 10
    mode: Mode = "hybrid"
    type_codes: frozenset[str] = frozenset()
    date_from: date | None = None
    date_to: date | None = None
    sort: Sort = "relevance"
    facets: bool = False
    cursor: str | None = None

    def filters(self, query: Query) -> Filters:
        """What the request and the question's own fields ask for, both at once."""
        codes = self.type_codes & query.type_codes if self.type_codes and query.type_codes else None
        if codes is not None and not codes:
            codes = frozenset({"none"})  # two kinds that exclude each other
        return Filters(
            self.type_codes | query.type_codes if codes is None else codes,
            max(filter(None, (self.date_from, query.date_from)), default=None),
            min(filter(None, (self.date_to, query.date_to)), default=None),
        )

    def listing(self) -> str:
        """What a cursor is bound to: everything that decides the order."""
        parts = (self.query, self.mode, *sorted(self.type_codes), str(self.date_from), str(self.date_to), self.sort)
        return "search:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Found:
    """What an engine answered to a question, and how far the question was met."""

    query: Query
    asked: Asked
    candidates: Candidates
    filters: Filters
    mode: Mode
    degraded: list[str]


def answer(
    services: Services,
    caller: Caller,
    patient_id: PatientId,
    request: SearchRequest,
    now: datetime,
    request_id: str,
    look: Look = Look(),
) -> AnswerView:
    """The answer to a question over one record, journalled.

    Refusals: DOOR and its kin (journalled too), "query-empty", "query-too-long", "bad-cursor", "index-unavailable",
    "records-unavailable", "journal-unavailable".
    """
    request = replace(request, query=cleaned(request.query))
    if not request.query:
        raise QUERY_EMPTY
    visit = Visit(services, caller, patient_id, "search", now, request_id, look)
    with visit.record() as (tx, whole):
        scope = documents.without_withdrawn(tx, whole)
        found = _find(services, tx, scope, request)
        ranked = _ranked(services, tx, scope, request, found)
        start = _start(services, scope, request, ranked)
        shelves = _Shelves(services, tx, scope, now, found)
        hits, reached = _page(shelves, ranked, start, request.limit)
        following = _following(services, scope, request, ranked, reached)
        counted = documents.coverage(tx, scope)
        facets = _facets(tx, scope, ranked) if request.facets else None
    visit.granted([DocumentId(hit.document.id) for hit in hits], query=request.query)
    return AnswerView(
        patient_id=patient_id,
        query=request.query,
        mode=found.mode,
        banner=banner_of(scope),
        hits=hits,
        total=found.candidates.matched_documents,
        corrections=[_correction(each.typed, each.became) for each in found.asked.corrections],
        coverage=coverage_view(
            counted,
            found.filters,
            found.degraded,
            unshown=None if hits or start else found.candidates.matched_documents,
            far=bool(hits) and all(hit.far for hit in hits),
        ),
        understood=list(found.query.said),
        expansions=[
            Expansion.model_validate({"from": each.typed, "to": each.also, "relation": each.link.value})
            for each in found.asked.synonyms[:MOST_TOLD]
        ],
        suggestions=[_correction(*each) for each in found.asked.suggestions],
        facets=facets,
        next=following,
    )


def cleaned(query: str) -> str:
    """A question as one line that can be stored: no control character, no lone surrogate."""
    text = query.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def sequence_of(passage: PassageId) -> int:
    """The number of a passage in its document, from 0: the inverse of `access.identifiers.passage_id`."""
    return int(passage.rpartition(".")[2])


def _find(services: Services, tx: Tx, scope: Scope, request: SearchRequest) -> _Found:
    """Parse, embed, expand over the Scope's own words, match. Without comparable vectors, words alone: it is said."""
    query = parse(request.query)
    filters = request.filters(query)
    text = query.text or " ".join((*query.types, *query.authors, *query.organizations, *query.specialties))
    scope = narrowed(tx, scope, query)
    engine = services.index.current()
    vector = None if request.mode == "words" else _vector(services, engine, text)
    degraded = [WORDS_ONLY] if vector is None and request.mode != "words" else []
    asked = build_question(
        text, engine.forms(scope), vector, filters, thesaurus=medical_thesaurus(), query=replace(query, text=text)
    )
    mode: Mode = "words" if vector is None else "hybrid"
    if request.mode == "meaning" and vector is not None:
        mode, asked = "meaning", Asked(replace(asked.question, clauses=()))
    elif asked.shortened:
        degraded.append(SHORTENED)
    return _Found(query, asked, engine.match(scope, asked.question), filters, mode, degraded)


def _vector(services: Services, engine: Index, query: str) -> bytes | None:
    """The question's vector, or None when there is no model, it is broken, or the index holds another model's."""
    if not services.index.is_wanted(engine.generation):
        return None
    try:
        return query_vector(services.embedder, query)
    except Refusal:  # over the model's window, or the model does not load: words still answer
        return None


def _ranked(services: Services, tx: Tx, scope: Scope, request: SearchRequest, found: _Found) -> list[RankedDocument]:
    """Every document found, in the order asked for."""
    ranked = fuse(
        found.candidates,
        limit=2 * CANDIDATES,
        question=found.asked.question,
        calibration=calibration_of(services.embedder),
        intent=intent_of(found.query.text),
        facts=facts_of(tx, scope),
    )
    if request.sort == "relevance":
        return ranked
    return newest_first(ranked, documents.get_documents(tx, scope, [each.document_id for each in ranked]))


def _start(services: Services, scope: Scope, request: SearchRequest, ranked: list[RankedDocument]) -> int:
    """Where the page begins: behind the last document of the page before, wherever it stands by now."""
    if request.cursor is None:
        return 0
    place, _, last = (
        Cursors(services.keys.service_key("cursors")).read(scope, request.listing(), request.cursor).partition(" ")
    )
    behind = (number + 1 for number, each in enumerate(ranked) if each.document_id == last)
    return next(behind, int(place))


def _following(
    services: Services, scope: Scope, request: SearchRequest, ranked: list[RankedDocument], reached: int
) -> str | None:
    if reached >= len(ranked) or not reached:
        return None
    position = f"{reached} {ranked[reached - 1].document_id}"
    return Cursors(services.keys.service_key("cursors")).sign(scope, request.listing(), position)


def _facets(tx: Tx, scope: Scope, ranked: list[RankedDocument]) -> Facets:
    found = documents.get_documents(tx, scope, [each.document_id for each in ranked])
    return facets_of(each for each in found.values() if each.state is DocumentState.SEARCHABLE)


def _correction(typed: str, became: str) -> Correction:
    return Correction.model_validate({"from": typed, "to": became})


@dataclass(frozen=True, slots=True)
class _Shelves:
    """Looks up what a ranked document shows."""

    services: Services
    tx: Tx
    scope: Scope
    now: datetime
    found: _Found

    def hits(self, ranked: Sequence[RankedDocument]) -> Iterator[tuple[RankedDocument, str, HitView]]:
        """Hits that records confirm (inside the Scope at this instant, searchable, with a reading), each with a digest
        of all its words."""
        confirmed = documents.get_documents(self.tx, self.scope, [each.document_id for each in ranked])
        for candidate in ranked:
            document = confirmed.get(candidate.document_id)
            if document is None or document.state is not DocumentState.SEARCHABLE:
                continue
            reading = self.services.shelf.take(self.services.blobs, self.tx, self.scope, document)
            if reading is not None and (hit := self._hit(candidate, document, reading)):
                yield candidate, reading.digest, hit

    def _hit(self, candidate: RankedDocument, document: Document, reading: OpenReading) -> HitView | None:
        services, question = self.services, self.found.asked.question

        def places(passage: PassageId) -> Places | None:
            sequence = sequence_of(passage)
            return services.shelf.places(reading, sequence) if sequence < len(reading.passages) else None

        shown = (
            show(services.shelf, reading, sequence_of(passage), question, self.scope.patient_id)
            for passage in candidate.passages
        )
        phrases = self.found.query.phrases
        passages = [each for each in shown if each is not None and holds_phrases(each.text, phrases)]
        far = is_far(candidate, question, places) if question.clauses else False
        if not passages:
            return None
        marks = marks_of(services, self.scope, document, self.now)
        return HitView(rank=0, document=view_of(document, marks), passages=passages, far=far)


def _page(shelves: _Shelves, ranked: list[RankedDocument], start: int, limit: int) -> tuple[list[HitView], int]:
    """At most `limit` hits from place `start` on, copies of one content folded into one; and the place reached."""
    hits: list[HitView] = []
    of_content: dict[str, int] = {}
    reached = start
    while reached < len(ranked) and len(hits) < limit:
        step = ranked[reached : reached + limit]
        for candidate, content, hit in shelves.hits(step):
            if content in of_content:
                place = of_content[content]
                copies = [*hits[place].copies, hit.document.id]
                hits[place] = hits[place].model_copy(update={"copies": copies})
                continue
            if len(hits) == limit:
                return hits, ranked.index(candidate)
            of_content[content] = len(hits)
            hits.append(hit.model_copy(update={"rank": start + len(hits) + 1}))
        reached += len(step)
    return hits, reached
