"""Every access is written before it is answered, granted or refused; what cannot be written is not answered."""

from __future__ import annotations

from typing import Any

import pytest

from access.identifiers import PatientId
from records import journal
from records.journal import Entry
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.test_door import REQUESTS, UNKNOWN, ask
from tests.search_api.world import World, ins_of

MARIE = ins_of("2850375123456").matricule


def entries(world: World, patient: str | None = None) -> list[Entry]:
    """Newest first."""
    asked = PatientId(world.patients.get(patient, patient)) if patient else None
    with world.services.records.read() as tx:
        return journal.entries_for_audit_without_scope(tx, asked, 1000)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_refused_access_is_written(world: World, name: str) -> None:
    for patient in ("marie", UNKNOWN, "inconnu"):
        before = len(entries(world))
        ask(world, name, patient, world.bearer(STRANGER))
        after = entries(world)
        assert len(after) == before + 1
        assert (after[0].outcome, after[0].caller, after[0].documents) == ("refused", STRANGER, ())
        assert after[0].detail == "no-access"
    assert entries(world, "marie")[0].patient_id == world.patients["marie"]


@pytest.mark.parametrize("name", REQUESTS)
def test_a_granted_access_is_written_with_what_was_shown(world: World, name: str) -> None:
    before = len(entries(world))
    answer = ask(world, name, "marie", world.bearer(TRAITANT, system="dpi"), world.documents["lettre"])
    after = entries(world, "marie")
    assert len(entries(world)) == before + 1
    entry = after[0]
    assert (entry.caller, entry.on_behalf, entry.purpose, entry.role) == ("dpi", TRAITANT, "care", "médecin")
    assert entry.outcome == ("granted" if answer.status_code < 300 else "refused")
    if name in ("document", "content", "page"):
        assert entry.documents == (world.documents["lettre"],)


def test_a_search_is_written_with_its_words_and_its_documents(world: World) -> None:
    answer = world.search("allergie pénicilline", world.bearer(DOCTOR)).json()
    entry = entries(world, "marie")[0]
    assert (entry.action, entry.query) == ("search", "allergie pénicilline")
    assert list(entry.documents) == [hit["document"]["id"] for hit in answer["hits"]]
    assert entry.policy_version == world.services.policy.version


def test_a_document_that_is_not_there_is_a_refused_access(world: World) -> None:
    world.http.get(world.url("marie", f"/documents/{world.documents['vih']}"), headers=world.bearer(DOCTOR))
    entry = entries(world, "marie")[0]
    assert (entry.outcome, entry.detail, entry.documents) == ("refused", "no-such-document", ())


EVERYTHING = [(rpps, name) for rpps in (DOCTOR, STRANGER) for name in (*REQUESTS, "lookup")]
EVERYTHING.remove((DOCTOR, "emergency card"))  # the one exception: tests/search_api/test_card.py


@pytest.mark.parametrize(("rpps", "name"), EVERYTHING)
def test_nothing_is_answered_when_the_journal_cannot_be_written(
    world: World, name: str, rpps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "append", full)
    headers = world.bearer(rpps)
    if name == "lookup":
        answer = world.http.post("/v1/patients/lookup", json={"ins": MARIE}, headers=headers)
    else:
        answer = ask(world, name, "marie", headers, world.documents["lettre"])
    assert (answer.status_code, answer.json()["code"]) == (503, "journal-unavailable")
    assert "lettre" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def read(world: World, headers: dict[str, str]) -> Any:
    return world.http.get(world.url("marie", "/journal"), headers=headers)


def test_the_patient_and_the_traitant_read_who_looked(world: World) -> None:
    world.search("ferritine", world.bearer(BIOLOGIST))
    for headers in (world.as_patient("marie"), world.bearer(TRAITANT)):
        lines = read(world, headers).json()["entries"]
        line = next(each for each in lines if each["caller"] == BIOLOGIST)
        assert (line["action"], line["outcome"], line["role"]) == ("search", "granted", "médecin")
        assert "ferritine" not in str(lines)
        assert "query" not in line
    refused = read(world, world.bearer(DOCTOR))
    assert (refused.status_code, refused.json()["code"]) == (403, "journal-not-readable")


def test_the_patients_journal_names_no_document_hidden_from_them(world: World) -> None:
    world.search("biopsie carcinome", world.bearer(DOCTOR))
    assert world.documents["biopsie"] in entries(world, "marie")[0].documents
    assert world.documents["biopsie"] not in read(world, world.as_patient("marie")).text
    assert world.documents["biopsie"] in read(world, world.bearer(TRAITANT)).text


def test_grants_are_seen_by_who_may_know_of_them(world: World) -> None:
    def holders(headers: dict[str, str]) -> set[str]:
        listed = world.http.get(world.url("marie", "/grants"), headers=headers).json()["grants"]
        return {grant["grantee"] for grant in listed}

    assert holders(world.bearer(DOCTOR)) == {DOCTOR}
    assert holders(world.as_patient("marie")) == holders(world.bearer(TRAITANT))
    assert {DOCTOR, TRAITANT, BIOLOGIST} <= holders(world.as_patient("marie"))


def test_the_chain_holds_after_all_this(world: World) -> None:
    with world.services.records.read() as tx:
        assert list(journal.verify(tx)) == []
