"""One question over one's patients: who is found, by whom, in what order; each record stays behind its door."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text as sql

from access.scope import CallerKind
from records import grants, journal
from records.patients import Identity
from search_api import rounds
from tests.search_api.world import DAY, World, ins_of, open_world

DOCTOR, BIOLOGIST, STRANGER = "10000000001", "10000000002", "10000000003"
HOSPITAL, TEAM = "750000001", "t1"
TEXTS = {
    "ana": "Ordonnance.\n\nMéthotrexate 15 mg une fois par semaine.",
    "bea": "Consultation.\n\nPatiente sous Novatrex depuis 2021, bien toléré.",
    "cleo": "Consultation.\n\nPas de méthotrexate. Paracétamol si besoin.",
    "dora": "Consultation.\n\nFracture du poignet, plâtre.",
    "eve": "Ordonnance.\n\nMéthotrexate 10 mg par semaine.",
    "fay": "Ordonnance.\n\nMéthotrexate 20 mg par semaine.",
}


@pytest.fixture
def world(tmp_path: Any) -> Iterator[World]:
    """Six patients: four whom the doctor reaches by a grant to him, his hospital or his team; Eve, who blocked him;
    Fay, who never granted anything."""
    world = open_world(tmp_path / "home")
    with world.http:
        for number, (name, text) in enumerate(TEXTS.items()):
            who = Identity(
                ins_of(f"285037512345{number}"), "qualified", "MARTIN", name.upper(), date(1985, 3, 12), "F", "75112"
            )
            world.add_patient(name, who)
            world.deposit(name, name, text)
        for rpps in (DOCTOR, BIOLOGIST, STRANGER):
            mine = rpps == DOCTOR
            world.add_practitioner(rpps, organizations=(HOSPITAL,) if mine else (), teams=(TEAM,) if mine else ())
        world.work()
        for name in TEXTS:
            world.describe(name, "11488-4", date(2024, 1, 2), name)
        world.work()
        world.grant("ana", "ana", DOCTOR)
        world.grant("bea", "bea", HOSPITAL, grantee_kind="organization")
        world.grant("cleo", "cleo", TEAM, grantee_kind="team", kind="care_team")
        world.grant("dora", "dora", DOCTOR)
        world.grant("eve", "eve", DOCTOR)
        with world.services.records.write() as tx:
            grants.block(tx, world.patients["eve"], DOCTOR, world.clock.now, "test")
        world.grant("biologist", "ana", BIOLOGIST, categories=frozenset({"biology"}))
        yield world
    world.close()


def search(world: World, query: str, who: str = DOCTOR, **body: Any) -> Any:
    return world.http.post("/v1/search", json={"query": query, **body}, headers=world.bearer(who))


def names(world: World, answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    known = {patient: name for name, patient in world.patients.items()}
    return [known[group["patient"]["patient_id"]] for group in answer.json()["patients"]]


def test_who_of_mine_is_on_methotrexate(world: World) -> None:
    """Found by the word, by a brand, by a denial last; not by another question, a block, or without a grant."""
    answer = search(world, "méthotrexate")
    assert names(world, answer) == ["ana", "bea", "cleo"]
    found = answer.json()
    assert found["searched_patients"] == 4
    assert found["coverage"]["searched"] == 4
    assert found["patients"][0]["patient"] == {
        "patient_id": world.patients["ana"],
        "family_name": "MARTIN",
        "given_names": "ANA",
        "birth_date": "1985-03-12",
        "sex": "F",
    }
    assert [group["hits"][0]["passages"][0]["assertion"] for group in found["patients"]] == [
        "present",
        "present",
        "absent",
    ]


def test_each_record_stays_behind_its_own_door(world: World) -> None:
    assert names(world, search(world, "méthotrexate", BIOLOGIST)) == []  # a grant on biology alone
    assert search(world, "méthotrexate", STRANGER).json()["searched_patients"] == 0
    world.revoke("ana", "ana")
    assert names(world, search(world, "méthotrexate")) == ["bea", "cleo"]
    with world.services.records.write() as tx:
        tx.session.execute(sql("UPDATE documents SET masked = 1 WHERE document_id = :d"), {"d": world.documents["bea"]})
    assert names(world, search(world, "méthotrexate")) == ["cleo"]
    with world.services.records.write() as tx:
        tx.session.execute(sql("UPDATE patients SET closed = 1 WHERE patient_id = :p"), {"p": world.patients["cleo"]})
    assert names(world, search(world, "méthotrexate")) == []


def test_naming_patients_narrows_and_never_widens(world: World) -> None:
    wanted = [world.patients[name] for name in ("bea", "eve", "fay")] + ["nobody"]
    answer = search(world, "méthotrexate", patients=wanted)
    assert names(world, answer) == ["bea"]
    assert answer.json()["searched_patients"] == 1


@pytest.mark.parametrize("together", [1, 3, 4])
def test_how_many_are_asked_together_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    at_once = search(world, "méthotrexate").json()
    monkeypatch.setattr(rounds, "AT_ONCE", together)
    assert search(world, "méthotrexate").json() == at_once
    assert at_once["searched_patients"] == 4


def test_only_practitioners_have_patients(world: World) -> None:
    for headers in (
        world.as_patient("ana"),
        world.bearer(role=CallerKind.AUDITOR),
        world.bearer(role=CallerKind.ADMINISTRATOR),
    ):
        answer = world.http.post("/v1/search", json={"query": "méthotrexate"}, headers=headers)
        assert answer.status_code == 403


def test_every_record_searched_is_told_in_its_own_journal(world: World) -> None:
    search(world, "méthotrexate")
    with world.services.records.read() as tx:
        for name in ("ana", "dora"):
            entry = journal.entries_for_audit_without_scope(tx, world.patients[name], 1)[0]
            assert (entry.action, entry.outcome, entry.query) == ("search-patients", "granted", "méthotrexate")
            assert list(entry.documents) == ([world.documents["ana"]] if name == "ana" else [])
        for name in ("eve", "fay"):
            assert journal.entries_for_audit_without_scope(tx, world.patients[name], 1) == []
        assert journal.verify(tx) == []


def test_nothing_is_shown_when_one_journal_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    append_all = journal.append_all

    def fails_at_the_third(tx: Any, entries: Any) -> None:
        append_all(tx, entries[:2])
        raise OSError("no space")

    monkeypatch.setattr(journal, "append_all", fails_at_the_third)
    answer = search(world, "méthotrexate")
    assert (answer.status_code, answer.json()["code"]) == (503, "journal-unavailable")
    monkeypatch.undo()
    with world.services.records.read() as tx:
        assert journal.entries_for_audit_without_scope(tx, world.patients["ana"], 10) == []


def test_too_many_patients_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST_PATIENTS", 3)
    answer = search(world, "méthotrexate")
    assert (answer.status_code, answer.json()["code"]) == (422, "too-many-patients")
    assert names(world, search(world, "méthotrexate", patients=[world.patients["ana"]])) == ["ana"]


def test_the_strongest_come_first_and_the_rest_is_said(world: World) -> None:
    answer = search(world, "méthotrexate", limit=1)
    assert names(world, answer) == ["ana"]
    assert answer.json()["more"] is True
    assert search(world, "méthotrexate").json()["more"] is False


def test_a_merged_identity_is_one_patient(world: World) -> None:
    with world.services.records.write() as tx:
        values = {"kept": world.patients["ana"], "merged": world.patients["dora"]}
        tx.session.execute(sql("UPDATE patients SET merged_into = :kept WHERE patient_id = :merged"), values)
    answer = search(world, "poignet")
    assert names(world, answer) == ["ana"]
    assert answer.json()["searched_patients"] == 3


def test_what_others_record_says_changes_nothing(world: World) -> None:
    """Fay, unseen, gets another document full of the words asked for: not a byte of the answer moves."""
    before = search(world, "méthotrexate ferritine").content
    world.deposit("more", "fay", "Ferritine. Méthotrexate. " * 20)
    world.work()
    world.clock.now += DAY / 24
    assert search(world, "méthotrexate ferritine").content == before


def test_rounds_are_a_visit_of_no_record(world: World) -> None:
    """What is new stays new; only those of whose record something was shown are told of a first access."""
    world.clock.now += DAY
    search(world, "méthotrexate")
    with world.services.records.read() as tx:
        told = tx.session.execute(sql("SELECT patient_id FROM notifications WHERE kind = 'first_access'")).scalars()
        assert set(told) == {world.patients[name] for name in ("ana", "bea", "cleo")}
    found = world.search("méthotrexate", world.bearer(DOCTOR), patient="ana")
    assert found.json()["hits"]
    world.clock.now += DAY
    world.deposit("later", "ana", "Ordonnance.\n\nMéthotrexate 12,5 mg.")
    world.work()
    world.clock.now += DAY / 24
    search(world, "méthotrexate")
    world.clock.now += DAY / 2
    hits = world.search("méthotrexate", world.bearer(DOCTOR), patient="ana").json()["hits"]
    assert [hit["document"]["id"] for hit in hits if hit["document"]["new"]] == [world.documents["later"]]
