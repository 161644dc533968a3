"""Documents that systems send in FHIR: taken whole, described without loss, replaced by their senders alone."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from search_api.fhir.xml import from_xml, to_xml
from tests.fhir.asking import (
    EXTENSION,
    FACILITY,
    INS_SYSTEM,
    code_of,
    get,
    places_of,
    post,
    provided,
    reference,
    resources,
    transaction,
)
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import World, ins_of

TEXT = "Compte rendu.\n\nFracture du col fémoral droit, ostéosynthèse."


def test_a_submission_is_found_with_all_that_was_said(own_world: World) -> None:
    document = reference(own_world, "1")
    location = provided(own_world, document, TEXT)
    shown = get(own_world, f"/{location}").json()
    assert shown["extension"] == document["extension"]
    assert shown["masterIdentifier"] == document["masterIdentifier"]
    assert document["category"][0] in shown["category"]
    assert shown["type"] == document["type"]
    assert shown["content"][0]["format"] == document["content"][0]["format"]
    for name in ("facilityType", "practiceSetting", "period"):
        assert shown["context"][name] == document["context"][name]
    assert shown["contained"] == document["contained"]
    assert (shown["status"], shown["docStatus"]) == ("current", "final")
    query = (
        f"facility={FACILITY['system']}|{FACILITY['code']}&setting=ETABLISSEMENT&format=urn:ihe:iti:xds-sd:text:2008"
    )
    (found,) = resources(get(own_world, f"/DocumentReference?patient={{marie}}&{query}&author=haddad").json())
    assert found == shown
    assert get(own_world, f"/Binary/{shown['id']}").content == TEXT.encode()
    words = resources(get(own_world, "/DocumentReference?patient={marie}&_content=ostéosynthèse").json())
    assert [one["id"] for one in words] == [shown["id"]]
    native = own_world.http.get(
        own_world.url("marie", f"/documents/{shown['id'].split('.')[1]}"), headers=own_world.bearer(DOCTOR)
    ).json()
    assert (native["author"], native["event_date"], native["type_code"]) == ("Samir HADDAD", "2025-05-05", "34112-3")


def test_xml_and_an_ins_do_as_well(own_world: World) -> None:
    patient = {"resourceType": "Patient", "id": "p", "identifier": [
        {"system": INS_SYSTEM, "value": ins_of("2850375123456").matricule}]}  # fmt: skip
    document = reference(own_world, "2", subject={"reference": "#p"})
    document["contained"].append(patient)
    headers = {**own_world.bearer(DOCTOR), "Content-Type": "application/fhir+xml", "Accept": "application/fhir+xml"}
    answer = own_world.http.post("/fhir", headers=headers, content=to_xml(transaction(document, TEXT)))
    assert answer.status_code == 200, answer.text
    location = from_xml(answer.content)["entry"][1]["response"]["location"]
    shown = get(own_world, f"/{location}").json()
    assert (shown["docStatus"], shown["extension"][0]["url"]) == ("preliminary", EXTENSION)
    assert "Patient" not in [one["resourceType"] for one in shown["contained"]]


def test_one_document_alone(own_world: World) -> None:
    document = reference(own_world, "3")
    attachment = document["content"][0]["attachment"]
    del attachment["url"]
    attachment["data"] = base64.b64encode(TEXT.encode()).decode()
    answer = post(own_world, "/DocumentReference", document)
    assert answer.status_code == 201
    assert answer.headers["location"].endswith(f"{answer.json()['id']}/_history/{answer.json()['meta']['versionId']}")
    assert "data" not in answer.json()["content"][0]["attachment"]
    again = post(own_world, "/DocumentReference", document)
    assert again.json()["id"] == answer.json()["id"]


def test_a_replacement_takes_over_once_it_is_read(own_world: World) -> None:
    first = provided(own_world, reference(own_world, "4"), TEXT)
    related = [{"code": "replaces", "target": {"reference": first}}]
    second = post(own_world, "", transaction(reference(own_world, "5", relatesTo=related), TEXT + " Rectifié."))
    assert get(own_world, f"/{first}").json()["status"] == "current"
    own_world.work()
    assert get(own_world, f"/{first}").json()["status"] == "superseded"
    location = second.json()["entry"][1]["response"]["location"]
    shown = get(own_world, f"/{location}").json()
    assert (shown["status"], shown["relatesTo"]) == ("current", related)
    listed = resources(get(own_world, "/DocumentReference?patient={marie}&author=haddad").json())
    assert [one["id"] for one in listed] == [shown["id"]]
    both = resources(
        get(own_world, "/DocumentReference?patient={marie}&author=haddad&status=current,superseded").json()
    )
    assert len(both) == 2


def test_only_its_sender_replaces_a_document(own_world: World) -> None:
    first = provided(own_world, reference(own_world, "6"), TEXT)
    related = [{"code": "replaces", "target": {"reference": first}}]
    sent = transaction(reference(own_world, "7", relatesTo=related), "Autre texte.")
    answer = post(own_world, "", sent, own_world.bearer(TRAITANT))
    assert (answer.status_code, code_of(answer)) == (403, "act-not-allowed")
    own_world.work()
    assert get(own_world, f"/{first}").json()["status"] == "current"


def test_a_target_that_is_not_seen_is_one_that_is_not_there(own_world: World) -> None:
    answers = []
    for name in ("vih", "paul", None):
        target = own_world.documents[name] if name else "a" * 26
        related = [
            {"code": "replaces", "target": {"reference": f"DocumentReference/{own_world.patients['marie']}.{target}"}}
        ]
        answer = post(own_world, "", transaction(reference(own_world, "8", relatesTo=related), TEXT))
        answers.append((answer.status_code, answer.content))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 404


def test_the_door_is_that_of_a_deposit(own_world: World) -> None:
    answers = []
    for patient in (own_world.patients["marie"], "abcdefghijklmnopqrstuvwxyz", "inconnu"):
        document = reference(own_world, "9", subject={"reference": f"Patient/{patient}"})
        answer = post(own_world, "", transaction(document, TEXT), own_world.bearer(STRANGER))
        answers.append((answer.status_code, answer.content))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 403


def test_a_mask_that_is_asked_for_holds(own_world: World) -> None:
    label = {"coding": [{"system": "urn:oid:1.2.250.1.213.1.1.4.13", "code": "MASQUE_PS"}]}
    location = provided(own_world, reference(own_world, "10", securityLabel=[label]), TEXT)
    own_world.grant("other", "marie", STRANGER)
    assert get(own_world, f"/{location}").status_code == 200  # its author
    assert get(own_world, f"/{location}", own_world.bearer(STRANGER)).status_code == 404


def broken(world: World) -> list[tuple[dict[str, Any], str]]:
    """Submissions that are wrong, with where."""
    good = transaction(reference(world, "11"), TEXT)

    def changed(change: Any) -> dict[str, Any]:
        copy = json.loads(json.dumps(good))
        change(copy)
        return dict(copy)

    def attachment(copy: Any) -> Any:
        return copy["entry"][1]["resource"]["content"][0]["attachment"]

    def cycle(copy: Any) -> None:
        copy["entry"][1]["resource"]["content"][0]["attachment"]["url"] = "urn:uuid:d"

    return [
        (changed(lambda c: c.update(type="batch")), "Bundle.type"),
        (changed(lambda c: c.update(entry=[])), "Bundle.entry"),
        (changed(lambda c: c["entry"][0]["request"].update(method="PUT")), "Bundle.entry[0].request.method"),
        (changed(lambda c: c["entry"][0].update(resource={"resourceType": "Consent"})), "Bundle.entry[0].resource"),
        (changed(lambda c: c["entry"].pop(1)), "Bundle.entry"),
        (changed(lambda c: c["entry"][2]["resource"].update(data="pas du base64 é")), "Bundle.entry[2].resource.data"),
        (changed(lambda c: attachment(c).update(size=3)), "DocumentReference[0].content[0].attachment.size"),
        (
            changed(lambda c: attachment(c).update(hash=base64.b64encode(hashlib.sha1(b"x").digest()).decode())),
            "DocumentReference[0].content[0].attachment.hash",
        ),
        (changed(lambda c: c["entry"][1]["resource"].update(date="hier")), "Bundle.entry[1].resource.date"),
        (
            changed(lambda c: attachment(c).update(creation="2025-02-30")),
            "Bundle.entry[1].resource.content[0].attachment.creation",
        ),
        (changed(lambda c: c["entry"][1]["resource"].update(zorg=1)), "Bundle.entry[1].resource.zorg"),
        (
            changed(lambda c: c["entry"][1]["resource"].update(modifierExtension=[{"url": "x"}])),
            "Bundle.entry[1].resource.modifierExtension",
        ),
        (changed(cycle), ""),
    ]


def test_what_is_wrong_is_said_with_its_place(own_world: World) -> None:
    before = len(resources(get(own_world, "/DocumentReference?patient={marie}").json()))
    for sent, place in broken(own_world):
        answer = post(own_world, "", sent)
        assert answer.status_code in (400, 422), answer.text
        assert place in ([*places_of(answer)] or [""]), answer.text
    assert len(resources(get(own_world, "/DocumentReference?patient={marie}").json())) == before


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"bonjour", 415),
        ("application/fhir+json", b"{", 400),
        ("application/fhir+json", b"[]", 400),
        ("application/fhir+json", b'{"resourceType": "Zorg"}', 400),
        ("application/fhir+json", b"[" * 100_000, 400),
        ("application/fhir+json", b"\xff\xfe", 400),
        ("application/fhir+xml", b"<Bundle", 400),
        (
            "application/fhir+xml",
            b'<!DOCTYPE x [<!ENTITY a "b">]><Bundle xmlns="http://hl7.org/fhir">&a;</Bundle>',
            400,
        ),
        ("application/fhir+json", b" " * 400_000, 413),
    ],
)
def test_bytes_that_are_no_submission(world: World, kind: str, body: bytes, status: int) -> None:
    answer = world.http.post("/fhir", headers={**world.bearer(DOCTOR), "Content-Type": kind}, content=body)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
