"""What FHIR's own ways of asking could tell beyond the Scope: names of one record together, inclusions, relations."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from access.identifiers import DocumentId
from records import patients
from records.fact import Fact, FactKind, FactSource, Quantity, Quote
from search_api.app import create_app
from search_api.fhir.outcome import Malformed
from search_api.fhir.received import parsed
from tests.fhir.asking import (
    FINESS_SYSTEM,
    INS_SYSTEM,
    RPPS_SYSTEM,
    code_of,
    consent,
    get,
    post,
    provided,
    reference,
    resources,
    transaction,
)
from tests.fhir.test_encounters import stay
from tests.identities.conftest import Open, federated, provider
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER
from tests.search_api.telling import say
from tests.search_api.test_journal import entries
from tests.search_api.test_kin import record
from tests.search_api.world import World, ins_of
from tests.services.openid import OpenId

__all__ = ["federated", "provider"]
LOCAL = "1.2.250.1.999.77"
MARIE = f"{INS_SYSTEM}|{ins_of('2850375123456').matricule}"
TEXT = "Compte rendu.\n\nFracture du col fémoral droit, ostéosynthèse."


def test_two_names_of_a_record_are_not_compared_for_who_has_no_access(own_world: World) -> None:
    with own_world.services.records.write() as tx:
        patients.record_local(tx, own_world.patients["marie"], "IPP42", LOCAL)
    stranger = own_world.bearer(STRANGER)
    answers = []
    for number in ("IPP42", "IPP43"):
        local = f"urn:oid:{LOCAL}|{number}"
        (told,) = resources(get(own_world, f"/Patient?identifier={local}", stranger).json())
        for other in (f"patient={told['id']}", f"subject.identifier={MARIE}", f"patient={own_world.patients['marie']}"):
            for kind in ("DocumentReference", "Condition", "AuditEvent", "Consent", "Encounter"):
                name = other.replace("subject.", "") if kind != "DocumentReference" else other
                answer = get(own_world, f"/{kind}?{name}&patient.identifier={local}", stranger)
                answers.append((number, answer.status_code, answer.content))
    known, unknown = ([one[1:] for one in answers if one[0] == number] for number in ("IPP42", "IPP43"))
    assert known == unknown


def test_a_relation_to_a_document_that_is_hidden_is_not_told(own_world: World) -> None:
    first = provided(own_world, reference(own_world, "20"), TEXT)
    related = [{"code": "appends", "target": {"reference": first}}]
    second = provided(own_world, reference(own_world, "21", relatesTo=related), TEXT + " Suite.")
    own_world.documents["first"] = DocumentId(first.split(".")[1])
    own_world.grant("other", "marie", STRANGER)
    other = own_world.bearer(STRANGER)
    assert get(own_world, f"/{second}", other).json()["relatesTo"] == related
    own_world.hide("first", masked=True)
    assert "relatesTo" not in get(own_world, f"/{second}", other).json()
    listed = get(own_world, "/DocumentReference?patient={marie}&author=haddad", other)
    assert first.split("/")[1] not in listed.text
    assert get(own_world, f"/{second}").json()["relatesTo"] == related  # its author


def test_nothing_goes_along_that_the_scopes_do_not_reach(federated: Open, provider: OpenId, own_world: World) -> None:
    http, marie = federated(provider), own_world.patients["marie"]

    def asked(scopes: str, path: str) -> Any:
        return http.get(f"/fhir{path}", headers={"Authorization": f"Bearer {provider.login('doctor', scopes)}"})

    included = f"/DocumentReference?patient={marie}&_include=DocumentReference:patient"
    narrow = asked("user/DocumentReference.rs", included).json()
    assert resources(narrow)
    assert resources(narrow, "include") == []
    words = asked("user/DocumentReference.rs", f"{included}&_content=ferritine").json()
    assert (len(resources(words)), resources(words, "include")) == (1, [])
    wide = asked("user/DocumentReference.rs user/Patient.r", included).json()
    assert [one["id"] for one in resources(wide, "include")] == [marie]
    stated = f"/AllergyIntolerance?patient={marie}&_include=AllergyIntolerance:patient&_revinclude=Provenance:target"
    alone = asked("user/AllergyIntolerance.rs", stated).json()
    assert resources(alone)
    assert resources(alone, "include") == []
    beside = asked("user/AllergyIntolerance.rs user/Provenance.r", stated).json()
    assert {one["resourceType"] for one in resources(beside, "include")} == {"Provenance"}
    stay(own_world, "V1", DOCTOR)
    stays = f"/Encounter?patient={marie}&_include=Encounter:patient"
    for scopes, along in (("user/Encounter.rs", []), ("user/Encounter.rs user/Patient.r", [marie])):
        told = asked(scopes, stays).json()
        assert (len(resources(told)), [one["id"] for one in resources(told, "include")]) == (1, along)
    assert code_of(asked("user/Composition.r user/Patient.r", f"/Patient/{marie}/$summary")) == "scope-too-narrow"
    assert asked("user/*.cruds", f"/Patient/{marie}/$summary").status_code == 200


@pytest.mark.parametrize(
    "beside",
    [{"_family": "x"}, {"_family": [{}]}, {"_family": {"div": "<p/>"}}, {"_given": {"id": "x"}}, {"_given": [1]}],
)
def test_what_stands_beside_a_value_is_checked_too(own_world: World, beside: dict[str, Any]) -> None:
    """A document with one that is no FHIR made every list of its record in XML fail, for everybody."""
    document = reference(own_world, "30")
    document["contained"][0]["name"][0] |= beside
    answer = post(own_world, "", transaction(document, TEXT))
    assert (answer.status_code, code_of(answer)) == (400, "bad-resource")
    listed = get(own_world, "/DocumentReference?patient={marie}", Accept="application/fhir+xml")
    assert listed.status_code == 200


def test_a_role_of_itself_names_nobody(own_world: World) -> None:
    role = {"resourceType": "PractitionerRole", "id": "a", "practitioner": {"reference": "#a"}}
    document = reference(own_world, "31", contained=[role])
    assert post(own_world, "", transaction(document, TEXT)).status_code == 200


@pytest.mark.parametrize("xml", [True, False])
def test_a_body_of_nothing_but_elements_is_not_looked_at(xml: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search_api.fhir.received.MOST_MARKS", 1_000)
    data = b'<Bundle xmlns="http://hl7.org/fhir">%s</Bundle>' % (b"<entry/>" * 1_000)
    data = data if xml else json.dumps({"resourceType": "Bundle", "entry": [{}] * 1_000}).encode()
    with pytest.raises(Malformed) as refused:
        parsed(data, xml=xml)
    assert refused.value.places == [("Resource", "too many elements")]


def test_who_acts_for_a_patient_blocks_as_under_v1(own_world: World) -> None:
    record(own_world, "guardian", "marie")
    guardian = own_world.as_patient("paul")
    made = post(own_world, "/Consent", consent(own_world, "deny", RPPS_SYSTEM, DOCTOR), guardian)
    assert (made.status_code, made.json()["provision"]["type"]) == (201, "deny")
    assert get(own_world, "/DocumentReference?patient={marie}").status_code == 403
    assert get(own_world, f"/Consent/{made.json()['id']}", guardian).status_code == 404  # the list is the patient's
    mine = resources(get(own_world, "/Consent?patient={marie}", own_world.as_patient("marie")).json())
    assert made.json() in mine


@pytest.mark.parametrize("value", ["", "7" * 65])
def test_a_permit_names_somebody(own_world: World, value: str) -> None:
    sent = consent(own_world, "permit", FINESS_SYSTEM, value)
    if not value:
        del sent["provision"]["actor"][0]["reference"]["identifier"]["value"]
    answer = post(own_world, "/Consent", sent, own_world.as_patient("marie"))
    assert (answer.status_code, code_of(answer)) == (422, "consent-not-supported")


def test_the_words_of_a_function_that_is_off_are_off_too(own_world: World) -> None:
    said = Fact(FactKind.LAB_RESULT, "Kaliémie", Quote(1, 0, 8, "Kaliémie"), FactSource.TEXT, value=Quantity("4"))
    say(own_world, "bilan", said)
    ((one,), doctor) = resources(get(own_world, "/Observation?patient={marie}").json()), own_world.bearer(DOCTOR)
    assert get(own_world, f"/Provenance/{one['id']}").status_code == 200
    services = dataclasses.replace(own_world.services, off=frozenset({"observations"}))
    with TestClient(create_app(services)) as http:
        for path in (f"/Provenance/{one['id']}", f"/Provenance?target=Observation/{one['id']}"):
            answer = http.get(f"/fhir{path}", headers=doctor)
            assert (answer.status_code, code_of(answer)) == (404, "no-such-resource")


def test_words_are_as_long_as_under_v1(world: World) -> None:
    answer = world.http.post(
        "/fhir/DocumentReference/_search",
        data={"patient": world.patients["marie"], "_content": "-ab " * 501},
        headers=world.bearer(DOCTOR),
    )
    assert (answer.status_code, code_of(answer)) == (400, "bad-parameter")


def test_odd_numbers_and_shapes_are_refused_and_break_nothing(world: World) -> None:
    mine, marie = world.as_patient("marie"), world.patients["marie"]
    assert get(world, f"/AuditEvent/{marie}.{'9' * 40}", mine).status_code == 404
    assert get(world, "/DocumentReference?patient={marie}&date=ap9999-12-30").status_code == 200
    group = {"resourceType": "Organization", "name": "HADDAD", "identifier": []}
    assert post(world, "/Patient/$match", group).status_code == 400
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": group}]}
    assert post(world, "/Patient/$match", parameters).status_code == 400


def test_the_same_bytes_sent_again_with_a_mask_are_masked(own_world: World) -> None:
    label = {"coding": [{"system": "urn:oid:1.2.250.1.213.1.1.4.13", "code": "MASQUE_PS"}]}
    open_one = provided(own_world, reference(own_world, "40"), TEXT)
    own_world.grant("other", "marie", STRANGER)
    other, mine = own_world.bearer(STRANGER), own_world.as_patient("marie")
    assert get(own_world, f"/{open_one}", other).status_code == 200
    masked = provided(own_world, reference(own_world, "40", securityLabel=[label]), TEXT)
    for location in {open_one, masked}:
        assert get(own_world, f"/{location}", other).status_code == 404
    shown = own_world.url("marie", f"/masks/{masked.split('.')[1]}?hidden_from=professionals&all_states=true")
    assert own_world.http.delete(shown, headers=mine).status_code == 204
    assert get(own_world, f"/{masked}", other).status_code == 200  # the patient showed it
    assert provided(own_world, reference(own_world, "40", securityLabel=[label]), TEXT) in {open_one, masked}
    assert get(own_world, f"/{masked}", other).status_code == 200


def test_bytes_that_do_not_leave_are_not_journalled_as_shown(own_world: World) -> None:
    path = f"/Binary/{own_world.patients['marie']}.{own_world.documents['bilan']}"
    for asked, headers in ((f"{path}?_format=zorg", {}), (path, {"Accept": "application/fhir+json;q=0"})):
        assert get(own_world, asked, **headers).status_code == 406
    assert [one for one in entries(own_world, "marie") if one.action == "download"] == []


def test_nothing_is_done_for_an_answer_that_cannot_be_given(own_world: World) -> None:
    mine = {**own_world.as_patient("marie"), "Accept": "text/html"}
    refused = [
        post(own_world, "/Consent", consent(own_world, "permit", RPPS_SYSTEM, STRANGER), mine),
        post(own_world, "", transaction(reference(own_world, "50"), TEXT), Accept="text/html"),
        get(own_world, "/DocumentReference?patient={marie}&_format=zorg"),
    ]
    assert [one.status_code for one in refused] == [406] * 3
    assert get(own_world, "/DocumentReference?patient={marie}", own_world.bearer(STRANGER)).status_code == 403
    done = {one.action for one in entries(own_world, "marie") if one.outcome == "granted"}
    assert done.isdisjoint({"grant", "deposit", "list-documents"})


def test_what_is_kept_is_said_to_be_to_who_may_not_see_it(own_world: World) -> None:
    biologist = own_world.bearer(BIOLOGIST)
    sent = post(own_world, "", transaction(reference(own_world, "60"), TEXT), biologist)
    assert sent.status_code == 200, sent.text
    location = sent.json()["entry"][1]["response"]["location"]
    assert get(own_world, f"/{location}", biologist).status_code == 404
    assert get(own_world, f"/{location}").status_code == 200
    alone = reference(own_world, "61")
    alone["content"][0]["attachment"] = {"contentType": "text/plain", "data": "QXV0cmUgdGV4dGUu"}
    made = post(own_world, "/DocumentReference", alone, biologist)
    assert (made.status_code, made.json()["resourceType"]) == (201, "OperationOutcome")
    assert get(own_world, made.headers["location"].partition("/fhir")[2]).status_code == 200
