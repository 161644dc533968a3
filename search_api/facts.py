"""Facts and timeline of one record: what its documents state, each with its words. Nothing is concluded.

decide ─ told inside the Scope ─ gathered ─ filtered ─ a page of them ─ recheck ─ journal ─ answer
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from access.identifiers import DocumentId
from access.scope import Scope
from records import documents, facts
from records.documents import Document, DocumentState
from records.fact import Assertion, FactKind
from search_api.cursors import BAD_CURSOR
from search_api.desk import PROBLEM, AtDesk, Desk
from search_api.fact_show import Shower, coverage_of, named_in
from search_api.fact_views import FactList, FactView, Moment, Timeline
from search_api.gathered import Gathered, gathered
from search_api.marks import banner_of

router = APIRouter(prefix="/v1", tags=["facts"])
MOMENTS = frozenset(
    {
        FactKind.ENCOUNTER,
        FactKind.PROCEDURE,
        FactKind.IMPLANT,
        FactKind.IMMUNIZATION,
        FactKind.LAB_RESULT,
        FactKind.MEDICATION,
        FactKind.DISPENSING,
    }
)
"""Kinds of facts that happen at a time."""
_UNSAID = frozenset({Assertion.ABSENT, Assertion.FAMILY})
_BAD: dict[int | str, dict[str, Any]] = {400: {**PROBLEM, "description": "repère de pagination d'un autre, ou périmé"}}
Since = Annotated[date | None, Query(description="à partir de ce jour ; écarte ce qui n'a pas de date")]
Cursor = Annotated[str | None, Query(max_length=400, description="suite d'une liste : `next`")]
Limit = Annotated[int, Query(ge=1, le=200, description="lignes par page")]


@router.get("/patients/{patient_id}/facts", summary="Ce que disent les documents accessibles", responses=_BAD)
def read_facts(
    patient_id: str,
    desk: AtDesk,
    kind: Annotated[list[FactKind] | None, Query(description="genres voulus ; tous sinon")] = None,
    assertion: Annotated[list[Assertion] | None, Query(description="énoncés voulus ; tous sinon")] = None,
    since: Since = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> FactList:
    """Allergies, traitements, problèmes, actes, résultats… tels qu'ils sont écrits, chacun avec les mots qui le disent.
    Le même fait de plusieurs documents est un, avec ses sources. Un fait absent de la liste n'est pas un fait exclu."""
    visit = desk.visit(patient_id, "read-facts")
    with visit.record() as (tx, scope):
        listing = f"facts:{sorted(kind or ())}:{sorted(assertion or ())}:{since}"
        start = _start(desk, scope, listing, cursor)
        found = gathered(facts.told(tx, scope, kind))
        if assertion:
            found = [each for each in found if each.fact.assertion in assertion]
        if since is not None:
            found = [each for each in found if each.day >= since.isoformat()[: len(each.day)] and each.day]
        page = found[start : start + limit]
        shower = Shower.of(desk, tx, scope, _documents(page))
        shown = [view for each in page if (view := shower.fact(each)) is not None]
        coverage, following = coverage_of(tx, scope), _next(desk, scope, listing, start + limit, len(found))
    visit.granted(named_in(shown))
    return FactList(
        patient_id=visit.patient_id,
        banner=banner_of(scope),
        facts=shown,
        total=len(found),
        coverage=coverage,
        next=following,
    )


@router.get("/patients/{patient_id}/timeline", summary="Le dossier au fil du temps", responses=_BAD)
def read_timeline(
    patient_id: str, desk: AtDesk, since: Since = None, limit: Limit = 50, cursor: Cursor = None
) -> Timeline:
    """Venues, actes, résultats, traitements et documents, du plus récent au plus ancien ; ce qui est nié ou concerne
    la famille n'y est pas. Ce qui n'a pas de date est à la fin."""
    visit = desk.visit(patient_id, "read-timeline")
    with visit.record() as (tx, scope):
        listing = f"timeline:{since}"
        start = _start(desk, scope, listing, cursor)
        papers = documents.list_documents(tx, scope, states=[DocumentState.SEARCHABLE])
        told = [one for one in facts.told(tx, scope, MOMENTS) if one.fact.assertion not in _UNSAID]
        line: list[Gathered | Document] = [*papers, *gathered(told)]
        line.sort(key=_day, reverse=True)
        if since is not None:
            line = [each for each in line if _day(each) and _day(each) >= since.isoformat()[: len(_day(each))]]
        page = line[start : start + limit]
        named = {each.document_id for each in page if isinstance(each, Document)}
        shower = Shower.of(desk, tx, scope, named | _documents([e for e in page if isinstance(e, Gathered)]))
        moments = [moment for each in page if (moment := _moment(shower, each)) is not None]
        coverage, following = coverage_of(tx, scope), _next(desk, scope, listing, start + limit, len(line))
    own = [DocumentId(each.document.id) for each in moments if each.document is not None]
    visit.granted(list(dict.fromkeys([*own, *named_in([each.fact for each in moments if each.fact is not None])])))
    return Timeline(
        patient_id=visit.patient_id,
        banner=banner_of(scope),
        moments=moments,
        total=len(line),
        coverage=coverage,
        next=following,
    )


def _moment(shower: Shower, each: Gathered | Document) -> Moment | None:
    if isinstance(each, Document):
        paper = shower.papers.get(each.document_id)
        if paper is None:
            return None
        view = shower.document(paper)
        return Moment(date=_day(each), kind="document", label=view.title, document=view, fact=None)
    fact: FactView | None = shower.fact(each)
    return None if fact is None else Moment(date=each.day, kind=fact.kind, label=fact.label, document=None, fact=fact)


def _day(each: Gathered | Document) -> str:
    if isinstance(each, Gathered):
        return each.day
    return "" if each.event_date is None else each.event_date.isoformat()


def _documents(page: Sequence[Gathered]) -> set[DocumentId]:
    return {DocumentId(one.document_id) for each in page for one in each.sources}


def _start(desk: Desk, scope: Scope, listing: str, cursor: str | None) -> int:
    if cursor is None:
        return 0
    position = desk.cursors.read(scope, listing, cursor)
    if not position.isdigit():
        raise BAD_CURSOR
    return int(position)


def _next(desk: Desk, scope: Scope, listing: str, following: int, total: int) -> str | None:
    return desk.cursors.sign(scope, listing, str(following)) if following < total else None
