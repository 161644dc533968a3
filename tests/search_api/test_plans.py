"""What one patient is asked for costs what that patient holds, not what everybody does.

Every statement of every endpoint under a patient, whoever asks, is answered by an index: SQLite's plan of it reads no
table that grows with patients from end to end. A table read whole is not seen in a home of two patients, and is a
second of every request in one of a million.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from access.identifiers import PatientId
from access.scope import CallerKind
from clinical.text.edition import rules_edition
from records import deliveries, events, facts, given_up, jobs, notifications, tables, webhooks
from tests.search_api.conftest import DOCTOR, STRANGER
from tests.search_api.test_door import AT_THE_DOOR, REQUESTS, ask
from tests.search_api.world import DAY, World, before_statements
from tests.services.crowd import FEW

WHOLE = re.compile(r"^SCAN (\w+?)(?:_\d+)?(?: USING (?:COVERING )?INDEX (\w+))?(?: |$)")  # "patients_1" is an alias
GROWING = set(tables.Base.metadata.tables) - FEW
OF_A_QUEUE = {
    index.name
    for table in tables.Base.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}
"""Indexes of some rows of a table: to read one whole is to read what waits."""
SORTED = "USE TEMP B-TREE"

AUDITOR, KEEPER = {"role": CallerKind.AUDITOR}, {"role": CallerKind.ADMINISTRATOR}
CELL = {"identity_vigilance": "cellule-1"}
QUEUES: dict[str, tuple[str, dict[str, Any]]] = {
    "quarantine": ("/quarantine", CELL),
    "refused": ("/quarantine?state=refused", CELL),
    "claims": ("/claims", CELL),
    "openings to review": ("/reviews/break-glass", AUDITOR),
    "openings": ("/reviews/break-glass?unreviewed=false", AUDITOR),
    "successions": ("/reviews/succession", KEEPER),
}
"""What people work off, and who."""

AT_WORK: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/me", None),
    ("GET", "/searches", None),
    ("POST", "/search", {"query": "allergie pénicilline"}),
    ("POST", "/search", {"query": "créatinine > 100"}),
)


@contextmanager
def plans(world: World) -> Iterator[dict[str, list[str]]]:
    """Each statement that runs in the block with the lines of its plan."""
    read: dict[str, list[str]] = {}
    busy = False

    def explain(_conn: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        nonlocal busy
        if busy or not re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)\b", statement) or statement in read:
            return
        values, busy = parameters[0] if many else parameters, True
        try:
            rows = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
        finally:
            busy = False
        read[statement] = [row[3] for row in rows]

    with before_statements(world, explain):
        yield read


def whole(read: dict[str, list[str]]) -> dict[str, set[str]]:
    """The statements that read tables whole, with which."""
    assert read
    scans = {statement: list(filter(None, map(WHOLE.match, plan))) for statement, plan in read.items()}
    tables = {statement: {scan[1] for scan in found if scan[2] not in OF_A_QUEUE} for statement, found in scans.items()}
    return {statement: names & GROWING for statement, names in tables.items() if names & GROWING}


@pytest.mark.parametrize("name", REQUESTS | AT_THE_DOOR)
def test_no_request_about_a_patient_reads_a_whole_table(world: World, name: str) -> None:
    with plans(world) as read:
        for headers in (world.bearer(DOCTOR), world.bearer(STRANGER), world.as_patient("marie")):
            ask(world, name, world.patients["marie"], headers, world.documents["lettre"])
    assert whole(read) == {}


def test_no_step_of_a_document_reads_a_whole_table(own_world: World) -> None:
    with plans(own_world) as read:
        own_world.deposit("neuf", "marie", "Compte rendu. Allergie à l'arachide. Créatinine 92 µmol/L.", by="test")
        own_world.work()
    assert len(read) > 20
    assert whole(read) == {}


def test_no_look_at_what_is_owed_to_listeners_reads_a_whole_table(own_world: World) -> None:
    """Deliveries that were taken stay for months, and those that are owed are few among them."""
    records, now = own_world.services.records, own_world.clock.now
    with records.write() as tx:
        webhook = webhooks.add(
            tx, url="https://x.example", practitioner=DOCTOR, organization="750000001", kinds=webhooks.KINDS, now=now
        )
        events.note(tx, "access", own_world.patients["marie"])
        (event,) = events.unspread(tx, 1)
        deliveries.add(tx, webhook.webhook_id, event, "access.changed", None, now)
        tx.session.execute(update(tables.Delivery).values(state="dead", settled_at=now - 400 * DAY))
    with plans(own_world) as read:
        assert own_world.http.get("/metrics").status_code == 200
        with records.write() as tx:
            deliveries.due(tx, now, 20)
            assert len(list(given_up.dead_without_scope(tx, webhook.webhook_id))) == 1
        assert given_up.expire(records, now - 365 * DAY, now) == 1
    assert whole({name: found for name, found in read.items() if "webhook_deliveries" in name}) == {}


def test_no_request_of_a_practitioner_at_work_reads_a_whole_table(world: World) -> None:
    """Who they are, what they kept, and a question to all of their patients."""
    with plans(world) as read:
        for method, path, body in AT_WORK:
            answer = world.http.request(method, f"/v1{path}", headers=world.bearer(DOCTOR), json=body)
            assert answer.status_code == 200, answer.text
    assert whole(read) == {}


@pytest.mark.parametrize("name", sorted(set(QUEUES) - {"openings"}))  # all of those: the first hundred of an index
def test_no_persons_queue_reads_a_whole_table(world: World, name: str) -> None:
    path, who = QUEUES[name]
    with plans(world) as read:
        answer = world.http.get(f"/v1{path}", headers=world.bearer(**who))
        assert answer.status_code == 200, answer.text
    assert whole(read) == {}


@pytest.mark.parametrize("quick", [False, True], ids=["any", "quick"])
def test_a_claim_takes_the_first_of_an_index(own_world: World, quick: bool) -> None:
    """Nothing is sorted for it, however many wait, of whatever priority and length."""
    own_world.deposit("neuf", "marie", "Compte rendu.", by="test")
    with plans(own_world) as read, own_world.services.records.write() as tx:
        assert jobs.claim(tx, "test", own_world.clock.now, timedelta(minutes=1), quick=quick) is not None
    assert whole(read) == {}
    assert [line for plan in read.values() for line in plan if SORTED in line] == []


def test_what_a_worker_looks_for_when_it_has_nothing_to_do_is_in_an_index(world: World) -> None:
    """Every second, and every process of it."""
    now = world.clock.now
    with plans(world) as read, world.services.records.write() as tx:
        assert facts.behind_without_scope(tx, rules_edition(), 20) == []
        facts.count_behind_without_scope(tx, rules_edition())
        jobs.oldest(tx)
        jobs.last_lease_without_scope(tx)
        events.unspread(tx, 20)
        notifications.due_without_scope(tx, now, 50)
        notifications.to_remind_without_scope(tx, now, PatientId(""), 200)
    assert whole(read) == {}
    assert [line for plan in read.values() for line in plan if SORTED in line] == []
