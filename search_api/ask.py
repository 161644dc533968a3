"""The way of a question: decide, find, show, journal; only then does the answer leave.

    decide ─ find ─ passages ─ coverage ─ journal ─ answer
    visit    finding.py        coverage.py  visit

HTTP and `anamnese search` call `answer`. Nothing here depends on what lies outside the caller's Scope.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from access.identifiers import DocumentId, PatientId
from access.scope import Caller, Scope
from index.rank import RankedDocument
from records import documents
from records.coverage import covered, without_withdrawn
from records.database import Tx
from records.documents import DocumentState
from records.visitors import last_visit
from search_api.coverage import coverage_view
from search_api.cursors import Cursors
from search_api.finding import (
    QUERY_EMPTY,
    SearchRequest,
    Shelves,
    cleaned,
    find,
    page_of,
    ranked_in,
    text_of,
    understand,
)
from search_api.marks import banner_of
from search_api.saved import in_full, with_saved
from search_api.services import Services
from search_api.sift import facets_of
from search_api.values import values_in
from search_api.views import AnswerView, Correction, Expansion, Facets
from search_api.visit import Look, Visit

MOST_TOLD = 12
"""Expansions told with an answer; all of them are searched."""


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
    request = with_saved(services, caller, replace(request, query=cleaned(request.query)))
    if not request.query and request.like is None:
        raise QUERY_EMPTY
    visit = Visit(services, caller, patient_id, "search", now, request_id, look)
    with visit.record() as (tx, whole):
        scope = without_withdrawn(tx, whole)
        if request.like is not None:
            request = replace(request, query=cleaned(text_of(services, tx, scope, request.like)))
        last = last_visit(tx, scope, now)
        found = find(understand(services, request), tx, scope, last)
        ranked = ranked_in(services, tx, scope, request, found)
        start = _start(services, scope, request, ranked)
        shelves = Shelves(services, tx, scope, now, found, last)
        hits, reached = page_of(shelves, ranked, start, request.limit)
        following = _following(services, scope, request, ranked, reached)
        counted = covered(tx, scope)
        facets = _facets(tx, scope, ranked) if request.facets else None
        asked_values = request.cursor is None and request.like is None and "observations" not in services.off
        values, behind = values_in(tx, scope, request.query) if asked_values else ([], [])
    shown = dict.fromkeys([*(DocumentId(hit.document.id) for hit in hits), *behind])
    visit.granted(list(shown), query=in_full(request.query, found.query))
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
        values=values,
        next=following,
    )


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
