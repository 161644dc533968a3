"""The way of a question: decide, match, find, rank, recheck, show, journal; only then does the answer leave.

    decide ─ embed ─ forms ─ match ─ rank ─ recheck against records ─ passages ─ coverage ─ journal ─ answer
    visit    index/embedders  index/port  index/rank  records/          show.py    coverage.py  visit

HTTP and `anamnese search` call `answer`. Nothing here depends on what lies outside the caller's Scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from access.identifiers import DocumentId, PassageId, PatientId
from access.refusal import Refusal
from access.scope import Caller, Scope
from index.port import Candidates, Filters, Index, Question
from index.question import Asked, build_question, query_vector
from index.rank import RankedDocument, calibration_of, fuse
from records import documents
from records.database import Tx
from records.documents import DocumentState
from search_api.coverage import SHORTENED, WORDS_ONLY, coverage_view
from search_api.documents import view_of
from search_api.marks import banner_of, marks_of
from search_api.services import Services
from search_api.show import show
from search_api.views import AnswerView, Correction, HitView, Mode
from search_api.visit import Look, Visit

QUERY_EMPTY = Refusal("ask", "query-empty", "La question est vide.", "Écrivez au moins un mot.")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A question as asked. `limit`: most documents shown. Filters narrow, never widen."""

    query: str
    limit: int = 10
    mode: Mode = "hybrid"
    type_codes: frozenset[str] = frozenset()
    date_from: date | None = None
    date_to: date | None = None

    @property
    def filters(self) -> Filters:
        return Filters(self.type_codes, self.date_from, self.date_to)


@dataclass(frozen=True, slots=True)
class _Found:
    """What an engine answered to a question, and how far the question was met."""

    asked: Asked
    candidates: Candidates
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

    Refusals: DOOR and its kin (journalled too), "query-empty", "query-too-long", "index-unavailable",
    "records-unavailable", "journal-unavailable".
    """
    query = cleaned(request.query)
    if not query:
        raise QUERY_EMPTY
    visit = Visit(services, caller, patient_id, "search", now, request_id, look)
    with visit.record() as (tx, scope):
        found = _find(services, scope, query, request)
        ranked = fuse(
            found.candidates,
            limit=request.limit,
            question=found.asked.question,
            calibration=calibration_of(services.embedder),
        )
        hits = _shown(services, tx, scope, now, ranked, found.asked.question)
        counted = documents.coverage(tx, scope)
    visit.granted([DocumentId(hit.document.id) for hit in hits], query=query)
    return AnswerView(
        patient_id=patient_id,
        query=query,
        mode=found.mode,
        banner=banner_of(scope),
        hits=hits,
        total=found.candidates.matched_documents,
        corrections=[
            Correction.model_validate({"from": each.typed, "to": each.became}) for each in found.asked.corrections
        ],
        coverage=coverage_view(
            counted, request.filters, found.degraded, unshown=None if hits else found.candidates.matched_documents
        ),
    )


def cleaned(query: str) -> str:
    """A question as one line that can be stored: no control character, no lone surrogate."""
    text = query.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def sequence_of(passage: PassageId) -> int:
    """The number of a passage in its document, from 0: the inverse of `access.identifiers.passage_id`."""
    return int(passage.rpartition(".")[2])


def _find(services: Services, scope: Scope, query: str, request: SearchRequest) -> _Found:
    """Embed, expand over the Scope's own words, match. Without comparable vectors, words alone, and it is said."""
    engine = services.index.current()
    vector = None if request.mode == "words" else _vector(services, engine, query)
    degraded = [WORDS_ONLY] if vector is None and request.mode != "words" else []
    asked = build_question(query, engine.forms(scope), vector, request.filters)
    if request.mode == "meaning" and vector is not None:
        question = Question((), vector, request.filters, asked.question.limit)
        return _Found(Asked(question), engine.match(scope, question), "meaning", degraded)
    if asked.shortened:
        degraded.append(SHORTENED)
    mode: Mode = "words" if vector is None else "hybrid"
    return _Found(asked, engine.match(scope, asked.question), mode, degraded)


def _vector(services: Services, engine: Index, query: str) -> bytes | None:
    """The question's vector, or None when there is no model, it is broken, or the index holds another model's."""
    if not services.index.is_wanted(engine.generation):
        return None
    try:
        return query_vector(services.embedder, query)
    except Refusal:  # over the model's window, or the model does not load: words still answer
        return None


def _shown(
    services: Services, tx: Tx, scope: Scope, now: datetime, ranked: list[RankedDocument], question: Question
) -> list[HitView]:
    """Hits that records confirm: inside the Scope at this instant, searchable, with a reading. The index may lag."""
    confirmed = documents.get_documents(tx, scope, [candidate.document_id for candidate in ranked])
    hits: list[HitView] = []
    for candidate in ranked:
        document = confirmed.get(candidate.document_id)
        if document is None or document.state is not DocumentState.SEARCHABLE:
            continue
        reading = services.shelf.take(services.blobs, tx, scope, document)
        if reading is None:
            continue
        shown = (
            show(services.shelf, reading, sequence_of(passage), question, scope.patient_id)
            for passage in candidate.passages
        )
        if passages := [passage for passage in shown if passage is not None]:
            hits.append(
                HitView(
                    rank=len(hits) + 1,
                    document=view_of(document, marks_of(services, scope, document, now)),
                    passages=passages,
                )
            )
    return hits
