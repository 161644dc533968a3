"""What documents state, searched and read as FHIR resources, each with its Provenance.

decide ─ told inside the Scope ─ gathered ─ written ─ those that match ─ a page ─ journal ─ answer
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from access.identifiers import DocumentId
from access.scope import Scope
from access.smart import Need
from records import documents, facts
from records.database import Tx
from records.documents import Document
from records.fact import FactKind
from search_api.fact_show import coverage_of
from search_api.fhir.bundles import Links, searchset
from search_api.fhir.counter import AtCounter, Counter, Sent
from search_api.fhir.documents import patient_of_reference, record_of
from search_api.fhir.elements import Resource
from search_api.fhir.formats import answer
from search_api.fhir.history import NO_SUCH_RESOURCE, only_current
from search_api.fhir.outcome import bad_parameter
from search_api.fhir.parameters import Asked, Parameter, date_at, matches, understood
from search_api.fhir.patients import patient_of
from search_api.fhir.provenance import provenance_of, shown_sources
from search_api.fhir.statements import ALLERGIES, KINDS, Writer, kinds_of, states_allergy
from search_api.fhir.words import parted
from search_api.functions import function_of
from search_api.gathered import Gathered, gathered
from search_api.visit import Visit

_PATIENT = {
    "patient": Parameter("reference"),
    "subject": Parameter("reference"),
    "patient.identifier": Parameter("token"),
    "_id": Parameter("token", ("id",)),
}
_CODE = {"code": Parameter("token", ("code",))}
_STATUS = {"status": Parameter("token", ("status",))}
PARAMETERS: dict[str, dict[str, Parameter]] = {
    "AllergyIntolerance": _PATIENT
    | _CODE
    | {
        "clinical-status": Parameter("token", ("clinicalStatus",)),
        "verification-status": Parameter("token", ("verificationStatus",)),
        "type": Parameter("token", ("type",)),
        "date": Parameter("date", ("recordedDate",)),
    },
    "MedicationStatement": _PATIENT
    | _STATUS
    | {
        "code": Parameter("token", ("medicationCodeableConcept",)),
        "effective": Parameter("date", ("effectiveDateTime", "effectivePeriod")),
    },
    "Condition": _PATIENT
    | _CODE
    | {
        "clinical-status": Parameter("token", ("clinicalStatus",)),
        "verification-status": Parameter("token", ("verificationStatus",)),
        "category": Parameter("token", ("category",)),
        "onset-date": Parameter("date", ("onsetDateTime",)),
        "recorded-date": Parameter("date", ("recordedDate",)),
    },
    "Immunization": _PATIENT
    | _STATUS
    | {
        "vaccine-code": Parameter("token", ("vaccineCode",)),
        "date": Parameter("date", ("occurrenceDateTime",)),
    },
    "Procedure": _PATIENT | _STATUS | _CODE | {"date": Parameter("date", ("performedDateTime", "performedPeriod"))},
    "DeviceUseStatement": _PATIENT,
    "Observation": _PATIENT
    | _STATUS
    | _CODE
    | {
        "category": Parameter("token", ("category",)),
        "date": Parameter("date", ("effectiveDateTime", "effectivePeriod")),
    },
}
PROVENANCE = "Provenance"
PROVENANCES = {"target": Parameter("reference"), "patient": Parameter("reference")}
REVINCLUDE = "Provenance:target"
ACTIONS = {"Immunization": "read-immunizations", "Observation": "read-observations"}
"""The journal's words, and so the function that can be switched off; the others are "read-facts"."""


def includes_of(kind: str) -> frozenset[str]:
    """What `_include` may name."""
    return frozenset({f"{kind}:patient", f"{kind}:subject"})


@dataclass(frozen=True, slots=True)
class Told:
    """What one Scope's documents state, of some kinds, and the documents, confirmed by records."""

    writer: Writer
    found: list[Gathered]

    @classmethod
    def of(cls, counter: Counter, tx: Tx, scope: Scope, kinds: Iterable[FactKind]) -> Told:
        """Newest first."""
        wanted = frozenset(kinds)
        told = gathered(facts.told(tx, scope, wanted))
        key = counter.desk.services.keys.service_key("fhir-statements")
        allergic = bool(wanted & ALLERGIES) and any(states_allergy(each) for each in told)
        return cls(Writer(scope.patient_id, key, allergic, counter.desk.now.date()), told)

    def written(self) -> Iterator[tuple[Gathered, Resource]]:
        """Each with its resource."""
        for each in self.found:
            if (resource := self.writer.resource(each)) is not None:
                yield each, resource

    def provenances(
        self, shown: list[tuple[Gathered, Resource]], papers: Mapping[DocumentId, Document]
    ) -> list[Resource]:
        """Of statements that are shown."""
        return [provenance_of(self.writer, each, one, papers) for each, one in shown]


def papers_of(tx: Tx, scope: Scope, shown: Iterable[Gathered]) -> dict[DocumentId, Document]:
    """The documents behind what is shown, inside the Scope."""
    return documents.get_documents(tx, scope, {DocumentId(one.document_id) for each in shown for one in each.sources})


def named_in(shown: Iterable[Gathered], papers: Mapping[DocumentId, Document]) -> list[DocumentId]:
    """What the journal says was shown."""
    return list(dict.fromkeys(DocumentId(one.document_id) for each in shown for one in shown_sources(each, papers)))


