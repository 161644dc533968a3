"""The journal of all records, for who audits it: what it finds, to whom it answers, and what it leaves behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from access.scope import CallerKind
from records import audit, erasure, journal
from records.journal import Entry
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import World, ins_of

AUDITOR = {"role": CallerKind.AUDITOR}
ADMINISTRATOR = {"role": CallerKind.ADMINISTRATOR}
MARIE = ins_of("2850375123456")


def asked(world: World, as_: dict[str, Any] = AUDITOR, /, **body: Any) -> dict[str, Any]:
    answer = world.http.post("/v1/journal", json=body, headers=world.bearer(**as_))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def actions(page: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["action"], each["on_behalf"] or each["caller"]) for each in page["entries"]]


def busy(world: World) -> None:
    """Four looks of three professionals at two records, of two days."""
    world.search("allergie", world.bearer(DOCTOR))
    world.search("ferritine", world.bearer(TRAITANT, system="dpi"))
    world.clock.now += timedelta(days=1)
    world.http.get(world.url("marie", "/documents"), headers=world.bearer(STRANGER))
    world.http.get(world.url("paul", "/documents"), headers=world.as_patient("paul"))


def test_each_filter_leaves_what_was_asked_for(own_world: World) -> None:
    world = own_world
    before = f"{world.clock.now:%Y-%m-%d}"
    busy(world)
    today = f"{world.clock.now:%Y-%m-%d}"
    looks = {"actions": ["search", "list-documents"]}
    every = [
        ("list-documents", world.patients["paul"]),
        ("list-documents", STRANGER),
        ("search", TRAITANT),
        ("search", DOCTOR),
    ]
    assert actions(asked(world, **looks)) == every
    assert actions(asked(world, actions=["search"])) == every[2:]
    assert actions(asked(world, **looks, patient=MARIE.matricule)) == every[1:]
    assert actions(asked(world, **looks, patient=world.patients["paul"])) == every[:1]
    assert actions(asked(world, **looks, who=TRAITANT)) == [every[2]]
    assert actions(asked(world, **looks, who="dpi")) == [every[2]]
    assert actions(asked(world, **looks, refused=True)) == [every[1]]
    assert actions(asked(world, **looks, since=today)) == every[:2]
    assert actions(asked(world, **looks, until=before)) == every[2:]
    assert actions(asked(world, **looks, basis="break_glass")) == []
    line = asked(world, who=DOCTOR)["entries"][0]
    assert line["patient_id"] == world.patients["marie"]
    assert line["documents"]
    assert "a cherché dans le dossier" in line["sentence"]
    english = asked(world, patient=world.patients["paul"], actions=["list-documents"], lang="en")["entries"][0]
    assert "the patient saw the list of documents" in english["sentence"]


def test_pages_neither_lose_nor_repeat_while_others_look(own_world: World) -> None:
    world = own_world
    for _ in range(3):
        busy(world)
    whole = asked(world, actions=["search", "list-documents"], limit=200)["entries"]
    pages: list[Any] = []
    before = None
    while before is not None or not pages:
        page = asked(world, actions=["search", "list-documents"], limit=5, before=before)
        pages.append(page["entries"])
        before = page["next"]
        world.search("asthme", world.bearer(DOCTOR))  # which no page shows: it came after the first was asked for
    assert [len(each) for each in pages] == [5, 5, 2]
    assert [each for page in pages for each in page] == whole


def test_a_long_journal_is_looked_through_in_parts_that_say_how_far_they_got(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = own_world
    busy(world)
    monkeypatch.setattr(audit, "LOOKED_THROUGH", 1)
    monkeypatch.setattr(audit, "_STEP", 2)
    found: list[tuple[str, str]] = []
    before, parts = None, 0
    while before is not None or not parts:
        page = asked(world, who=DOCTOR, before=before)
        assert (page["reached"] is None) == (page["next"] is None)
        found, before, parts = found + actions(page), page["next"], parts + 1
    assert found[0] == ("search", DOCTOR)
    assert parts == 4


def test_a_late_entry_of_another_day_ends_no_period(own_world: World) -> None:
    """A card journalled in the spool is chained in days after it was read: what stands behind it is looked at too."""
    world = own_world
    busy(world)
    with world.services.records.write() as tx:
        (entry,) = journal.entries_for_audit_without_scope(tx, world.patients["paul"], 1)
        late = Entry(**{name: getattr(entry, name) for name in entry.__slots__} | {"at": entry.at - timedelta(days=9)})
        journal.append(tx, late)
    found = asked(world, actions=["list-documents"], since=f"{world.clock.now:%Y-%m-%d}")
    assert actions(found) == [("list-documents", world.patients["paul"]), ("list-documents", STRANGER)]


def test_by_an_ins_the_records_erased_before_are_shown_too(own_world: World) -> None:
    world = own_world
    busy(world)
    gone = world.patients["marie"]
    services = world.services
    ledger = world.home / "ledger"
    erasure.erase(services.records, services.blobs, services.keys, ledger, gone, world.clock.now, "test")
    page = asked(world, patient=MARIE.matricule, with_queries=True)
    assert {"search", "erase"} <= {name for name, _ in actions(page)}
    assert {each["patient_id"] for each in page["entries"]} == {gone}
    assert all(each["query"] is None for each in page["entries"])
    again = asked(world, patient=MARIE.matricule, actions=["read-journal"])["entries"]
    assert [each["patient_id"] == gone for each in again] == [False]  # the reading itself, under who the INS is now


def test_of_a_merged_identity_both_sides_are_shown(own_world: World) -> None:
    from sqlalchemy import update

    from records import tables

    world = own_world
    busy(world)
    paul, marie = world.patients["paul"], world.patients["marie"]
    with world.services.records.write() as tx:
        tx.session.execute(update(tables.Patient).where(tables.Patient.patient_id == paul).values(merged_into=marie))
    for one in (paul, marie, MARIE.matricule):
        found = asked(world, patient=one, actions=["list-documents", "search"])
        assert {each["patient_id"] for each in found["entries"]} == {paul, marie}


def test_it_answers_who_audits_and_nobody_else_and_every_reading_is_written(own_world: World) -> None:
    world = own_world
    for who in (world.bearer(DOCTOR), world.as_patient("marie"), world.bearer(identity_vigilance="cellule")):
        for body in ({}, {"patient": MARIE.matricule}, {"patient": "x"}):
            answer = world.http.post("/v1/journal", json=body, headers=who)
            assert (answer.status_code, answer.json()["code"]) == (403, "act-not-allowed")
    for who in (AUDITOR, ADMINISTRATOR):
        asked(world, who, patient=MARIE.matricule, since="2026-01-01")
        with world.services.records.read() as tx:
            (entry,) = journal.entries_for_audit_without_scope(tx, world.patients["marie"], 1)
        assert (entry.action, entry.outcome, entry.caller_kind) == ("read-journal", "granted", who["role"])
        assert entry.detail == "since 2026-01-01"
    refused = asked(world, actions=["read-journal"], refused=True)["entries"]
    assert len(refused) == 9
    told = world.http.get(world.url("marie", "/journal"), headers=world.as_patient("marie")).json()["entries"]
    assert "un auditeur a lu ce journal" in told[1]["sentence"]
    answer = world.http.post("/v1/journal", json={"patient": "x"}, headers=world.bearer(**AUDITOR))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-patient")


def test_the_words_of_a_search_are_the_auditor_s_alone_and_only_on_demand(own_world: World) -> None:
    world = own_world
    busy(world)
    words = {each["query"] for each in asked(world, with_queries=True)["entries"]}
    assert {"allergie", "ferritine"} <= words
    assert {each["query"] for each in asked(world)["entries"]} == {None}
    body = {"with_queries": True}
    answer = world.http.post("/v1/journal", json=body, headers=world.bearer(**ADMINISTRATOR))
    assert (answer.status_code, answer.json()["code"]) == (403, "act-not-allowed")
    with world.services.records.read() as tx:
        read = [each for each in journal.entries_for_audit_without_scope(tx, None, 10) if each.action == "read-journal"]
    assert [each.detail for each in reversed(read)] == ["with_queries True", "", "act-not-allowed"]
