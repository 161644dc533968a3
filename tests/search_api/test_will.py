"""The patient's acts over HTTP: whose they are, that each acts on the next request, and that it is in the journal."""

from __future__ import annotations

from typing import Any

import pytest

from access.scope import CallerKind
from records import journal
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import DAY, World


def act(world: World, method: str, path: str, headers: dict[str, str], **body: Any) -> Any:
    sent = {"json": body} if body else {}
    return world.http.request(method, world.url("marie", path), headers=headers, **sent)


def sees(world: World, headers: dict[str, str]) -> list[str] | int:
    """Names of the documents listed, or the status of the refusal."""
    answer = world.http.get(world.url("marie", "/documents"), headers=headers)
    names = {document: name for name, document in world.documents.items()}
    if answer.status_code != 200:
        return int(answer.status_code)
    return sorted(names[each["id"]] for each in answer.json()["documents"])


def last_act(world: World) -> tuple[str, str, str]:
    with world.services.records.read() as tx:
        entry = journal.entries_for_audit_without_scope(tx, world.patients["marie"], 1)[0]
    return entry.action, entry.outcome, entry.detail


ALL = ["bilan", "biopsie", "lettre", "ordonnance"]


def test_a_grant_acts_at_once_and_a_revocation_too(own_world: World) -> None:
    world, patient, stranger = own_world, own_world.as_patient("marie"), own_world.bearer(STRANGER)
    assert sees(world, stranger) == 403
    given = act(world, "POST", "/grants", patient, grantee=STRANGER, categories=["biology"])
    assert given.status_code == 201
    assert last_act(world) == ("grant", "granted", f"consent practitioner {STRANGER}")
    assert sees(world, stranger) == ["bilan", "biopsie"]
    revoked = act(world, "DELETE", f"/grants/{given.json()['grant_id']}", patient)
    assert revoked.status_code == 204
    assert last_act(world) == ("revoke", "granted", given.json()["grant_id"])
    assert sees(world, stranger) == 403
    again = act(world, "DELETE", f"/grants/{given.json()['grant_id']}", patient)
    assert (again.status_code, again.json()["code"]) == (404, "no-such-grant")
    assert last_act(world)[:2] == ("revoke", "refused")


def test_naming_the_medecin_traitant_opens_masked_documents_and_the_journal(own_world: World) -> None:
    world, patient, stranger = own_world, own_world.as_patient("marie"), own_world.bearer(STRANGER)
    for kind in ("medecin_traitant", "as_traitant"):
        given = act(world, "POST", "/grants", patient, kind=kind, grantee=STRANGER)
        assert last_act(world)[0] == "name-traitant"
        assert sees(world, stranger) == sorted([*ALL, "vih"])
        assert world.http.get(world.url("marie", "/journal"), headers=stranger).status_code == 200
        act(world, "DELETE", f"/grants/{given.json()['grant_id']}", patient)
        assert sees(world, stranger) == 403


def test_a_block_wins_over_everything_until_it_is_lifted(own_world: World) -> None:
    world, patient, doctor = own_world, own_world.as_patient("marie"), own_world.bearer(DOCTOR)
    assert sees(world, doctor) == ALL
    assert act(world, "POST", "/blocks", patient, practitioner=DOCTOR).status_code == 204
    assert sees(world, doctor) == 403
    act(world, "POST", "/grants", doctor, kind="attested")
    assert sees(world, doctor) == 403
    assert act(world, "POST", "/break-glass", doctor, reason="other").status_code == 403
    assert act(world, "GET", "/blocks", patient).json()["practitioners"] == [DOCTOR]
    assert act(world, "GET", "/blocks", own_world.bearer(BIOLOGIST)).json()["practitioners"] == []
    assert act(world, "DELETE", f"/blocks/{DOCTOR}", patient).status_code == 204
    assert sees(world, doctor) == ALL
    assert act(world, "DELETE", f"/blocks/{DOCTOR}", patient).status_code == 404


def test_a_closed_record_is_invisible_and_its_patient_reopens_it(own_world: World) -> None:
    world, patient = own_world, own_world.as_patient("marie")
    assert act(world, "POST", "/closure", patient).status_code == 204
    assert last_act(world) == ("close", "granted", "")
    assert [sees(world, world.bearer(rpps)) for rpps in (DOCTOR, TRAITANT, BIOLOGIST)] == [403, 403, 403]
    assert act(world, "POST", "/break-glass", world.bearer(DOCTOR), reason="other").status_code == 403
    assert sees(world, patient) == ["bilan", "lettre", "ordonnance", "vih"]
    assert act(world, "GET", "/record", patient).json()["state"] == "closed"
    assert act(world, "DELETE", "/closure", patient).status_code == 204
    assert sees(world, world.bearer(DOCTOR)) == ALL


