"""The emergency card, observations and immunizations of one record: from the facts that the caller's Scope tells.

    decide ─ facts inside the Scope ─ card ─ recheck of the documents shown ─ journal ─ answer

Neither the index nor the embedder is asked. HTTP and `anamnese emergency` call `card_answer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from access.document_types import label_of
from access.identifiers import DocumentId, PatientId
from access.scope import Caller, Scope
from clinical.card import Card, Read
from clinical.card_labs import plain_number
from clinical.card_lines import LAST_LINE, Line, certainty_of, line_of
from clinical.folding import holds, plain
from clinical.series import Point, Series, series_of, when_of
from clinical.text.edition import rules_edition
from clinical.vaccines import Standing, standings
from records import documents, facts, patients
from records.coverage import covered
from records.database import Tx
from records.documents import Document
from records.fact import FactKind, Told
from records.patients import Identity
from search_api.card_views import (
    CardView,
    ImmunizationList,
    LineView,
    ObservationList,
    PointView,
    ReadView,
    SectionView,
    SeriesView,
    SourceView,
    StandingView,
)
from search_api.desk import AtDesk
from search_api.marks import PARIS, banner_of
from search_api.services import Services
from search_api.visit import EMERGENCY_CARD, Look, Visit

router = APIRouter(prefix="/v1", tags=["facts"])
CALENDAR = "Calendrier des vaccinations, France, 2025"
_MEASURES = (FactKind.LAB_RESULT, FactKind.VITAL_SIGN)


@router.get("/patients/{patient_id}/emergency", summary="La carte d'urgence", response_model=CardView)
def read_card(patient_id: str, desk: AtDesk) -> Response:
    """Ce que les documents accessibles disent d'essentiel, en ordre fixe, chaque ligne avec sa source. Ne dépend ni
    de l'index ni du modèle."""
    found = card_of(desk.visit(patient_id, EMERGENCY_CARD))
    return Response(found.model_dump_json(), media_type="application/json")


@router.get("/patients/{patient_id}/observations", summary="Les résultats en séries")
def read_observations(
    patient_id: str,
    desk: AtDesk,
    analyte: Annotated[str | None, Query(max_length=100, description="nom, ou début de nom, d'un analyte")] = None,
    since: Annotated[date | None, Query(description="à partir de ce jour")] = None,
    until: Annotated[date | None, Query(description="jusqu'à ce jour")] = None,
) -> ObservationList:
    """Un analyte est une série, quel que soit le format ; valeur, unité et bornes d'origine toujours montrées."""
    visit = desk.visit(patient_id, "read-observations")
    with visit.record() as (tx, scope):
        identity = patients.identity_of(tx, scope)
        told = facts.told(tx, scope, _MEASURES)
        found = series_of(told)
        kept = [each for each in narrowed(found, analyte, since, until) if each.points]
        papers = Papers.of(tx, scope, [point.told for each in kept for point in each.points])
        read = read_of(tx, scope)
    visit.granted(papers.with_copies(each.document_id for one in kept for point in one.points for each in point.also))
    return ObservationList(
        patient_id=visit.patient_id,
        banner=banner_of(scope),
        series=[_series(each, papers, identity) for each in kept],
        read=_read(read),
        notice=read.notice,
    )


@router.get("/patients/{patient_id}/immunizations", summary="Le statut vaccinal, selon le calendrier français")
def read_immunizations(patient_id: str, desk: AtDesk) -> ImmunizationList:
    """Fait, à faire ou inconnu, par les doses que les documents prouvent ; jamais « à jour » sans source."""
    visit = desk.visit(patient_id, "read-immunizations")
    with visit.record() as (tx, scope):
        identity = patients.identity_of(tx, scope)
        told = facts.told(tx, scope, (FactKind.IMMUNIZATION,))
        found = standings(told, identity.birth_date, visit.now.astimezone(PARIS).date())
        papers = Papers.of(tx, scope, [dose for each in found for dose in each.doses])
        read = read_of(tx, scope)
    visit.granted(papers.shown)
    return ImmunizationList(
        patient_id=visit.patient_id,
        banner=banner_of(scope),
        calendar=CALENDAR,
        vaccines=[_standing(each, papers) for each in found],
        read=_read(read),
        notice=read.notice,
        last_line=LAST_LINE,
    )


def card_answer(
    services: Services, caller: Caller, patient_id: PatientId, now: datetime, request_id: str, look: Look = Look()
) -> CardView:
    """The card for a caller, journalled; Refusals as any visit's."""
    return card_of(Visit(services, caller, patient_id, EMERGENCY_CARD, now, request_id, look))


def card_of(visit: Visit) -> CardView:
    """The card of a visit, journalled with every document that it shows."""
    with visit.record() as (tx, scope):
        read = read_of(tx, scope)
        kept = visit.services.cards.take(tx, scope, read, visit.now.astimezone(PARIS).date())
        papers = Papers.of(tx, scope, [told for line in kept.card.lines if (told := line.told) is not None])
    visit.granted(papers.with_copies(name for line in kept.card.lines for name in line.also))
    return CardView(
        patient_id=visit.patient_id,
        at=visit.now,
        banner=banner_of(scope),
        sections=kept.drawn(papers.marks, lambda card: _sections(card, papers)),
        read=_read(read),
        notice=read.notice,
        last_line=kept.card.last_line,
    )


