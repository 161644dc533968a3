"""Consent: what the patient allows, refuses and opposes (ACCESS.md), and the same acts done in FHIR.

    permit, an actor by RPPS or FINESS        a grant            DELETE revokes it
    deny, a practitioner by RPPS              a block            DELETE lifts it
    deny, purpose ETREAT                      an opposition to emergency access (read only)

A Consent that says more than these acts can hold is refused, with the place of what it says: half of a consent is
another consent. Who may do or see what is what /v1 decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from access.acts import Act
from access.categories import Category
from access.facts import GranteeKind, GrantKind
from access.identifiers import is_rpps
from access.scope import Scope
from access.smart import Need
from records import grants, will
from records.database import Tx
from records.grants import Grant
from search_api.fhir.bundles import Links, searchset
from search_api.fhir.counter import AtCounter, Sent
from search_api.fhir.documents import patient_of_reference, record_of
from search_api.fhir.elements import Resource
from search_api.fhir.formats import answer, versioned
from search_api.fhir.history import NO_SUCH_RESOURCE
from search_api.fhir.outcome import Malformed
from search_api.fhir.parameters import Parameter, dated, matches, understood
from search_api.fhir.received import malformed, received
from search_api.fhir.references import CATEGORIES
from search_api.fhir.words import (
    FINESS,
    OURS,
    RPPS,
    TERMINOLOGY,
    coding,
    concept,
    each,
    filled,
    instant,
    joined,
    parted,
)
from search_api.marks import PARIS
from search_api.oversight import shows

router = APIRouter(prefix="/fhir", include_in_schema=False)
KIND = "Consent"
PARAMETERS = {
    "patient": Parameter("reference"),
    "patient.identifier": Parameter("token"),
    "_id": Parameter("token", ("id",)),
    "status": Parameter("token", ("status",)),
    "date": Parameter("date", ("dateTime",)),
    "period": Parameter("date", ("provision.period",)),
    "actor": Parameter("token", ("provision.actor.reference.identifier",)),
}
_SYSTEMS = {GranteeKind.PRACTITIONER: RPPS, GranteeKind.ORGANIZATION: FINESS, GranteeKind.TEAM: f"{OURS}:team"}
_ACCESS = {"system": f"{TERMINOLOGY}/consentaction", "code": "access"}
_PRIVACY = concept(f"{TERMINOLOGY}/consentscope", "patient-privacy")
_CATEGORY = concept("http://loinc.org", "59284-0", "Consent Document")
_OPPOSED = {"break_glass": "ETREAT", "centre_15": "ETREAT", "heirs": "FAMRQT"}


@router.get(f"/{KIND}")
@router.post(f"/{KIND}/_search")
def search(request: Request, counter: AtCounter, sent: Sent) -> Response:
    """Those that the caller may know of, as under /v1."""
    links = Links(counter, KIND)
    pairs, _ = links.read(sent)
    asked = understood(pairs, PARAMETERS, strict=counter.strict, includes=frozenset())
    visit = counter.visit(record_of(counter, asked), "read-grants", Need(KIND, "s"))
    with visit.record() as (tx, scope):
        found = [one for one in _consents(tx, scope, counter.desk.now) if matches(one, asked, PARAMETERS)]
    visit.granted()
    shown = found[: asked.count]
    return answer(request, searchset(counter, asked, shown, own=links.own(pairs, ""), total=len(found)))


@router.get(f"/{KIND}/{{identity}}")
def read(request: Request, identity: str, counter: AtCounter) -> Response:
    """One."""
    visit = counter.visit(parted(identity)[0], "read-grants", Need(KIND, "r"))
    with visit.record() as (tx, scope):
        shown = _one(tx, scope, counter.desk.now, identity)
    visit.granted()
    return answer(request, shown)


@router.post(f"/{KIND}")
def create(request: Request, counter: AtCounter) -> Response:
    """The patient's own act: a grant or a block, from now on."""
    wanted = _understood(received(request), counter.desk.now)
    act = Act.BLOCK if wanted.blocks else Act.GRANT
    visit = counter.visit(wanted.patient, act, Need(KIND, "c"))
    now, by = counter.desk.now, counter.desk.caller.id
    with visit.act(act, detail=f"{wanted.kind} {wanted.grantee}") as (tx, scope):
        if wanted.blocks:
            grants.block(tx, visit.patient_id, wanted.grantee, now, by)
            made = _of_block(scope, wanted.grantee)  # who acts for the patient sees no list of blocks, and makes one
        else:
            added = grants.add_grant(
                tx,
                patient_id=visit.patient_id,
                grantee_kind=wanted.kind,
                grantee=wanted.grantee,
                kind=GrantKind.CONSENT,
                categories=wanted.categories,
                valid_from=wanted.start,
                valid_until=wanted.end,
                recorded_by=by,
                now=now,
            )
            made = _of_grant(scope, added, now)
    version = made["meta"]["versionId"]
    return answer(request, made, 201, {"Location": counter.url(f"{KIND}/{made['id']}/_history/{version}")})


