"""Events and what was delivered of them are forgotten after a while; what is owed, and who must hear of a withdrawal,
is not."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import select

from cli.compose import sweep
from cli.settings import Settings
from records import deliveries, documents, events, masks, tables
from records.documents import DocumentState
from tests.events.conftest import Stage, on_both_databases
from tests.events.test_webhooks import arrive
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import DAY, World

KEPT = 90 * DAY
pytestmark = on_both_databases


def swept(world: World, days: int = 90, dead_days: int = 365) -> None:
    """As `serve` does."""
    bench = dataclasses.replace(world.bench, clock=lambda: world.clock.now)
    sweep(bench, Settings(home=world.home, event_days=days, event_dead_days=dead_days))


def rows(world: World) -> tuple[list[tuple[str, str]], int]:
    """Deliveries by kind and state, and how many events there are."""
    with world.services.records.read() as tx:
        left = tx.session.execute(select(tables.Delivery.kind, tables.Delivery.state).order_by(tables.Delivery.seq))
        return [(row.kind, row.state) for row in left], len(tx.session.scalars(select(tables.Happening.seq)).all())


def test_what_was_settled_is_forgotten_when_its_time_is_over_and_not_before(stage: Stage) -> None:
    world = stage.world
    stage.listen()
    for _ in range(2):  # a right taken away and given back
        world.revoke("doctor", "marie")
        stage.tell()
        world.grant("doctor", "marie", DOCTOR)
        stage.tell()
    before = rows(world)
    assert before[0] == [("access.changed", "delivered")] * 4
    world.clock.now += KEPT - timedelta(minutes=1)
    swept(world)
    assert rows(world) == before
    world.clock.now += timedelta(minutes=2)
    swept(world)
    assert rows(world) == ([], 0)
    world.revoke("doctor", "marie")  # and it goes on
    assert stage.told() == [("access.changed", world.patients["marie"], None)]


def test_what_waits_is_never_forgotten(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "PRUNED_AT_ONCE", 1)
    world = stage.world
    stage.listen()
    stage.receiver.status = 500
    waiting = arrive(stage, "attend")
    assert stage.tell().failed == 1
    with world.services.records.write() as tx:
        events.note(tx, "access", world.patients["paul"], at=world.clock.now)  # nobody decided on it yet
    world.clock.now += 10 * KEPT
    swept(world)
    assert rows(world) == ([("document.searchable", "waiting")], 2)
    stage.receiver.status = 200
    assert stage.told() == [("document.searchable", world.patients["marie"], waiting)]


def test_a_withdrawal_years_later_goes_to_who_was_told_and_to_nobody_else(stage: Stage) -> None:
    world, marie = stage.world, stage.world.patients["marie"]
    stage.listen()
    document = arrive(stage, "neuf")
    assert stage.told() == [("document.searchable", marie, document)]
    for change in (
        lambda tx: masks.mask(tx, world.documents["neuf"], "test", world.clock.now, world.services.policy),
        lambda tx: masks.unmask(tx, world.documents["neuf"]),
    ):
        with world.services.records.write() as tx:
            change(tx)
        stage.tell()
    assert len(rows(world)[0]) == 3
    world.clock.now += 20 * KEPT
    stage.listen()  # was told nothing
    swept(world)
    assert rows(world) == ([("access.changed", "delivered")], 1)  # the last that names the document
    with world.services.records.write() as tx:
        documents.set_state(tx, world.documents["neuf"], DocumentState.QUARANTINED)
    assert stage.told() == [("document.withdrawn", marie, document)]
    world.clock.now += KEPT + DAY
    swept(world)
    assert rows(world) == ([], 0)


def test_the_time_is_a_setting(stage: Stage) -> None:
    world = stage.world
    stage.listen()
    world.revoke("doctor", "marie")
    stage.tell()
    world.clock.now += 8 * DAY
    swept(world, days=9)
    assert len(rows(world)[0]) == 1
    swept(world, days=7)
    assert rows(world) == ([], 0)