def test_a_mask_hides_at_once_from_all_but_four(own_world: World) -> None:
    world, patient, doctor = own_world, own_world.as_patient("marie"), own_world.bearer(DOCTOR)
    letter = world.documents["lettre"]
    assert "lettre" in sees(world, doctor)  # type: ignore[operator]
    assert act(world, "POST", "/masks", patient, document_id=letter).status_code == 204
    assert last_act(world) == ("mask", "granted", letter)
    assert "lettre" not in sees(world, doctor)  # type: ignore[operator]
    assert world.search("allergie pénicilline", doctor).json()["total"] == 0
    assert "lettre" in sees(world, world.bearer(TRAITANT))  # type: ignore[operator]
    assert "lettre" in sees(world, patient)  # type: ignore[operator]
    masked = act(world, "GET", "/masks", patient).json()["masked"]
    assert sorted(masked) == sorted([letter, world.documents["vih"]])
    assert act(world, "GET", "/masks", doctor).json()["masked"] == []
    assert act(world, "DELETE", f"/masks/{letter}", patient).status_code == 204
    assert "lettre" in sees(world, doctor)  # type: ignore[operator]


def test_masked_and_hidden_at_once_is_refused_both_ways(own_world: World) -> None:
    world, patient = own_world, own_world.as_patient("marie")
    traitant = world.bearer(TRAITANT)
    letter = world.documents["lettre"]
    act(world, "POST", "/masks", patient, document_id=letter)
    hidden = act(world, "POST", "/masks", traitant, document_id=letter, hidden_from="patient")
    assert (hidden.status_code, hidden.json()["code"]) == (409, "masked-and-hidden")
    act(world, "DELETE", f"/masks/{letter}", patient)
    assert act(world, "POST", "/masks", traitant, document_id=letter, hidden_from="patient").status_code == 204
    unseen = act(world, "POST", "/masks", patient, document_id=letter)
    assert (unseen.status_code, unseen.json()["code"]) == (404, "no-such-document")


def test_a_document_is_hidden_from_its_patient_until_announced_or_a_month(own_world: World) -> None:
    world, patient, traitant = own_world, own_world.as_patient("marie"), own_world.bearer(TRAITANT)
    letter = world.documents["lettre"]
    act(world, "POST", "/masks", traitant, document_id=letter, hidden_from="patient")
    assert "lettre" not in sees(world, patient)  # type: ignore[operator]
    card = world.http.get(world.url("marie", f"/documents/{letter}"), headers=traitant).json()
    assert "Le patient ne voit pas encore" in card["warning"]
    assert act(world, "DELETE", f"/masks/{letter}?hidden_from=patient", traitant).status_code == 204
    assert "lettre" in sees(world, patient)  # type: ignore[operator]
    act(world, "POST", "/masks", traitant, document_id=letter, hidden_from="patient")
    world.clock.now += 31 * DAY
    patient, traitant = world.as_patient("marie"), world.bearer(TRAITANT)
    assert "lettre" in sees(world, patient)  # type: ignore[operator]
    assert world.http.get(world.url("marie", f"/documents/{letter}"), headers=traitant).json()["warning"] == ""


def test_only_its_author_or_the_traitant_hides_a_document_from_the_patient(own_world: World) -> None:
    world, doctor = own_world, own_world.bearer(DOCTOR)
    letter = world.documents["lettre"]
    refused = act(world, "POST", "/masks", doctor, document_id=letter, hidden_from="patient")
    assert (refused.status_code, refused.json()["code"]) == (403, "act-not-allowed")
    assert act(world, "POST", "/masks", doctor, document_id=letter).json()["code"] == "act-not-allowed"


def test_opening_to_representatives_is_for_ever(own_world: World) -> None:
    world, patient = own_world, own_world.as_patient("marie")
    letter = world.documents["lettre"]
    secret = {"document_id": letter, "hidden_from": "representatives"}
    assert act(world, "POST", "/masks", patient, **secret).status_code == 204
    assert act(world, "GET", "/masks", patient).json()["hidden_from_representatives"] == [letter]
    assert act(world, "DELETE", f"/masks/{letter}?hidden_from=representatives", patient).status_code == 204
    again = act(world, "POST", "/masks", patient, **secret)
    assert (again.status_code, again.json()["code"]) == (409, "already-opened")