@router.delete(f"/{KIND}/{{identity}}", status_code=204)
def delete(identity: str, counter: AtCounter) -> Response:
    """Revoke a grant or lift a block, from the next request on."""
    patient, name = parted(identity)
    act = Act.UNBLOCK if name.startswith("block-") else Act.REVOKE
    visit = counter.visit(patient, act, Need(KIND, "d"))
    now, by = counter.desk.now, counter.desk.caller.id
    with visit.act(act, detail=name) as (tx, scope):
        if act is Act.UNBLOCK:
            done = grants.unblock(tx, visit.patient_id, name.removeprefix("block-"))
        else:
            known = {grant.grant_id for grant in grants.list_grants(tx, scope) if shows(scope, grant)}
            ended = [grants.revoke_grant(tx, name, one, now, by) for one in sorted(scope.identities)]
            done = name in known and any(ended)
        if not done:
            raise NO_SUCH_RESOURCE
    return Response(status_code=204)


def _one(tx: Tx, scope: Scope, now: datetime, identity: str) -> Resource:
    found = next((one for one in _consents(tx, scope, now) if one["id"] == identity), None)
    if found is None:
        raise NO_SUCH_RESOURCE
    return found


def _consents(tx: Tx, scope: Scope, now: datetime) -> Iterator[Resource]:
    for grant in grants.list_grants(tx, scope):
        if shows(scope, grant):
            yield _of_grant(scope, grant, now)
    if scope.oversees:
        for practitioner in grants.list_blocks(tx, scope):
            yield _of_block(scope, practitioner)
        for opposed in will.list_oppositions(tx, scope):
            purpose = coding(f"{TERMINOLOGY}/v3-ActReason", _OPPOSED[opposed.kind])
            provision = {"type": "deny", "purpose": [purpose]}
            name = f"opposition-{opposed.kind.replace('_', '-')}"
            yield _consent(scope, name, True, "OPTOUT", provision, instant(opposed.recorded_at))


def _of_grant(scope: Scope, grant: Grant, now: datetime) -> Resource:
    over = grant.revoked_at is not None or (grant.valid_until is not None and grant.valid_until <= now)
    end = min(filter(None, (grant.valid_until, grant.revoked_at)), default=None)
    classes = [] if grant.categories is None else [coding(CATEGORIES, one) for one in sorted(grant.categories)]
    provision = {
        "type": "permit",
        "period": filled({"start": instant(grant.valid_from), "end": "" if end is None else instant(end)}),
        "actor": [_actor(_SYSTEMS[GranteeKind(grant.grantee_kind)], grant.grantee)],
        "action": [{"coding": [_ACCESS]}],
        "class": classes,
    }
    return _consent(scope, grant.grant_id, not over, "OPTIN", filled(provision), instant(grant.recorded_at))


def _of_block(scope: Scope, practitioner: str) -> Resource:
    provision = {"type": "deny", "actor": [_actor(RPPS, practitioner)], "action": [{"coding": [_ACCESS]}]}
    return _consent(scope, f"block-{practitioner}", True, "OPTOUT", provision)


def _actor(system: str, value: str) -> Resource:
    role = concept(f"{TERMINOLOGY}/v3-ParticipationType", "PRCP")
    return {"role": role, "reference": {"identifier": {"system": system, "value": value}}}


def _consent(scope: Scope, name: str, active: bool, rule: str, provision: Resource, made: str = "") -> Resource:
    resource = {
        "resourceType": KIND,
        "id": joined(scope.patient_id, name),
        "status": "active" if active else "inactive",
        "scope": _PRIVACY,
        "category": [_CATEGORY],
        "patient": {"reference": f"Patient/{scope.patient_id}"},
        "dateTime": made,
        "policyRule": concept(f"{TERMINOLOGY}/v3-ActCode", rule),
        "provision": provision,
    }
    return versioned(filled(resource))


