"""Documents that identity vigilance set aside: who, when and why, and taken up again when that was an error."""

from __future__ import annotations

from typing import Any

import pytest

from access.identifiers import DocumentId
from access.scope import CallerKind
from ingest.mllp.reception import Reception
from ingest.steps import CANCELLATION
from records import documents, journal, patients
from records.documents import Document, DocumentState
from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.test_mllp_reception import NOBODY, SENDERS, oru
from tests.search_api.world import World

PAULS = "Compte rendu.\n\nM. Paul DURAND, né le 20/03/1985.\n\nGlucagonome secret."
WHY = "doublon d'un envoi annulé par le service"


@pytest.fixture
def stray(own_world: World) -> World:
    """Paul's report in Marie's record, refused."""
    own_world.deposit("stray", "marie", PAULS, by="10000000099")
    own_world.work()
    assert decide(own_world, "refuse", reason=WHY).json()["state"] == "refused"
    return own_world


def vigilance(world: World) -> dict[str, str]:
    return world.bearer(identity_vigilance="cellule-1")


def decide(world: World, decision: str, **body: Any) -> Any:
    url = f"/v1/quarantine/{world.documents['stray']}"
    body = {"reason": "vérifié par téléphone", **body}
    return world.http.post(url, json={"decision": decision, **body}, headers=vigilance(world))


def listed(world: World, state: str = "refused", rest: str = "") -> Any:
    return world.http.get(f"/v1/quarantine?state={state}{rest}", headers=vigilance(world)).json()


def document(world: World) -> Document:
    with world.services.records.read() as tx:
        found = documents.document_without_scope(tx, world.documents["stray"])
    assert found is not None
    return found


def actions(world: World, patient: str) -> list[str]:
    with world.services.records.read() as tx:
        return [one.action for one in journal.entries_for_audit_without_scope(tx, world.patients[patient], 100)]


def test_who_set_a_document_aside_when_and_why_is_shown_with_its_evidence(stray: World) -> None:
    (shown,) = listed(stray)["documents"]
    assert shown["set_aside"] == {"by": "cellule-1", "at": stray.clock.now.isoformat(), "reason": WHY}
    assert [one["found"] for one in shown["evidence"]] == [["Paul DURAND", "né(e) le 20/03/1985", "sexe M"]]
    assert shown["against"][0] == "MARTIN MARIE LOUISE"
    assert "lucagonome" not in str(shown)
    assert actions(stray, "marie")[0] == "quarantine-refused"


def test_only_what_a_person_refused_is_listed(stray: World) -> None:
    stray.deposit("other", "marie", "Ferritine.")
    stray.deposit("waits", "marie", PAULS + " Suite.")
    stray.work()
    with stray.services.records.write() as tx:
        documents.set_state(tx, stray.documents["other"], DocumentState.REFUSED, refusal=CANCELLATION)
    assert [one["document_id"] for one in listed(stray)["documents"]] == [stray.documents["stray"]]
    (waits,) = listed(stray, "quarantined")["documents"]
    assert (waits["document_id"], waits["set_aside"]) == (stray.documents["waits"], None)


def test_the_list_goes_on_where_it_stopped(stray: World) -> None:
    stray.deposit("second", "marie", PAULS + " Suite.")
    stray.work()
    url = f"/v1/quarantine/{stray.documents['second']}"
    stray.http.post(url, json={"decision": "refuse", "reason": WHY}, headers=vigilance(stray))
    first = listed(stray, rest="&limit=1")
    second = listed(stray, rest=f"&limit=1&after={first['next']}")
    found = [one["document_id"] for page in (first, second) for one in page["documents"]]
    assert sorted(found) == sorted([stray.documents["stray"], stray.documents["second"]])
    assert second["next"] is None