def test_a_twin_and_a_later_version_inherit_every_hiding(own_world: World) -> None:
    """The doctor's own copy of a masked letter stays theirs, unmarked; a colleague does not get it."""
    world, patient, doctor = own_world, own_world.as_patient("marie"), own_world.bearer(DOCTOR)
    letter = world.documents["lettre"]
    act(world, "POST", "/masks", patient, document_id=letter, hidden_from="representatives")
    act(world, "POST", "/masks", patient, document_id=letter)
    text = world.http.get(world.url("marie", f"/documents/{letter}/content"), headers=patient).content
    sent = world.http.post(world.url("marie", "/documents"), files={"file": ("x.txt", text)}, headers=doctor)
    twin = sent.json()["document_id"]
    assert twin != letter
    card = world.http.get(world.url("marie", f"/documents/{twin}"), headers=doctor).json()
    assert card["masked"] is None
    traitant = world.http.get(world.url("marie", f"/documents/{twin}"), headers=world.bearer(TRAITANT)).json()
    assert (traitant["masked"], traitant["hidden_from_representatives"]) == (True, True)
    colleague = world.http.get(world.url("marie", f"/documents/{twin}"), headers=world.bearer(BIOLOGIST))
    assert colleague.status_code == 404


def test_oppositions_are_recorded_once_and_withdrawn(own_world: World) -> None:
    world, patient = own_world, own_world.as_patient("marie")
    for _ in range(2):
        assert act(world, "POST", "/oppositions", patient, kind="heirs").status_code == 204
    assert [o["kind"] for o in act(world, "GET", "/oppositions", patient).json()["oppositions"]] == ["heirs"]
    assert act(world, "GET", "/oppositions", world.bearer(DOCTOR)).json()["oppositions"] == []
    assert act(world, "DELETE", "/oppositions/heirs", patient).status_code == 204
    assert act(world, "DELETE", "/oppositions/heirs", patient).json()["code"] == "no-such-opposition"


@pytest.mark.parametrize("role", [CallerKind.AUDITOR, CallerKind.ADMINISTRATOR])
def test_an_auditor_and_an_administrator_act_for_no_patient(world: World, role: CallerKind) -> None:
    headers = world.bearer(role=role)
    for path, body in (("/blocks", {"practitioner": DOCTOR}), ("/closure", {}), ("/grants", {"grantee": STRANGER})):
        assert act(world, "POST", path, headers, **body).json()["code"] == "role-reads-no-document"


def test_a_professional_with_access_acts_for_no_patient(world: World) -> None:
    for path, body in (("/blocks", {"practitioner": STRANGER}), ("/closure", {}), ("/grants", {"grantee": STRANGER})):
        refused = act(world, "POST", path, world.bearer(TRAITANT), **body)
        assert (refused.status_code, refused.json()["code"]) == (403, "act-not-allowed")
        assert last_act(world)[1:] == ("refused", "act-not-allowed")


def test_an_act_that_the_journal_cannot_hold_is_not_done(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world, patient = own_world, own_world.as_patient("marie")
    with monkeypatch.context() as patch:
        patch.setattr(journal, "append", lambda *_: (_ for _ in ()).throw(OSError("full")))
        assert act(world, "POST", "/blocks", patient, practitioner=DOCTOR).status_code >= 500
    assert sees(world, world.bearer(DOCTOR)) == ALL


def test_archived_and_deprecated_documents_come_on_request(own_world: World) -> None:
    world, doctor = own_world, own_world.bearer(DOCTOR)
    world.hide("lettre", status="deprecated")  # type: ignore[arg-type]
    assert "lettre" not in sees(world, doctor)  # type: ignore[operator]
    listed = world.http.get(world.url("marie", "/documents?all_states=true"), headers=doctor).json()["documents"]
    assert {each["id"]: each["status"] for each in listed}[world.documents["lettre"]] == "deprecated"
    url = world.url("marie", "/search")
    found = [
        world.http.post(f"{url}{query}", json={"query": "allergie"}, headers=doctor).json()["total"]
        for query in ("", "?all_states=true")
    ]
    assert found == [0, 1]


def test_the_matrix_narrows_every_channel(own_world: World) -> None:
    """A nurse whom the patient granted everything sees no untyped document and no psychiatric summary."""
    world, nurse = own_world, "10000000021"
    world.add_practitioner(nurse, profession="infirmier", specialty="")
    world.grant("nurse", "marie", nurse)
    headers = world.bearer(nurse)
    assert sees(world, headers) == ALL
    world.deposit("sans type", "marie", "Papier sans type, zinzolin.")
    world.work()
    assert sees(world, headers) == ALL
    assert world.search("zinzolin", headers).json()["total"] == 0
    assert world.search("zinzolin", world.bearer(DOCTOR)).json()["total"] == 1
    world.add_practitioner(nurse, profession="médecin", specialty="médecine du travail")
    refused = world.http.get(world.url("marie", "/documents"), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "profession-sees-nothing")