@dataclass(frozen=True, slots=True)
class Wanted:
    """An act that a Consent asks for."""

    patient: str
    kind: GranteeKind
    grantee: str
    blocks: bool
    categories: frozenset[Category] | None
    start: datetime
    end: datetime | None


_LONGEST = 64  # characters of a grantee's number, as under /v1
_HELD = frozenset({"id", "extension", "type", "period", "actor", "action", "class"})


def _understood(consent: Resource, now: datetime) -> Wanted:
    """The act, if the Consent says no more than one can hold. Refusal 422 with each place that does."""
    if consent["resourceType"] != KIND:
        raise malformed([("Resource", "must be a Consent")])
    provision = consent.get("provision", {})
    actors = each(provision.get("actor"))
    identifier = actors[0].get("reference", {}).get("identifier", {}) if actors else {}
    value = str(identifier.get("value", ""))
    kind = {RPPS: GranteeKind.PRACTITIONER, FINESS: GranteeKind.ORGANIZATION}.get(str(identifier.get("system")))
    period = provision.get("period", {})
    classes = [str(one.get("code")) for one in each(provision.get("class")) if one.get("system") == CATEGORIES]
    wrong = list(_beyond(consent, provision, kind, value))
    if len(classes) != len(each(provision.get("class"))) or any(one not in set(Category) for one in classes):
        wrong.append(("Consent.provision.class", f"only {CATEGORIES}"))
    start = _instant("start", period) or now
    end = _end(period)
    if end is not None and end <= max(start, now):
        wrong.append(("Consent.provision.period", "over already"))
    if wrong or kind is None:
        raise Malformed(
            "consent-not-supported",
            "Ce consentement dit autre chose que ce qui peut être appliqué ici ; rien n'est enregistré.",
            "Exprimez-le comme une autorisation ou un blocage d'une seule personne ou d'un seul établissement.",
            wrong,
        )
    return Wanted(
        patient=patient_of_reference(str(consent["patient"].get("reference", ""))),
        kind=kind,
        grantee=value,
        blocks=provision["type"] == "deny",
        categories=frozenset(map(Category, classes)) if classes else None,
        start=max(start, now),
        end=end,
    )


def _beyond(consent: Resource, provision: Resource, kind: GranteeKind | None, value: str) -> Iterator[tuple[str, str]]:
    """What the acts of ACCESS.md cannot hold."""
    if consent.get("status") != "active":
        yield "Consent.status", "must be active; DELETE ends one"
    codes = [one.get("code") for one in each(consent.get("scope", {}).get("coding"))]
    if "patient-privacy" not in codes:
        yield "Consent.scope", "only patient-privacy"
    if "reference" not in consent.get("patient", {}):
        yield "Consent.patient", "must be a reference"
    if consent.get("performer"):
        yield "Consent.performer", "only the patient's own"
    if provision.get("type") not in ("permit", "deny"):
        yield "Consent.provision.type", "permit or deny must be said"
    for name in sorted(provision.keys() - _HELD):
        yield f"Consent.provision.{name}", "not applied here"
    if len(each(provision.get("actor"))) != 1 or kind is None:
        yield "Consent.provision.actor", "exactly one, by RPPS or FINESS"
    elif kind is GranteeKind.PRACTITIONER and not is_rpps(value):
        yield "Consent.provision.actor", "not an RPPS"
    elif not 0 < len(value) <= _LONGEST:
        yield "Consent.provision.actor", "no FINESS"
    if provision.get("type") == "deny" and (kind is not GranteeKind.PRACTITIONER or each(provision.get("class"))):
        yield "Consent.provision", "only a practitioner is denied, and the whole record"
    if provision.get("type") == "deny" and provision.get("period"):
        yield "Consent.provision.period", "a block lasts until it is lifted"
    actions = [one.get("code") for action in each(provision.get("action")) for one in each(action.get("coding"))]
    if actions and actions != ["access"]:
        yield "Consent.provision.action", "only access"


def _instant(name: str, period: Resource) -> datetime | None:
    text = period.get(name)
    return dated(name, str(text))[1][0].astimezone(PARIS) if text else None


def _end(period: Resource) -> datetime | None:
    """The instant that is stated, or the first one behind the last day."""
    text = str(period.get("end", ""))
    return dated("end", text)[1][0 if "T" in text else 1] if text else None