@pytest.mark.parametrize("who", ["doctor", "traitant", "patient", "auditor", "administrator"])
def test_nobody_else_sees_or_takes_one_up(stray: World, who: str) -> None:
    headers = {
        "doctor": lambda: stray.bearer(DOCTOR),
        "traitant": lambda: stray.bearer(TRAITANT),
        "patient": lambda: stray.as_patient("marie"),
        "auditor": lambda: stray.bearer(role=CallerKind.AUDITOR),
        "administrator": lambda: stray.bearer(role=CallerKind.ADMINISTRATOR),
    }[who]()
    url = f"/v1/quarantine/{stray.documents['stray']}"
    for answer in (
        stray.http.get("/v1/quarantine?state=refused", headers=headers),
        stray.http.post(url, json={"decision": "reopen", "reason": WHY}, headers=headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not-identity-vigilance")
    assert document(stray).state is DocumentState.REFUSED
    card = stray.http.get(stray.url("marie", f"/documents/{stray.documents['stray']}"), headers=stray.bearer(DOCTOR))
    assert WHY not in card.text


def test_a_document_taken_up_again_waits_as_it_did_and_can_be_reassigned(stray: World) -> None:
    before = listed(stray)["documents"][0]
    answer = decide(stray, "reopen")
    assert (answer.status_code, answer.json()["state"]) == (200, "quarantined")
    assert decide(stray, "reopen").json() == answer.json()
    assert actions(stray, "marie").count("quarantine-reopen") == 1
    assert listed(stray)["documents"] == []
    (waits,) = listed(stray, "quarantined")["documents"]
    assert waits == before | {"set_aside": None}
    refusal = document(stray).refusal
    assert refusal is not None
    assert refusal.code == "other-patient"
    moved = decide(stray, "reassign", patient_id=stray.patients["paul"]).json()
    stray.work()
    (hit,) = stray.search("glucagonome", stray.bearer(TRAITANT), "paul").json()["hits"]
    assert hit["document"]["id"] == moved["document_id"]


def test_a_document_set_aside_before_its_evidence_was_kept_shows_it_again(stray: World) -> None:
    kept = document(stray)
    with stray.services.records.write() as tx:  # as refusals were written before
        documents.set_state(tx, kept.document_id, DocumentState.REFUSED, refusal=kept.refusal)
    (shown,) = listed(stray)["documents"]
    assert (shown["set_aside"], shown["evidence"]) == (None, [])
    decide(stray, "reopen")
    (waits,) = listed(stray, "quarantined")["documents"]
    assert waits["evidence"][0]["found"][0] == "Paul DURAND"


def test_what_was_never_set_aside_cannot_be_taken_up(stray: World) -> None:
    for state, refusal in ((DocumentState.SEARCHABLE, None), (DocumentState.REFUSED, CANCELLATION)):
        with stray.services.records.write() as tx:
            documents.set_state(tx, stray.documents["stray"], state, refusal=refusal)
        answer = decide(stray, "reopen")
        assert (answer.status_code, answer.json()["code"]) == (409, "not-quarantined")
        assert document(stray).state is state


def test_nobodys_document_is_taken_up_and_given_to_its_patient(own_world: World) -> None:
    Reception(own_world.bench, SENDERS).take(oru(pid=NOBODY))
    own_world.work()
    (waiting,) = listed(own_world, "quarantined")["documents"]
    own_world.documents["stray"] = DocumentId(waiting["document_id"])
    decide(own_world, "refuse", reason=WHY)
    (shown,) = listed(own_world)["documents"]
    assert shown["set_aside"]["reason"] == WHY
    assert "n° 9009" in str(shown["evidence"])
    decide(own_world, "reopen")
    refusal = document(own_world).refusal
    assert refusal is not None
    assert refusal.code == "unknown-patient"
    assert document(own_world).patient_id == patients.tray_id(own_world.services.keys)
    settled = decide(own_world, "reassign", patient_id=own_world.patients["paul"], confirm=True).json()
    own_world.work()
    own_world.documents["stray"] = DocumentId(settled["document_id"])
    there = document(own_world)
    assert (there.patient_id, there.state) == (own_world.patients["paul"], DocumentState.SEARCHABLE)