def read_of(tx: Tx, scope: Scope) -> Read:
    """What facts rest on, inside the Scope and nowhere else."""
    counted = covered(tx, scope)
    unread, earlier = facts.standing(tx, scope, rules_edition())
    return Read(
        documents=max(0, counted.searched - unread),
        first=counted.first_date,
        last=counted.last_date,
        pending=counted.pending,
        refused=counted.refused,
        quarantined=counted.quarantined,
        unreadable_pages=counted.unreadable_pages,
        unread=unread,
        earlier=earlier,
    )


def narrowed(found: Iterable[Series], analyte: str | None, since: date | None, until: date | None) -> Iterable[Series]:
    """The series of that name, and their points of that period; undated points only without a period."""
    wanted = "" if analyte is None else plain(analyte)
    for series in found:
        names = (series.name, *(() if series.analyte is None else series.analyte.names))
        if wanted and not any(
            f" {plain(name)}".startswith(f" {wanted}") or holds(plain(name), wanted) for name in names
        ):
            continue
        yield replace(series, points=tuple(point for point in series.points if _within(point, since, until)))


def _within(point: Point, since: date | None, until: date | None) -> bool:
    if since is None and until is None:
        return True
    latest, earliest = f"{point.day}-12-31"[: max(10, len(point.day))], point.day
    after = since is None or latest >= since.isoformat()
    before = until is None or earliest <= until.isoformat()
    return bool(point.day) and after and before


@dataclass(frozen=True, slots=True)
class Papers:
    """The documents behind what is shown, confirmed by records inside the Scope."""

    patient_id: PatientId
    known: Mapping[DocumentId, Document]

    @classmethod
    def of(cls, tx: Tx, scope: Scope, told: Iterable[Told]) -> Papers:
        """Those of these facts."""
        wanted = dict.fromkeys(DocumentId(each.document_id) for each in told)
        return cls(scope.patient_id, documents.get_documents(tx, scope, wanted))

    @property
    def shown(self) -> list[DocumentId]:
        return sorted(self.known)

    def with_copies(self, also: Iterable[str]) -> list[DocumentId]:
        """Those shown, and those named beside them as saying the same: all that the journal must hold."""
        return sorted({*self.known, *map(DocumentId, also)})

    @property
    def marks(self) -> tuple[object, ...]:
        """Everything of the documents that lines show: what is drawn from them is kept under it."""
        known = sorted(self.known.values(), key=lambda each: each.document_id)
        shown = ((one.document_id, one.title, one.type_code, one.event_date, one.author) for one in known)
        return (self.patient_id, *shown)

    def source(self, told: Told) -> SourceView:
        """A fact's words and place."""
        quote, document = told.fact.quote, self.known[DocumentId(told.document_id)]
        address = f"/v1/patients/{self.patient_id}/documents/{document.document_id}/pages/{quote.page}.png"
        return SourceView(
            document_id=document.document_id,
            document=document.title or label_of(document.type_code),
            event_date=document.event_date,
            author=document.author,
            page=quote.page,
            start=quote.start,
            end=quote.end,
            quote=quote.text,
            page_url=f"{address}?quote={quote.start}-{quote.end}",
        )


def _sections(card: Card, papers: Papers) -> list[SectionView]:
    return [
        SectionView(
            key=section.key,
            title=section.title,
            lines=[_line(line, papers) for line in section.lines],
            empty=section.empty,
        )
        for section in card.sections
    ]


def _line(line: Line, papers: Papers) -> LineView:
    return LineView.model_validate(
        {
            "text": line.text,
            "date": line.day,
            "certainty": line.certainty,
            "assertion": line.assertion,
            "group": line.group,
            "remarks": list(line.remarks),
            "contradicted": line.contradicted,
            "source": None if line.told is None else papers.source(line.told),
            "also": list(line.also),
        }
    )


def _series(series: Series, papers: Papers, identity: Identity) -> SeriesView:
    return SeriesView(
        analyte=series.name,
        unit=series.unit,
        known=series.analyte is not None,
        points=[point_view(point, series, papers, identity) for point in series.points],
    )


def point_view(point: Point, series: Series, papers: Papers, identity: Identity) -> PointView:
    stated = point.stated
    low, high = series.bounds(point, identity.sex, identity.birth_date)
    return PointView(
        date=point.day,
        original=stated.text,
        original_unit=stated.unit,
        original_range=stated.range_text,
        flag=stated.flag,
        comparator=stated.comparator,
        value=plain_number(point.value),
        low=plain_number(low),
        high=plain_number(high),
        remarks=list(point.remarks),
        certainty=certainty_of(point.told),
        source=papers.source(point.told),
        also=[each.document_id for each in point.also],
    )


def _standing(standing: Standing, papers: Papers) -> StandingView:
    doses = [line_of(each, each.fact.label, day=when_of(each)) for each in standing.doses]
    return StandingView(
        vaccine=standing.vaccine.name,
        status=standing.status.value,
        reason=standing.reason,
        next_due=standing.next_due,
        doses=[_line(line, papers) for line in doses],
    )


def _read(read: Read) -> ReadView:
    return ReadView(
        documents=read.documents,
        first_date=read.first,
        last_date=read.last,
        pending=read.pending,
        unreadable_pages=read.unreadable_pages,
        refused=read.refused,
        quarantined=read.quarantined,
        to_read_again=read.unread,
    )
