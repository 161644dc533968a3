"""AuditEvent: who looked, for the patient, the médecin traitant and the auditor (IHE BALP, ITI-81).

The patient and the médecin traitant read the accesses to the record, within what each may know of; the auditor those to
any identifier, existing or not. Query texts stay out of both: `anamnese audit export` has them for the auditor.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice

from fastapi import APIRouter, Request
from fastapi.responses import Response

from access.identifiers import PatientId
from access.scope import CallerKind, Scope
from access.smart import Need
from records import audit, journal
from records.database import Tx
from records.journal import Numbered
from search_api.audit_events import audit_event
from search_api.fhir.bundles import Links, searchset
from search_api.fhir.counter import AtCounter, Counter, Sent, ins_of
from search_api.fhir.documents import record_of
from search_api.fhir.elements import Resource
from search_api.fhir.formats import answer, versioned
from search_api.fhir.history import NO_SUCH_RESOURCE
from search_api.fhir.parameters import Asked, Parameter, matches, understood
from search_api.fhir.words import parted
from search_api.oversight import NOT_READABLE
from search_api.visit import patient_id_of

router = APIRouter(prefix="/fhir", include_in_schema=False)
KIND = "AuditEvent"
PARAMETERS = {
    "patient": Parameter("reference"),
    "patient.identifier": Parameter("token"),
    "_id": Parameter("token", ("id",)),
    "date": Parameter("date", ("recorded",)),
    "action": Parameter("token", ("action",)),
    "outcome": Parameter("token", ("outcome",)),
    "subtype": Parameter("token", ("subtype",)),
    "type": Parameter("token", ("type",)),
    "entity": Parameter("reference", ("entity.what",)),
}
_STEP = 200
_AUDITED = 500
"""Entries that an auditor's page looks at, as `anamnese audit show` does; the export has them all."""


@router.get(f"/{KIND}")
@router.post(f"/{KIND}/_search")
def search(request: Request, counter: AtCounter, sent: Sent) -> Response:
    """The newest first."""
    links = Links(counter, KIND)
    pairs, at = links.read(sent)
    asked = understood(pairs, PARAMETERS, strict=counter.strict, includes=frozenset())
    if counter.desk.caller.kind is CallerKind.AUDITOR:
        return answer(request, _audited(counter, asked, links, pairs))
    visit = counter.visit(record_of(counter, asked), "read-journal", Need(KIND, "s"))
    with visit.record() as (tx, scope):
        if not scope.oversees:
            raise NOT_READABLE
        after = links.start(scope, at)
        matching = _matching(tx, scope, asked, int(after) if after else None)
        page = list(islice(matching, asked.count))
        following = ""
        if page and next(matching, None) is not None:
            following = links.to(scope, pairs, str(page[-1][0].position))
    visit.granted()
    shown = [one for _, one in page]
    return answer(request, searchset(counter, asked, shown, own=links.own(pairs, at), following=following))


@router.get(f"/{KIND}/{{identity}}")
def read(request: Request, identity: str, counter: AtCounter) -> Response:
    """One access to one's record."""
    patient, place = parted(identity)
    visit = counter.visit(patient, "read-journal", Need(KIND, "r"))
    with visit.record() as (tx, scope):
        if not scope.oversees:
            raise NOT_READABLE
        found = journal.entries_numbered(tx, scope, limit=1, place=_place(scope, place))
        if not found:
            raise NO_SUCH_RESOURCE
        shown = _event(scope, found[0])
    visit.granted()
    return answer(request, shown)


def _matching(tx: Tx, scope: Scope, asked: Asked, before: int | None) -> Iterator[tuple[Numbered, Resource]]:
    while True:
        step = journal.entries_numbered(tx, scope, limit=_STEP, before=before)
        for one in step:
            event = _event(scope, one)
            if matches(event, asked, PARAMETERS):
                yield one, event
        if len(step) < _STEP:
            return
        before = step[-1].position


def _event(scope: Scope, one: Numbered) -> Resource:
    """Named by its number in the record; one of an identity that was merged into it says which."""
    chain, _, number = one.place.partition(".")
    name = number if chain == scope.patient_id else f"{number}.{chain}"
    return versioned(audit_event(one.entry, f"{scope.patient_id}.{name}"))


def _place(scope: Scope, name: str) -> str:
    number, _, chain = name.partition(".")
    return f"{chain or scope.patient_id}.{number}"


def _audited(counter: Counter, asked: Asked, links: Links, pairs: list[tuple[str, str]]) -> Resource:
    """For the auditor: accesses to all, or to one person under every identifier that they have or had here (records
    erased before under their INS, merged identities), journalled like any other look."""
    named = asked.one("patient").split("/")[-1]
    ins = None
    if one := asked.one("patient.identifier"):
        named, ins = counter.patient_named(one), ins_of(one)
    patient = patient_id_of(named) if named else None
    visit = dataclasses.replace(counter.visit(named, "read-journal", Need(KIND, "s")))
    with counter.desk.services.records.read() as tx:
        others = frozenset[PatientId]() if patient is None else audit.person_without_scope(tx, ins or patient)[1]
        entries = journal.entries_for_audit_without_scope(tx, patient, _AUDITED, erased=sorted(others))
    events = [versioned(audit_event(one, f"audit-{number}")) for number, one in enumerate(entries)]
    shown = [one for one in events if matches(one, asked, PARAMETERS)][: asked.count]
    visit.granted()
    return searchset(counter, asked, shown, own=links.own(pairs, ""))
