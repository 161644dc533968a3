"""Consent and AuditEvent: what the acts are, in FHIR; and nothing that FHIR can say and the rules cannot hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from access.facts import OppositionKind
from access.scope import CallerKind
from records import merges, will
from records.erasure import erase
from search_api.fhir.check import well_formed
from tests.fhir.asking import (
    FINESS_SYSTEM,
    INS_SYSTEM,
    RPPS_SYSTEM,
    code_of,
    consent,
    get,
    link,
    places_of,
    post,
    resources,
)
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import DAY, World, ins_of


def sees(world: World, rpps: str) -> bool:
    return bool(get(world, "/DocumentReference?patient={marie}", world.bearer(rpps)).status_code == 200)


def test_a_permit_is_a_grant_until_it_is_deleted(own_world: World) -> None:
    mine = own_world.as_patient("marie")
    assert not sees(own_world, STRANGER)
    made = post(own_world, "/Consent", consent(own_world, "permit", RPPS_SYSTEM, STRANGER), mine)
    assert made.status_code == 201
    assert sees(own_world, STRANGER)
    listed = own_world.http.get(own_world.url("marie", "/grants"), headers=mine).json()["grants"]
    assert made.json()["id"].split(".")[1] in [one["grant_id"] for one in listed]
    assert get(own_world, f"/Consent/{made.json()['id']}", mine).json() == made.json()
    assert own_world.http.delete(f"/fhir/Consent/{made.json()['id']}", headers=mine).status_code == 204
    assert not sees(own_world, STRANGER)
    assert get(own_world, f"/Consent/{made.json()['id']}", mine).json()["status"] == "inactive"


def test_categories_and_an_end(own_world: World) -> None:
    mine = own_world.as_patient("marie")
    biology = [{"system": "urn:anamnese:category", "code": "biology"}]
    end = (own_world.clock.now + 2 * DAY).date().isoformat()
    sent = consent(own_world, "permit", RPPS_SYSTEM, STRANGER, **{"class": biology, "period": {"end": end}})
    assert post(own_world, "/Consent", sent, mine).status_code == 201
    seen = resources(get(own_world, "/DocumentReference?patient={marie}", own_world.bearer(STRANGER)).json())
    assert {one["category"][0]["coding"][0]["code"] for one in seen} == {"biology"}
    own_world.clock.now += 3 * DAY
    assert not sees(own_world, STRANGER)


def test_a_deny_is_a_block(own_world: World) -> None:
    mine = own_world.as_patient("marie")
    made = post(own_world, "/Consent", consent(own_world, "deny", RPPS_SYSTEM, DOCTOR), mine)
    assert made.status_code == 201
    assert not sees(own_world, DOCTOR)
    assert own_world.http.delete(f"/fhir/Consent/{made.json()['id']}", headers=mine).status_code == 204
    assert sees(own_world, DOCTOR)


def test_who_may_know_of_which(own_world: World) -> None:
    with own_world.services.records.write() as tx:
        will.oppose(tx, own_world.patients["marie"], OppositionKind.BREAK_GLASS, own_world.clock.now, "marie")
    mine = resources(get(own_world, "/Consent?patient={marie}", own_world.as_patient("marie")).json())
    assert [one["provision"]["type"] for one in mine].count("deny") == 1
    theirs = resources(get(own_world, "/Consent?patient={marie}").json())
    assert [one["provision"]["actor"][0]["reference"]["identifier"]["value"] for one in theirs] == [DOCTOR]
    active = resources(get(own_world, "/Consent?patient={marie}&status=active", own_world.as_patient("marie")).json())
    assert 0 < len(active) < len(mine)


def test_nobody_else_consents(own_world: World) -> None:
    sent = consent(own_world, "permit", RPPS_SYSTEM, STRANGER)
    assert code_of(post(own_world, "/Consent", sent, own_world.bearer(TRAITANT))) == "act-not-allowed"
    assert code_of(post(own_world, "/Consent", sent, own_world.bearer(STRANGER))) == "no-access"
    assert code_of(post(own_world, "/Consent", sent, own_world.as_patient("paul"))) == "no-access"
    assert not sees(own_world, STRANGER)


def beyond(world: World) -> list[tuple[dict[str, Any], str]]:
    permit = ("permit", RPPS_SYSTEM, STRANGER)
    inner = [{"type": "deny", "code": [{"text": "psychiatrie"}]}]
    return [
        (consent(world, *permit, provision=inner), "Consent.provision.provision"),
        (consent(world, *permit, purpose=[{"code": "TREAT"}]), "Consent.provision.purpose"),
        (consent(world, *permit, action=[{"coding": [{"code": "correct"}]}]), "Consent.provision.action"),
        (consent(world, *permit, **{"class": [{"system": "urn:ietf:bcp:13", "code": "x"}]}), "Consent.provision.class"),
        (consent(world, *permit, period={"end": "2020-01-01"}), "Consent.provision.period"),
        (consent(world, "permit", "urn:oid:1.2", "1"), "Consent.provision.actor"),
        (consent(world, "permit", RPPS_SYSTEM, "12"), "Consent.provision.actor"),
        (consent(world, "deny", FINESS_SYSTEM, "750000001"), "Consent.provision"),
        ({**consent(world, *permit), "status": "draft"}, "Consent.status"),
        ({**consent(world, *permit), "scope": {"coding": [{"code": "research"}]}}, "Consent.scope"),
    ]


def test_half_of_a_consent_is_never_applied(own_world: World) -> None:
    mine = own_world.as_patient("marie")
    for sent, place in beyond(own_world):
        answer = post(own_world, "/Consent", sent, mine)
        assert (answer.status_code, code_of(answer)) == (422, "consent-not-supported"), place
        assert place in places_of(answer)
    assert not sees(own_world, STRANGER)


@pytest.mark.realdata
def test_the_examples_of_r4_are_refused_with_a_reason(own_world: World, shared_data: Path) -> None:
    """None of them names an actor that is known here: each is refused, with the place of what cannot be applied."""
    files = sorted((shared_data / "fhir_r4_examples").glob("Consent-*.json"))
    assert len(files) >= 6
    for file in files:
        sent = json.loads(file.read_text())
        assert well_formed(sent), file.name
        sent["patient"] = {"reference": f"Patient/{own_world.patients['marie']}"}
        answer = post(own_world, "/Consent", sent, own_world.as_patient("marie"))
        assert code_of(answer) == "consent-not-supported", file.name
        assert any(place.startswith("Consent.provision") for place in places_of(answer)), file.name


def test_who_looked(own_world: World) -> None:
    for _ in range(3):
        get(own_world, "/DocumentReference?patient={marie}")
    for who in (own_world.as_patient("marie"), own_world.bearer(TRAITANT)):
        first = get(own_world, "/AuditEvent?patient={marie}&_count=2&subtype=search", who).json()
        (one, _) = resources(first)
        assert one["agent"][0]["who"]["identifier"] == {"system": RPPS_SYSTEM, "value": DOCTOR}
        seen = {entity["what"]["reference"] for entity in one["entity"] if "reference" in entity.get("what", {})}
        assert f"Patient/{own_world.patients['marie']}" in seen
        assert get(own_world, f"/AuditEvent/{one['id']}", who).json() == one
        second = own_world.http.get(link(first, "next"), headers=who).json()
        assert one["id"] not in [each["id"] for each in resources(second)]
    documents = [name for name in seen if name.startswith("DocumentReference/")]
    assert documents
    for name in documents:
        assert get(own_world, f"/{name}", own_world.bearer(TRAITANT)).status_code == 200


def test_who_may_not_read_the_journal(own_world: World) -> None:
    get(own_world, "/DocumentReference?patient={marie}")
    assert code_of(get(own_world, "/AuditEvent?patient={marie}")) == "journal-not-readable"
    assert code_of(get(own_world, "/AuditEvent/{marie}.1")) == "journal-not-readable"
    assert code_of(get(own_world, "/AuditEvent/{marie}.999", own_world.as_patient("marie"))) == "no-such-resource"


def test_the_auditor_reads_accesses_and_no_document(own_world: World) -> None:
    get(own_world, "/DocumentReference?patient={marie}&_content=ferritine")
    auditor = own_world.bearer(role=CallerKind.AUDITOR)
    events = resources(get(own_world, "/AuditEvent?patient={marie}", auditor).json())
    assert events
    assert "ferritine" not in str(events)
    assert get(own_world, "/DocumentReference?patient={marie}", auditor).status_code == 403
    assert resources(get(own_world, "/AuditEvent?patient=inconnu", auditor).json()) == []


def audited(world: World, query: str) -> set[tuple[str, str]]:
    """Subtypes and patients of what the auditor is shown."""
    bundle = get(world, f"/AuditEvent?{query}&_count=200", world.bearer(role=CallerKind.AUDITOR)).json()
    return {
        (one["subtype"][0]["code"], entity["what"]["reference"])
        for one in resources(bundle)
        for entity in one["entity"]
        if entity.get("what", {}).get("reference", "").startswith("Patient/")
    }


def test_the_auditor_is_shown_the_records_erased_before_under_an_ins(own_world: World) -> None:
    get(own_world, "/DocumentReference?patient={marie}")
    services, gone = own_world.services, own_world.patients["marie"]
    ledger = own_world.home / "ledger"
    erase(services.records, services.blobs, services.keys, ledger, gone, own_world.clock.now, "test")
    by_ins = audited(own_world, f"patient.identifier={INS_SYSTEM}|{ins_of('2850375123456').matricule}")
    assert {("search", f"Patient/{gone}"), ("delete", f"Patient/{gone}")} <= by_ins
    paul = audited(own_world, f"patient.identifier={INS_SYSTEM}|{ins_of('1850375123456').matricule}")
    assert f"Patient/{gone}" not in {patient for _, patient in paul}


def test_the_auditor_is_shown_both_sides_of_a_merged_identity(own_world: World) -> None:
    paul, marie, now = own_world.patients["paul"], own_world.patients["marie"], own_world.clock.now
    get(own_world, "/DocumentReference?patient={marie}")
    get(own_world, "/DocumentReference?patient={paul}", own_world.bearer(TRAITANT))
    looked = {("search", f"Patient/{one}") for one in (paul, marie)}
    assert not looked <= audited(own_world, f"patient={marie}")
    with own_world.services.records.write() as tx:
        merge_id = merges.propose(tx, marie, paul, by="test", now=now)
        assert merge_id is not None
        merges.merge(tx, merge_id, "test", now)
    number = ins_of("2850375123456").matricule
    for query in (f"patient={marie}", f"patient={paul}", f"patient.identifier={INS_SYSTEM}|{number}"):
        assert looked <= audited(own_world, query)
