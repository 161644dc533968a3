"""Who may see a record and who has looked: its authorisations and its journal, within what each caller may know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query

from access.facts import GranteeKind
from access.refusal import Refusal
from access.scope import CallerKind, Scope
from records import grants, journal
from records.database import Tx
from records.grants import Grant
from records.journal import Entry
from records.practitioners import organization, practitioner
from search_api.act_views import GrantList, GrantView, JournalLine, JournalPage
from search_api.desk import AtDesk
from search_api.sentences import Language, sentence

router = APIRouter(prefix="/v1", tags=["oversight"])

_TOLD = ("at", "caller_kind", "caller", "on_behalf", "role", "purpose", "action", "outcome", "basis", "reason")
NOT_READABLE = Refusal(
    "show",
    "journal-not-readable",
    "Le journal d'un dossier se lit par son patient et son médecin traitant.",
    "Adressez-vous à l'un d'eux.",
)


@router.get("/patients/{patient_id}/grants", summary="Les autorisations d'accès au dossier")
def read_grants(patient_id: str, desk: AtDesk) -> GrantList:
    """Le patient et son médecin traitant les voient toutes ; un autre professionnel, celles qui le concernent."""
    visit = desk.visit(patient_id, "read-grants")
    with visit.record() as (tx, scope):
        listed = grants.list_grants(tx, scope)
        mine = [GrantView.of(grant, _grantee(tx, grant)) for grant in listed if shows(scope, grant)]
    visit.granted()
    return GrantList(patient_id=visit.patient_id, grants=mine)


@router.get("/patients/{patient_id}/journal", summary="Qui a regardé le dossier")
def read_journal(
    patient_id: str,
    desk: AtDesk,
    limit: Annotated[int, Query(ge=1, le=500, description="accès, les plus récents d'abord")] = 100,
    lang: Annotated[Language, Query(description="langue des phrases")] = "fr",
) -> JournalPage:
    """Chaque accès, accordé ou refusé, et une phrase qui le dit. Les textes des recherches restent à l'auditeur."""
    visit = desk.visit(patient_id, "read-journal")
    with visit.record() as (tx, scope):
        if not scope.oversees:
            raise NOT_READABLE
        lines = journal_lines(tx, scope, limit, lang)
    visit.granted()
    return JournalPage(patient_id=visit.patient_id, entries=lines)


def journal_lines(tx: Tx, scope: Scope, limit: int, lang: Language) -> list[JournalLine]:
    """The accesses to the Scope's record, newest first, as its readers see them."""
    entries = journal.entries(tx, scope, limit=limit)
    named = names_in(tx, entries)
    return [JournalLine(**line_of(entry, lang, named, scope.identities)) for entry in entries]


def names_in(tx: Tx, entries: Iterable[Entry]) -> dict[str, str]:
    """What the directory calls the professionals who looked, by their numbers."""
    numbers = {entry.on_behalf or entry.caller for entry in entries if entry.caller_kind == CallerKind.PRACTITIONER}
    return {number: known.name for number in numbers if (known := practitioner(tx, number)) is not None}


def line_of(entry: Entry, lang: Language, named: Mapping[str, str], own: Collection[str]) -> dict[str, Any]:
    """The fields of a JournalLine. `own`: the identifiers of the person whose record it is, who is "the patient"."""
    name = named.get(entry.on_behalf or entry.caller, "")
    mine = entry.caller_kind == CallerKind.PATIENT and entry.caller in own
    told = {each: getattr(entry, each) for each in _TOLD}
    said = sentence(entry, lang, patient=mine, name=name)
    return told | {"documents": list(entry.documents), "name": name, "sentence": said}


def _name(tx: Tx, rpps: str) -> str:
    known = practitioner(tx, rpps)
    return "" if known is None else known.name


def _grantee(tx: Tx, grant: Grant) -> str:
    """What the directory calls a grantee; a team has no name there."""
    if grant.grantee_kind == GranteeKind.ORGANIZATION:
        known = organization(tx, grant.grantee)
        return "" if known is None else known.name
    return _name(tx, grant.grantee) if grant.grantee_kind == GranteeKind.PRACTITIONER else ""


def shows(scope: Scope, grant: Grant) -> bool:
    """Whether a caller may know of a grant: the patient and the médecin traitant of all; another professional of those
    to them, their establishment or their team; who acts for the patient of those that they recorded: a minor may have
    let in a carer without their parents' knowledge."""
    if scope.oversees:
        return True
    if scope.caller.kind is CallerKind.PATIENT:
        return grant.recorded_by == scope.caller.id
    return grant.grantee in {scope.caller.id} | scope.caller.organizations | scope.caller.teams
