"""Encounter: the stays and visits that hospitals announced (ADT), for whom `/v1/…/episodes` shows them and nobody else.

    id       record.episode             identifier        the hospital's number of the visit
    status   cancelled                  it was announced, then withdrawn
             finished                   its end is behind
             planned                    its beginning is to come
             in-progress                it has begun; its end is to come, or is of a kind that hospitals tell
             unknown                    any other: who came for a consultation is discharged by nobody
    class    v3-ActCode for I, O, E, P of HL7 table 0004; the table's own code for the others

Nothing is counted, sorted or named that is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from access.scope import Scope
from access.smart import Need
from records.database import Tx
from records.episodes import Carer, Episode, episodes
from search_api.episodes import READ_EPISODES
from search_api.fhir.bundles import Links, searchset
from search_api.fhir.counter import AtCounter, Counter, Sent
from search_api.fhir.documents import record_of
from search_api.fhir.elements import Resource
from search_api.fhir.formats import answer, versioned
from search_api.fhir.history import NO_SUCH_RESOURCE, only_current
from search_api.fhir.parameters import Parameter, date_at, matches, understood
from search_api.fhir.patients import patient_of
from search_api.fhir.words import FINESS, RPPS, TERMINOLOGY, coding, concept, filled, instant, is_blank, joined, parted

router = APIRouter(prefix="/fhir", include_in_schema=False)
KIND = "Encounter"
INCLUDES = frozenset({f"{KIND}:patient", f"{KIND}:subject"})
PARAMETERS = {
    "patient": Parameter("reference"),
    "subject": Parameter("reference"),
    "patient.identifier": Parameter("token"),
    "_id": Parameter("token", ("id",)),
    "identifier": Parameter("token", ("identifier",)),
    "status": Parameter("token", ("status",)),
    "class": Parameter("token", ("class",)),
    "date": Parameter("date", ("period",)),
    "participant": Parameter("token", ("participant.individual.identifier",)),
    "service-provider": Parameter("token", ("serviceProvider.identifier",)),
}
_ACTS = {"I": "IMP", "O": "AMB", "E": "EMER", "P": "PRENC"}
_TABLE = frozenset("BCNRU")  # what v3-ActCode has no class for
_ENDED = frozenset("IEB")  # inpatients, emergencies, obstetrics
_ROLES = {"attending": "ATND", "referring": "REF", "consulting": "CON", "admitting": "ADM"}


@router.get(f"/{KIND}")
@router.post(f"/{KIND}/_search")
def search(request: Request, counter: AtCounter, sent: Sent) -> Response:
    """Those of one patient, the latest first."""
    links = Links(counter, KIND)
    pairs, at = links.read(sent)
    asked = understood(pairs, PARAMETERS, strict=counter.strict, includes=INCLUDES)
    visit = counter.visit(record_of(counter, asked), READ_EPISODES, Need(KIND, "s"))
    with visit.record() as (tx, scope):
        start = int(links.start(scope, at) or 0)
        found = [one for one in encounters_of(tx, scope, counter.desk.now) if matches(one, asked, PARAMETERS)]
        for name in reversed(asked.sort):
            key = partial(date_at, paths=PARAMETERS[name.removeprefix("-")].paths)
            found.sort(key=key, reverse=name.startswith("-"))
        shown = found[start : start + asked.count]
        further = start + asked.count < len(found) and asked.count > 0
        following = links.to(scope, pairs, str(start + asked.count)) if further else ""
        along = bool(asked.includes and shown) and counter.reaches("Patient", scope.patient_id)
        included = [patient_of(tx, scope)] if along else []
    visit.granted()
    own = links.own(pairs, at)
    return answer(
        request,
        searchset(counter, asked, shown, own=own, following=following, total=len(found), included=included),
    )


@router.get(f"/{KIND}/{{identity}}")
def read(request: Request, identity: str, counter: AtCounter) -> Response:
    """One."""
    return answer(request, _one(counter, identity))


@router.get(f"/{KIND}/{{identity}}/_history/{{version}}")
def vread(request: Request, identity: str, version: str, counter: AtCounter) -> Response:
    """One as it stands, the only version that is kept."""
    return answer(request, only_current(_one(counter, identity), version))


def _one(counter: Counter, identity: str) -> Resource:
    visit = counter.visit(parted(identity)[0], READ_EPISODES, Need(KIND, "r"))
    with visit.record() as (tx, scope):
        found = next((one for one in encounters_of(tx, scope, counter.desk.now) if one["id"] == identity), None)
        if found is None:
            raise NO_SUCH_RESOURCE
    visit.granted()
    return found


def encounters_of(tx: Tx, scope: Scope, now: datetime) -> Iterator[Resource]:
    """Each episode that this caller may know of, as it stands at `now`, the latest first."""
    return (_encounter(scope, one, now) for one in episodes(tx, scope))


def _encounter(scope: Scope, one: Episode, now: datetime) -> Resource:
    provider = {"identifier": {"system": FINESS, "value": one.organization}} if one.organization else None
    visit = {"type": concept(f"{TERMINOLOGY}/v2-0203", "VN"), "value": one.visit, "assigner": provider}
    resource = {
        "resourceType": KIND,
        "id": joined(scope.patient_id, one.episode_id),
        "identifier": [filled(visit)],
        "status": status_of(one, now),
        "class": _class(one.class_code),
        "subject": {"reference": f"Patient/{scope.patient_id}"},
        "participant": [_participant(each) for each in one.team],
        "period": _period(one),
        "location": [] if is_blank(one.unit) else [{"location": {"display": one.unit}}],
        "serviceProvider": provider,
    }
    return versioned(filled(resource))


def status_of(one: Episode, now: datetime) -> str:
    """R4's status of an episode, no more than its messages said."""
    if one.cancelled:
        return "cancelled"
    if one.ends is not None and one.ends <= now:
        return "finished"
    if one.begins is None:
        return "unknown"
    if one.begins > now:
        return "planned"
    return "in-progress" if one.ends is not None or one.class_code in _ENDED else "unknown"


def _class(code: str) -> Resource:
    """Mandatory in R4. A code that is of no table is given as it came."""
    if is_blank(code):
        return coding(f"{TERMINOLOGY}/v3-NullFlavor", "UNK")
    if code in _ACTS:
        return coding(f"{TERMINOLOGY}/v3-ActCode", _ACTS[code])
    return coding(f"{TERMINOLOGY}/v2-0004" if code in _TABLE else "", code)


def _period(one: Episode) -> Resource:
    """An end before its beginning is no period (R4, per-1): then the beginning alone."""
    begins, ends = one.begins, one.ends
    if begins is not None and ends is not None and ends < begins:
        ends = None
    return filled(
        {"start": "" if begins is None else instant(begins), "end": "" if ends is None else instant(ends)},
    )


def _participant(one: Carer) -> Resource:
    number = {"system": RPPS, "value": one.rpps} if one.rpps else None
    role = concept(f"{TERMINOLOGY}/v3-ParticipationType", _ROLES[one.role])
    return {"type": [role], "individual": filled({"identifier": number, "display": one.name})}