def clinical_router() -> APIRouter:
    """Search, read and vread of every kind, and of Provenance."""
    router = APIRouter(prefix="/fhir", include_in_schema=False)
    for kind in PARAMETERS:
        _offer(router, kind)
    router.get(f"/{PROVENANCE}")(_provenances)
    router.post(f"/{PROVENANCE}/_search")(_provenances)
    router.get(f"/{PROVENANCE}/{{identity}}")(_provenance)
    return router


def _offer(router: APIRouter, kind: str) -> None:
    """The addresses of one kind."""

    def search(request: Request, counter: AtCounter, sent: Sent) -> Response:
        return answer(request, _searched(counter, kind, sent))

    def read(request: Request, identity: str, counter: AtCounter) -> Response:
        return answer(request, _one(counter, kind, identity)[1])

    def vread(request: Request, identity: str, version: str, counter: AtCounter) -> Response:
        return answer(request, only_current(_one(counter, kind, identity)[1], version))

    router.get(f"/{kind}")(search)
    router.post(f"/{kind}/_search")(search)
    router.get(f"/{kind}/{{identity}}")(read)
    router.get(f"/{kind}/{{identity}}/_history/{{version}}")(vread)


def _visit(counter: Counter, patient: str, kind: str, permission: str) -> Visit:
    return counter.visit(patient, ACTIONS.get(kind, "read-facts"), Need(kind, permission))


def _searched(counter: Counter, kind: str, sent: list[tuple[str, str]]) -> Resource:
    links = Links(counter, kind)
    pairs, at = links.read(sent)
    wanted = includes_of(kind) | {REVINCLUDE}
    asked = understood(pairs, PARAMETERS[kind], strict=counter.strict, includes=wanted)
    visit = _visit(counter, record_of(counter, asked), kind, "s")
    with visit.record() as (tx, scope):
        start = int(links.start(scope, at) or 0)
        told = Told.of(counter, tx, scope, kinds_of(kind))
        known = PARAMETERS[kind]
        matching = [pair for pair in told.written() if _in_ids(pair[1], asked) and matches(pair[1], asked, known)]
        ordered = _sorted(matching, asked, known)
        papers = papers_of(tx, scope, [each for each, _ in ordered[start : start + asked.count]])
        page = [pair for pair in ordered[start : start + asked.count] if shown_sources(pair[0], papers)]
        further = start + asked.count < len(ordered) and asked.count > 0
        following = links.to(scope, pairs, str(start + asked.count)) if further else ""
        notice = coverage_of(tx, scope).notice
        sources = REVINCLUDE in asked.includes and counter.reaches(PROVENANCE, scope.patient_id)
        included = told.provenances(page, papers) if sources else []
        if includes_of(kind) & set(asked.includes) and page and counter.reaches("Patient", scope.patient_id):
            included.append(patient_of(tx, scope))
    visit.granted(named_in([each for each, _ in page], papers))
    shown = [one for _, one in page]
    own = links.own(pairs, at)
    return searchset(
        counter,
        asked,
        shown,
        own=own,
        following=following,
        total=len(ordered),
        included=included,
        notice=notice,
    )


def _in_ids(resource: Resource, asked: Asked) -> bool:
    ids = asked.values("_id")
    return not ids or resource["id"] in ids


def _sorted(
    found: list[tuple[Gathered, Resource]], asked: Asked, known: Mapping[str, Parameter]
) -> list[tuple[Gathered, Resource]]:
    for name in reversed(asked.sort):
        paths = known[name.removeprefix("-")].paths
        found.sort(key=lambda pair: date_at(pair[1], paths), reverse=name.startswith("-"))
    return found


def _one(counter: Counter, kind: str, identity: str) -> tuple[Told, Resource, Resource]:
    """A statement by its id: what was told, its resource, its Provenance. Refusal 404."""
    visit = _visit(counter, parted(identity)[0], kind, "r")
    with visit.record() as (tx, scope):
        told = Told.of(counter, tx, scope, kinds_of(kind) if kind != PROVENANCE else _offered(counter))
        pair = next((pair for pair in told.written() if pair[1]["id"] == identity), None)
        papers = papers_of(tx, scope, [pair[0]]) if pair is not None else {}
        if pair is None or not papers:
            raise NO_SUCH_RESOURCE
        (provenance,) = told.provenances([pair], papers)
    visit.granted(named_in([pair[0]], papers))
    return told, pair[1], provenance


def _offered(counter: Counter) -> Iterator[FactKind]:
    """The kinds whose function is not switched off."""
    off = counter.desk.services.off
    return (kind for kind, one in KINDS.items() if function_of(ACTIONS.get(one.type, "read-facts")) not in off)


def _provenances(request: Request, counter: AtCounter, sent: Sent) -> Response:
    """Of one statement."""
    links = Links(counter, PROVENANCE)
    pairs, at = links.read(sent)
    asked = understood(pairs, PROVENANCES, strict=counter.strict, includes=frozenset())
    if not (target := asked.one("target")):
        raise bad_parameter("target", "which statement")
    _, _, provenance = _one(counter, PROVENANCE, patient_of_reference(target))
    return answer(request, searchset(counter, asked, [provenance], own=links.own(pairs, at), total=1))


def _provenance(request: Request, identity: str, counter: AtCounter) -> Response:
    return answer(request, _one(counter, PROVENANCE, identity)[2])
