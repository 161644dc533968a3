"""The journal for who audits it: any record or all, by whom, what was done, when. Nothing of a document is read."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from access.acts import audits
from access.identifiers import Ins, PatientId, is_opaque_id, parse_ins
from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import Basis, CallerKind
from records import audit
from records.audit import Wanted
from records.journal import Entry
from search_api.act_views import AuditLine, AuditPage
from search_api.desk import AtDesk
from search_api.marks import PARIS
from search_api.oversight import line_of, names_in
from search_api.sentences import Language
from search_api.visit import patient_id_of

router = APIRouter(prefix="/v1", tags=["oversight"])
BAD_PATIENT = Refusal(
    "ask",
    "bad-patient",
    "Ce n'est ni un INS (13 caractères et une clé juste) ni un identifiant de patient.",
    "Vérifiez le numéro et sa clé.",
)
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2999, 12, 31))]


class AuditBody(BaseModel):
    """What is asked of the journal; nothing given asks for everything."""

    model_config = ConfigDict(extra="forbid")

    patient: str = Field(
        "", max_length=40, description="INS ou identifiant : ses dossiers effacés ou fusionnés compris"
    )
    who: str = Field("", max_length=64, description="numéro RPPS, ou identifiant de qui a regardé")
    actions: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=100, description="l'une de ces actions")
    basis: Literal["", Basis.BREAK_GLASS] = Field("", description="les accès d'urgence seulement")
    refused: bool = Field(False, description="les accès refusés seulement")
    since: Day | None = Field(None, description="premier jour, à Paris")
    until: Day | None = Field(None, description="dernier jour, à Paris")
    with_queries: bool = Field(False, description="le texte des recherches, pour l'auditeur seul : noté au journal")
    before: int | None = Field(None, ge=1, le=2**53, description="le `next` de la page d'avant")
    limit: int = Field(50, ge=1, le=200)
    lang: Language = "fr"


@router.post("/journal", summary="Le journal de tous les dossiers (auditeur, administration)")
def read_whole_journal(body: AuditBody, desk: AtDesk) -> AuditPage:
    """Du plus récent au plus ancien. Cette lecture est inscrite au journal, avec ce qui était demandé."""
    if not audits(desk.caller) or (body.with_queries and desk.caller.kind is not CallerKind.AUDITOR):
        desk.visit("", "read-journal").refused(NOT_YOUR_ACT)
        raise NOT_YOUR_ACT
    named = _named(body.patient)
    with desk.services.records.read() as tx:
        now, people = (PatientId(""), None) if named is None else audit.person_without_scope(tx, named)
        found = audit.audit_without_scope(tx, _wanted(body, people), limit=body.limit, before=body.before)
        names = names_in(tx, found.entries)
    desk.visit(now, "read-journal").granted(detail=_asked(body))
    lines = [_line(each, body, names, people or frozenset()) for each in found.entries]
    return AuditPage(entries=lines, next=found.next, reached=found.reached)


def _named(text: str) -> Ins | PatientId | None:
    """Whose record; Refusal (422) of what is neither an INS nor an identifier, which says nothing of anybody."""
    if not text.strip():
        return None
    if is_opaque_id(text.strip()):
        return PatientId(text.strip())
    ins = parse_ins(text)
    if ins is None:
        raise BAD_PATIENT
    return ins


def _wanted(body: AuditBody, people: frozenset[PatientId] | None) -> Wanted:
    return Wanted(
        patients=people,
        who=body.who.strip(),
        actions=frozenset(body.actions),
        basis=body.basis,
        refused=body.refused,
        since=None if body.since is None else _midnight(body.since),
        until=None if body.until is None else _midnight(body.until + timedelta(days=1)),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), PARIS)


def _asked(body: AuditBody) -> str:
    """What this reading asked for, for who audits the auditors; the record stands in the entry itself."""
    given = body.model_dump(mode="json", exclude_defaults=True, exclude={"patient", "limit", "lang", "before"})
    return ", ".join(f"{name} {value}" for name, value in given.items())


def _line(entry: Entry, body: AuditBody, names: dict[str, str], people: frozenset[PatientId]) -> AuditLine:
    of = "" if entry.patient_id == patient_id_of("") else entry.patient_id
    query = entry.query if body.with_queries else None
    return AuditLine(**line_of(entry, body.lang, names, people | {entry.patient_id}), patient_id=of, query=query)
