"""Who stands at the FHIR counter: the desk of /v1, whose visits first ask the token's SMART scopes for the resource.

Addresses under /fhir name the record inside an id or a parameter, so the scopes are asked when it is known: `visit` is
the only way from here to a record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal
from urllib.parse import parse_qsl

from fastapi import Depends, Header, Request

from access.decide import role_refusal
from access.identifiers import INS_OIDS, Ins, PatientId, parse_ins
from access.refusal import Refusal
from access.scope import CallerKind
from access.smart import Need
from records import patients
from search_api.bearers import Bearer
from search_api.desk import Desk, allows, keep_pace, lookup_pace, out_of_scope, own_record, stood
from search_api.fhir.formats import wanted
from search_api.fhir.outcome import bad_parameter
from search_api.fhir.words import INS_NIR
from search_api.visit import Look, Visit

PATIENT_NEEDED = Refusal(
    "ask",
    "patient-needed",
    "Une recherche porte sur un patient.",
    "Ajoutez patient, ou patient.identifier avec son INS.",
)
NOT_FORM = Refusal(
    "ask",
    "not-fhir",
    "Cette recherche se demande par un formulaire.",
    "Envoyez application/x-www-form-urlencoded.",
)


@dataclass(frozen=True, slots=True)
class Counter:
    """A verified caller at /fhir, and the address by which they came (`base`, without a slash at its end)."""

    desk: Desk
    bearer: Bearer
    base: str
    strict: bool

    def visit(self, patient_id: str, action: str, need: Need, look: Look | None = None) -> Visit:
        """A visit to a record, if the token's scopes reach this resource of this patient (else 403, journalled)."""
        self.demand(need, patient_id)
        return self.desk.visit(patient_id, action, look)

    def demand(self, need: Need, patient_id: str) -> None:
        """Refusal 403, journalled, unless the token's scopes reach this resource of this patient."""
        if not allows(self.bearer, need, patient_id):
            raise out_of_scope(self.desk, patient_id)

    def before_body(self, action: str, need: Need) -> None:
        """Refusal 403, journalled without a patient, for who may do this in no record: before their body is taken,
        which alone says whose record it is for."""
        visit = self.desk.visit("", action)
        if not allows(self.bearer, need, own_record(self.bearer)):
            raise out_of_scope(self.desk, "")
        try:
            visit.refuse_off()
            if (barred := role_refusal(self.desk.caller, self.desk.services.policy)) is not None:
                raise barred
        except Refusal as refusal:
            visit.refused(refusal)
            raise

    def reaches(self, kind: str, patient_id: str) -> bool:
        """Whether the token's scopes let a resource of this kind go along with another."""
        return allows(self.bearer, Need(kind, "r"), patient_id)

    def patient_named(self, identifier: str) -> PatientId:
        """The id that a `system|value` identifier leads to: the record's own for somebody with access, as /v1's
        look-up, which counts it; for anybody else what tells nothing. Refusal 400 when it is no identifier."""
        keep_pace(self.desk, lookup_pace(self.desk.services, self.bearer))
        return known_or_pseudonym(self.desk, identifier)[1]

    @property
    def all_states(self) -> Look:
        """The caller's way of looking, at archived and replaced documents too."""
        return replace(self.desk.look, all_states=True)

    def url(self, reference: str) -> str:
        """The whole address of "Patient/…"."""
        return f"{self.base}/{reference}"

    @property
    def own(self) -> str:
        """The record of a caller who is a patient, or who is in the context of one; else empty."""
        told = self.bearer.authentication
        if self.bearer.kind is CallerKind.PATIENT:
            return self.bearer.id
        return "" if told is None else told.context


def ins_of(identifier: str) -> Ins | None:
    """The INS that a `system|value` identifier is; None for a local number, or none at all."""
    system, _, value = identifier.rpartition("|")
    oid = system.removeprefix("urn:oid:")
    return parse_ins(value, oid or INS_NIR) if oid in INS_OIDS or not system else None


def known_or_pseudonym(desk: Desk, identifier: str) -> tuple[PatientId, PatientId]:
    """What anybody may be told of an identifier, and what to visit: the record's own id when there is one."""
    system, _, value = identifier.rpartition("|")
    oid = system.removeprefix("urn:oid:")
    with desk.services.records.read() as tx:
        if oid in INS_OIDS or not system:
            ins = ins_of(identifier)
            if ins is None:
                raise bad_parameter("identifier", "neither an INS nor system|value")
            pseudonym = patients.patient_id_of_ins(tx.keys, ins)
            return pseudonym, patients.find_by_ins_without_scope(tx, ins) or pseudonym
        if not value:
            raise bad_parameter("identifier", "no value")
        pseudonym = patients.patient_id_of_local(tx.keys, value, oid)
        return pseudonym, patients.find_by_local_without_scope(tx, value, oid) or pseudonym


def counter(
    request: Request,
    purpose_of_use: Annotated[Literal["care", "regulation"], Header()] = "care",
    prefer: Annotated[str, Header()] = "",
) -> Counter:
    """Verify the token and load its bearer. Refusal 401 or 403."""
    desk, bearer = stood(request, Look(regulation=purpose_of_use == "regulation"))
    base = str(request.base_url).rstrip("/") + "/fhir"
    return Counter(desk, bearer, base, "handling=strict" in prefer.replace(" ", ""))


def formed(request: Request, stands: Annotated[Counter, Depends(counter)]) -> Counter:
    """The same for whoever asks for a resource: a form that is not served is refused (406) before anything is done or
    journalled as shown, not after."""
    wanted(request)
    return stands


async def sent(request: Request) -> list[tuple[str, str]]:
    """The parameters of a search, in its address and in its form. A form is bounded by the border."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await request.body()
        if body and kind != "application/x-www-form-urlencoded":
            raise NOT_FORM
        pairs += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return pairs


AtCounter = Annotated[Counter, Depends(formed)]
ForBytes = Annotated[Counter, Depends(counter)]
Sent = Annotated[list[tuple[str, str]], Depends(sent)]
