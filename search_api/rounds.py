"""One question over the records of one's patients (« qui est sous méthotrexate ? »), grouped by patient.

    patients with a live grant ─ decide, each ─ find, each ─ order of patients ─ passages ─ journal, each ─ answer

Each record is opened by its own decision and searched inside its own Scope, as if it were asked alone; one that the
decision refuses is passed over as if it did not exist. Scores of words do not depend on a patient, so they compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice

from access.decide import role_refusal
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.refusals import DOOR, NOT_YOUR_ACT
from access.scope import Caller, CallerKind, Scope
from index.rank import RankedDocument
from records import patients
from records.coverage import Coverage, covered, without_withdrawn
from records.database import Tx
from records.rights import patients_of
from search_api.coverage import coverage_view
from search_api.finding import (
    QUERY_EMPTY,
    Found,
    SearchRequest,
    Shelves,
    cleaned,
    find_each,
    page_of,
    ranked_in,
    understand,
)
from search_api.functions import refuse_off
from search_api.saved import in_full, with_saved
from search_api.services import Services
from search_api.views import Expansion, HitView, PatientHits, PatientsAnswerView, PersonView
from search_api.visit import Visit, granted_together

MOST_PATIENTS = 500
"""Records searched by one question: 20 to 30 ms each of 200 passages (RESULTS.md), one entry of each one's journal."""
AT_ONCE = 50
"""Records that the engine is asked about together: their words are held in memory meanwhile."""
MOST_TOLD = 12
ACTION = "search-patients"
"""The journal's word."""
TOO_MANY = Refusal(
    "ask",
    "too-many-patients",
    f"Plus de {MOST_PATIENTS} patients vous ont donné accès ; la recherche ne porte pas sur tous à la fois.",
    "Nommez dans `patients` ceux que vous voulez.",
)


@dataclass(frozen=True, slots=True)
class _Record:
    """One patient's record, searched."""

    visit: Visit
    scope: Scope
    found: Found
    ranked: Sequence[RankedDocument]

    @property
    def strength(self) -> tuple[int, int, str]:
        """Sorts the strongest answer first: by words, then by meaning; ties by id."""
        words, meaning = self.found.candidates.words, self.found.candidates.meaning
        return -(words[0].score if words else 0), -(meaning[0].score if meaning else 0), self.scope.patient_id


def answer_rounds(
    services: Services,
    caller: Caller,
    request: SearchRequest,
    wanted: frozenset[PatientId] | None,
    now: datetime,
    request_id: str,
) -> PatientsAnswerView:
    """The patients whose records answer, at most `request.limit`, three documents each; every record searched is
    journalled. `wanted` narrows to some of the caller's patients; others among them are as if they did not exist.

    Refusals: of the role, "query-empty", "too-many-patients", and those of a search in one record.
    """
    request = with_saved(services, caller, replace(request, query=cleaned(request.query)))
    if not request.query:
        raise QUERY_EMPTY
    if (refusal := role_refusal(caller, services.policy)) is not None:
        raise refusal
    if caller.kind is not CallerKind.PRACTITIONER:
        raise NOT_YOUR_ACT
    refuse_off(services.off, ACTION, regulation=False)
    understood = understand(services, request)
    with services.records.read() as tx:
        records: list[_Record] = []
        opened = _opened(services, tx, caller, wanted, now, request_id)
        while some := list(islice(opened, AT_ONCE)):
            for (visit, scope), found in zip(some, find_each(understood, tx, [each[1] for each in some]), strict=True):
                records.append(_Record(visit, scope, found, ranked_in(services, tx, scope, request, found)))
        groups, more = _groups(services, tx, records, request.limit, now)
        counted = _together(covered(tx, each.scope) for each in records)
    asked = in_full(request.query, understood.query)
    shown = {group.patient.patient_id: [DocumentId(hit.document.id) for hit in group.hits] for group in groups}
    granted_together([(each.visit, shown.get(each.scope.patient_id, [])) for each in records], asked)
    unshown = None if groups else sum(each.found.candidates.matched_documents for each in records)
    degraded = list(dict.fromkeys(mode for each in records for mode in each.found.degraded))
    return PatientsAnswerView(
        query=request.query,
        mode=understood.mode,
        patients=groups,
        searched_patients=len(records),
        more=more,
        understood=list(understood.query.said),
        expansions=_expansions(records),
        coverage=coverage_view(counted, understood.filters, degraded, unshown=unshown),
    )


def _opened(
    services: Services,
    tx: Tx,
    caller: Caller,
    wanted: frozenset[PatientId] | None,
    now: datetime,
    request_id: str,
) -> Iterator[tuple[Visit, Scope]]:
    """The records that the caller's grants open, each by its own decision."""
    mine = patients_of(tx, caller, now)
    if wanted is not None:
        mine = [patient_id for patient_id in mine if patient_id in wanted]
    if len(mine) > MOST_PATIENTS:
        raise TOO_MANY
    for patient_id in mine:
        visit = Visit(services, caller, patient_id, ACTION, now, request_id)
        try:
            yield visit, without_withdrawn(tx, visit.right(tx))
        except Refusal as refusal:
            if refusal.stage != DOOR.stage:  # the service's own failure, not the decision's
                raise


def _groups(
    services: Services, tx: Tx, records: Sequence[_Record], limit: int, now: datetime
) -> tuple[list[PatientHits], bool]:
    """The strongest records with a document that answers; whether more were left unopened. Far ones are left out: of
    many patients, who is nearest to a question that nobody answers says nothing."""
    groups: list[PatientHits] = []
    for record in sorted((each for each in records if each.ranked), key=lambda each: each.strength):
        if len(groups) == limit:
            return groups, True
        shelves = Shelves(services, tx, record.scope, now, record.found)
        hits, _ = page_of(shelves, list(record.ranked), 0, 3)
        near = [hit for hit in hits if not hit.far]
        if near:
            groups.append(_group(tx, record, near))
    return groups, False


def _group(tx: Tx, record: _Record, hits: list[HitView]) -> PatientHits:
    identity = patients.identity_of(tx, record.scope)
    person = PersonView(
        patient_id=record.scope.patient_id,
        family_name=identity.family_name,
        given_names=identity.given_names,
        birth_date=identity.birth_date,
        sex=identity.sex,
    )
    return PatientHits(patient=person, hits=hits, total=record.found.candidates.matched_documents)


def _together(counts: Iterable[Coverage]) -> Coverage:
    """The Coverage of several records as one."""
    every = list(counts)

    def days(name: str) -> list[date]:
        return [day for each in every if (day := getattr(each, name)) is not None]

    return Coverage(
        searched=sum(each.searched for each in every),
        pending=sum(each.pending for each in every),
        quarantined=sum(each.quarantined for each in every),
        refused=sum(each.refused for each in every),
        unreadable_pages=sum(each.unreadable_pages for each in every),
        first_date=min(days("first_date"), default=None),
        last_date=max(days("last_date"), default=None),
    )


def _expansions(records: Sequence[_Record]) -> list[Expansion]:
    told = {(e.typed, e.also): e for record in records for e in record.found.asked.synonyms}
    return [
        Expansion.model_validate({"from": each.typed, "to": each.also, "relation": each.link.value})
        for each in list(told.values())[:MOST_TOLD]
    ]
