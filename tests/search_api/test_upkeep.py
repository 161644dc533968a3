"""What the administrator and the auditor count, and that nobody can be told from it."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from access.scope import CallerKind
from records import journal
from records.patients import Identity
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import World, ins_of

KEEPER = {"role": CallerKind.ADMINISTRATOR}


def asked(world: World, name: str = "usage", **query: str) -> dict[str, Any]:
    answer = world.http.get(f"/v1/service/{name}", params=query, headers=world.bearer(**KEEPER))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_records_are_counted_as_opened_empty_fed_and_consulted(own_world: World) -> None:
    world = own_world
    before = asked(world)
    assert (before["records"], before["empty"], before["consulted"], before["searches"]) == (2, 0, 0, 0)
    nina = Identity(ins_of("2900375123456"), "qualified", "PETIT", "NINA", date(1990, 3, 1), "F", "75112")
    world.add_patient("nina", nina)
    assert asked(world) == before | {"records": 3, "opened": before["opened"] + 1, "empty": 1}
    for query, who in (("allergie", DOCTOR), ("allergie", TRAITANT), ("introuvable", BIOLOGIST)):
        assert world.search(query, world.bearer(who)).status_code == 200
    world.http.get(world.url("paul", "/documents"), headers=world.as_patient("paul"))
    world.http.get(world.url("paul", "/documents"), headers=world.bearer(STRANGER))  # refused: nothing was consulted
    after = asked(world)
    assert (after["searches"], after["found_nothing"]) == (3, 1)
    assert (after["consulted"], after["consulted_by_patient"]) == (1, 1)


def test_a_month_counts_what_happened_in_it(own_world: World) -> None:
    """The world begins in March 2026; the clock goes on to the night of 31 March in Paris, then past its midnight."""
    world = own_world
    world.search("allergie", world.bearer(TRAITANT))
    world.clock.now = datetime(2026, 3, 31, 21, 59, tzinfo=UTC)
    world.deposit("mars", "paul", "Vaccination faite.")
    world.search("allergie", world.bearer(TRAITANT))
    assert asked(world)["searches"] == 2
    world.clock.now = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
    april = asked(world)
    assert (april["month"], april["searches"], april["fed"], april["consulted"], april["opened"]) == (
        "2026-04",
        0,
        0,
        0,
        0,
    )
    march = asked(world, month="2026-03")
    assert (march["searches"], march["fed"], march["consulted"], march["records"]) == (2, 2, 1, 2)
    assert asked(world, month="2026-02")["fed"] == 0


def test_an_entry_chained_in_late_hides_nothing_of_the_month(own_world: World) -> None:
    """A card of last month, journalled in the spool, stands in the journal after this month's first searches."""
    world = own_world
    world.search("allergie", world.bearer(TRAITANT))
    with world.services.records.write() as tx:
        (entry,) = journal.entries_for_audit_without_scope(tx, world.patients["marie"], 1)
        journal.append(tx, dataclasses.replace(entry, at=entry.at - timedelta(days=40)))
    assert asked(world)["searches"] == 1


def test_a_merged_patient_is_one_record(own_world: World) -> None:
    from sqlalchemy import update

    from records import tables

    world = own_world
    world.search("allergie", world.bearer(TRAITANT))
    with world.services.records.write() as tx:
        paul, marie = world.patients["paul"], world.patients["marie"]
        tx.session.execute(update(tables.Patient).where(tables.Patient.patient_id == paul).values(merged_into=marie))
    found = asked(world)
    assert (found["records"], found["empty"], found["fed"], found["consulted"]) == (1, 0, 1, 1)


def test_work_says_what_waits_what_was_refused_and_where_the_index_is(own_world: World) -> None:
    world = own_world
    found = asked(world, "work")
    (serving,) = found["index"]
    assert serving["serving"] is True
    assert serving["followed"] == serving["total"] > 0
    assert (found["refused"], found["oldest_waiting"]) == ([], None)
    searchable = found["documents"]["searchable"]
    world.deposit("neuf", "marie", "Une note.")
    waiting = asked(world, "work")
    assert waiting["documents"]["received"] == 1
    assert waiting["oldest_waiting"] is not None
    world.deposit("cassé", "marie", "%PDF-1.4 rien")
    world.work()
    over = asked(world, "work")
    assert over["documents"]["searchable"] == searchable + 1
    assert [(each["stage"] != "", each["count"]) for each in over["refused"]] == [(True, 1)]
    assert sum(over["documents"].values()) == searchable + 2 + found["documents"]["quarantined"]


def test_a_build_aside_tells_how_far_it_is(own_world: World) -> None:
    world = own_world
    (serving,) = asked(world, "work")["index"]
    wanted = world.bench.projector.wanted
    aside = type(wanted)(f"{wanted.prefix}-b", wanted.fingerprint)
    world.generations.open(aside)
    told = {each["name"]: each for each in asked(world, "work")["index"]}
    assert told[aside.name] == {"name": aside.name, "serving": False, "followed": 0, "total": serving["total"]}


@pytest.mark.parametrize("name", ["usage", "work"])
def test_only_who_keeps_the_service_or_audits_it(world: World, name: str) -> None:
    for headers in (world.bearer(DOCTOR), world.bearer(TRAITANT), world.as_patient("marie")):
        answer = world.http.get(f"/v1/service/{name}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "act-not-allowed")
    assert world.http.get(f"/v1/service/{name}", headers=world.bearer(role=CallerKind.AUDITOR)).status_code == 200
    with world.services.records.read() as tx:
        last, *_ = journal.entries_for_audit_without_scope(tx, None, 1)
    assert (last.action, last.outcome, last.caller_kind) == (f"read-{name}", "granted", "auditor")


def test_no_identity_is_in_the_counts(world: World) -> None:
    world.search("allergie pénicilline", world.bearer(TRAITANT))
    said = json.dumps([asked(world), asked(world, "work")]).lower()
    hidden = [*world.patients.values(), *world.documents.values(), TRAITANT, "martin", "durand", "allergie"]
    assert [each for each in hidden if each.lower() in said] == []
