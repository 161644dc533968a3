"""Patient: read, found by an identifier (ITI-78) or matched by traits (ITI-119), through the door's rules.

A look-up answers one Patient for every well-formed identity: the record's own for who has access, else a name of the
same form that tells nothing, with what was presented and no more. So nobody learns who is known here.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from access.decide import DOOR
from access.identifiers import Ins, PatientId
from access.identitovigilance import may_read_ins
from access.refusal import Refusal
from access.scope import Scope
from access.smart import Need
from records import patients
from records.database import Tx
from records.patients import Identity, identity_of
from search_api.desk import keep_pace, lookup_pace
from search_api.fhir.bundles import Links, searchset
from search_api.fhir.counter import PATIENT_NEEDED, AtCounter, Counter, Sent, known_or_pseudonym
from search_api.fhir.elements import Resource
from search_api.fhir.formats import answer, versioned
from search_api.fhir.parameters import Asked, Parameter, understood
from search_api.fhir.received import received
from search_api.fhir.words import OURS, day, each, filled, system_of

router = APIRouter(prefix="/fhir", include_in_schema=False)
KIND = "Patient"
PARAMETERS = {"_id": Parameter("token"), "identifier": Parameter("token")}
READ, SEARCH = Need(KIND, "r"), Need(KIND, "s")
GENDERS = {"M": "male", "F": "female", "U": "unknown"}
_SEXES = {name: sex for sex, name in GENDERS.items()} | {"other": "U"}
BIRTH_PLACE = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
INSEE = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code"
"""Of the French core profiles: the commune's code, an extension of an address."""
RELIABILITY = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability"
_RELIABILITY = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0445"
_STATUS = {"provisional": "PROV", "validated": "VALI", "qualified": "QUAL"}
_USUAL = "http://terminology.hl7.org/CodeSystem/v2-0203"


@router.get(f"/{KIND}")
@router.post(f"/{KIND}/_search")
def search(request: Request, counter: AtCounter, sent: Sent) -> Response:
    """By INS, a hospital's number, or a FHIR id: one patient, whoever is asked for."""
    links = Links(counter, KIND)
    pairs, _ = links.read(sent)
    asked = understood(pairs, PARAMETERS, strict=counter.strict, includes=frozenset())
    if identifier := asked.one("identifier"):
        keep_pace(counter.desk, lookup_pace(counter.desk.services, counter.bearer))
        pseudonym, known = known_or_pseudonym(counter.desk, identifier)
        system, _, value = identifier.rpartition("|")
        presented = filled({"system": system, "value": value})
        found = _met(counter, pseudonym, known, {"identifier": [presented]})
    elif (named := asked.one("_id")) or (named := counter.own):
        found = _read(counter, named, SEARCH)
    else:
        raise PATIENT_NEEDED
    return answer(request, _page(counter, asked, links, pairs, found))


def _page(counter: Counter, asked: Asked, links: Links, pairs: list[tuple[str, str]], found: Resource) -> Resource:
    return searchset(counter, asked, [found], own=links.own(pairs, ""), total=1)


@router.post(f"/{KIND}/$match")
def match(request: Request, counter: AtCounter) -> Response:
    """One candidate for whatever is presented: an INS, or the five exact traits."""
    sent = received(request)
    resources = [one.get("resource") for one in each(sent.get("parameter")) if one.get("name") == "resource"]
    presented = sent if sent["resourceType"] == KIND else next((one for one in resources if one), {})
    if presented.get("resourceType") != KIND:
        raise PATIENT_NEEDED
    keep_pace(counter.desk, lookup_pace(counter.desk.services, counter.bearer))
    said: Resource = {
        name: presented[name] for name in ("identifier", "name", "gender", "birthDate") if name in presented
    }
    identifiers = each(presented.get("identifier"))
    if identifiers:
        first = identifiers[0]
        pseudonym, known = known_or_pseudonym(counter.desk, f"{first.get('system', '')}|{first.get('value', '')}")
    else:
        traits = _traits(presented)
        with counter.desk.services.records.read() as tx:
            pseudonym = patients.patient_id_of_traits(tx.keys, traits)
            known = patients.find_by_traits_without_scope(tx, traits) or pseudonym
    found = _met(counter, pseudonym, known, said)
    entry = {"fullUrl": counter.url(f"{KIND}/{found['id']}"), "resource": found, "search": {"mode": "match"}}
    return answer(request, {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [entry]})


@router.get(f"/{KIND}/{{identity}}")
def read(request: Request, identity: str, counter: AtCounter) -> Response:
    """Whom the record is of, for who has access; the door for anybody else."""
    return answer(request, _read(counter, identity, READ))


def _read(counter: Counter, identity: str, need: Need) -> Resource:
    visit = counter.visit(identity, "read-identity", need)
    with visit.record() as (tx, scope):
        shown = patient_of(tx, scope)
    visit.granted()
    return shown


def _met(counter: Counter, pseudonym: PatientId, known: PatientId, presented: Resource) -> Resource:
    """The Patient of a look-up, journalled whatever it answers."""
    visit = counter.visit(known, "lookup", SEARCH)
    try:
        with visit.record() as (tx, scope):
            shown = patient_of(tx, scope)
    except Refusal as refusal:
        if refusal != DOOR:
            raise
        return versioned({"resourceType": KIND, "id": pseudonym, **presented})
    visit.granted()
    return shown


def patient_of(tx: Tx, scope: Scope) -> Resource:
    """The Scope's patient: five traits, the name in use, the INS where who asks may read it, local numbers."""
    who = identity_of(tx, scope)
    names: list[Resource] = [filled({"use": "official", "family": who.family_name, "given": who.given_names.split()})]
    if who.used_name:
        names.append({"use": "usual", "family": who.used_name})
    readable = who.ins is not None and may_read_ins(scope.caller, who.ins_status, who.ins_source)
    identifiers = [{"system": f"{OURS}:patient", "value": scope.patient_id}]
    identifiers += [_ins(who.ins)] if readable and who.ins is not None else []
    identifiers += [_local(value, by) for value, by in who.local]
    resource = {
        "resourceType": KIND,
        "id": scope.patient_id,
        "extension": [*_birth_place(who.birth_place), *_reliability(who.ins_status)],
        "identifier": identifiers,
        "name": [one for one in names if len(one) > 1],
        "gender": GENDERS.get(who.sex, "unknown"),
        "birthDate": day(who.birth_date),
    }
    return versioned(filled(resource))


def _ins(ins: Ins) -> dict[str, Any]:
    kind = {"coding": [{"system": _USUAL, "code": "NI"}]}
    return {"use": "official", "type": kind, "system": f"urn:oid:{ins.oid}", "value": ins.matricule}


def _local(value: str, assigner: str) -> Resource:
    """A hospital's number; its assigner is an OID, or the name that came with it."""
    named = system_of(assigner)
    by = {"system": named} if ":" in named else {"assigner": {"display": assigner}}
    return {"value": value, **by}


def _birth_place(code: str) -> list[Resource]:
    inside = {"extension": [{"url": INSEE, "valueCoding": {"code": code}}]}
    return [{"url": BIRTH_PLACE, "valueAddress": inside}] if code else []


def _reliability(status: str) -> list[Resource]:
    coded = {"system": _RELIABILITY, "code": _STATUS.get(status, "")}
    inside = [{"url": "identityStatus", "valueCoding": coded}]
    return [{"url": RELIABILITY, "extension": inside}] if coded["code"] else []


def _traits(patient: Resource) -> Identity:
    """The five traits that a Patient presents; Refusal 400 without them all."""
    names = each(patient.get("name"))
    official = next((one for one in names if one.get("use") == "official"), names[0] if names else {})
    places = [one for one in each(patient.get("extension")) if one.get("url") == BIRTH_PLACE]
    inside = [one for place in places for one in each(place.get("valueAddress", {}).get("extension"))]
    codes = [str(one.get("valueCoding", {}).get("code", "")) for one in inside if one.get("url") == INSEE]
    try:
        birth = date.fromisoformat(str(patient.get("birthDate", "")))
    except ValueError:
        raise PATIENT_NEEDED from None
    if not official.get("family") or not official.get("given"):
        raise PATIENT_NEEDED
    return Identity(
        ins=None,
        ins_status="",
        family_name=str(official["family"]),
        given_names=" ".join(map(str, official["given"])),
        birth_date=birth,
        sex=_SEXES.get(str(patient.get("gender")), "U"),
        birth_place=codes[0] if codes else "",
    )
