"""What was given up is seen, sent again, and forgotten by a person or by time; a withdrawal that is owed by a person
alone."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select

from access.refusal import Refusal
from records import deliveries, documents, given_up, journal, tables
from records.content import Metadata
from records.database import Records, Tx
from records.documents import DocumentState
from records.given_up import Dead
from records.webhooks import Webhook
from tests.events.conftest import Stage, on_both_databases
from tests.events.test_forgotten import rows, swept
from tests.events.test_webhooks import arrive
from tests.search_api.test_metrics import value
from tests.search_api.world import DAY

KEPT = 365 * DAY
pytestmark = on_both_databases


@pytest.fixture(autouse=True)
def _given_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MOST_ATTEMPTS", 1)
    monkeypatch.setattr(given_up, "AT_ONCE", 2)


@contextmanager
def refusing(stage: Stage) -> Iterator[None]:
    """The receiver takes nothing meanwhile."""
    stage.receiver.status = 500
    yield
    stage.receiver.status = 204


def dead(stage: Stage, listener: Webhook) -> list[Dead]:
    with stage.world.services.records.read() as tx:
        return list(given_up.dead_without_scope(tx, listener.webhook_id))


def lost(stage: Stage, *names: str) -> list[str]:
    """Documents of which the receiver refuses to hear."""
    with refusing(stage):
        for name in names:
            arrive(stage, name)
        assert stage.tell().dead == len(names)
    return [stage.world.documents[name] for name in names]


def quarantined(stage: Stage, name: str) -> None:
    with stage.world.services.records.write() as tx:
        documents.set_state(tx, stage.world.documents[name], DocumentState.QUARANTINED)


def acts(stage: Stage) -> list[tuple[str, str, str]]:
    """What was forgotten, as the journal of the service's own acts says."""
    with stage.world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, None, 1000)
    return [(each.caller, each.patient_id, each.detail) for each in entries if each.action == "webhook-forget"]


def test_it_is_forgotten_when_its_time_is_over_and_not_before(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    world = stage.world
    listener, other = stage.listen(), stage.listen(kinds=("access.changed",))
    lost(stage, "un", "deux", "trois")
    world.clock.now += KEPT - timedelta(minutes=1)
    swept(world)
    assert rows(world) == ([("document.searchable", "dead")] * 3, 3)
    assert acts(stage) == []
    world.clock.now += timedelta(minutes=2)
    caplog.clear()
    swept(world)
    assert rows(world) == ([], 0)
    told = [("sweep", "", f"{listener.webhook_id} {number}") for number in (2, 1)]
    assert sorted(acts(stage)) == sorted(told)
    said = [one.getMessage() for one in caplog.records if one.name == "anamnese.events"]
    assert len(said) == 1
    assert f"{listener.webhook_id}: 3 given up" in said[0]
    hidden = (*world.patients.values(), *world.documents.values(), "127.0.0.1", "searchable", other.webhook_id)
    assert [one for one in hidden if one in said[0]] == []


def test_the_time_is_a_setting(stage: Stage) -> None:
    world = stage.world
    stage.listen()
    lost(stage, "un")
    world.clock.now += 40 * DAY
    swept(world, days=39, dead_days=41)
    assert rows(world) == ([("document.searchable", "dead")], 1)
    swept(world, days=39, dead_days=39)
    assert rows(world) == ([], 0)


def test_a_withdrawal_that_is_owed_is_forgotten_by_no_time(stage: Stage) -> None:
    """Of what the listener took. Not one of what it never took, nor one after which it heard of the document anew."""
    world, marie = stage.world, stage.world.patients["marie"]
    listener = stage.listen()
    for name in ("pris", "repris"):
        arrive(stage, name)
    assert stage.tell().delivered == 2
    with refusing(stage):
        arrive(stage, "jamais pris", "marie", "11490-0", unique_id="1.2.3")
        arrive(stage, "annulation", "marie", "11490-0")
        assert stage.tell().dead == 2
        quarantined(stage, "pris")
        quarantined(stage, "repris")
        with world.services.records.write() as tx:
            documents.withdraw(tx, world.documents["annulation"], Metadata(cancels=("1.2.3",)))
        assert stage.tell().dead == 3
    assert [one.kind for one in dead(stage, listener)].count("document.withdrawn") == 3
    with world.services.records.write() as tx:
        documents.set_state(tx, world.documents["repris"], DocumentState.SEARCHABLE)
    assert stage.tell().delivered == 1
    (owed,) = (one for one in dead(stage, listener) if one.owed)
    world.clock.now += 20 * KEPT
    swept(world)
    assert [one.delivery for one in dead(stage, listener)] == [owed.delivery]
    with world.services.records.write() as tx:
        assert given_up.redeliver(tx, listener.webhook_id, world.clock.now, [owed.delivery]) == 1
    assert stage.told() == [("document.withdrawn", marie, world.documents["pris"])]


def test_it_is_seen_without_whose_nor_which(stage: Stage) -> None:
    world = stage.world
    listener, other = stage.listen(), stage.listen()
    with refusing(stage):
        arrive(stage, "un")
        assert stage.tell().dead == 2
    (one,) = dead(stage, listener)
    assert (one.webhook_id, one.kind, one.attempts, one.failure) == (
        listener.webhook_id,
        "document.searchable",
        1,
        "status-500",
    )
    assert one.given_up == world.clock.now
    assert not one.owed
    assert one.delivery != dead(stage, other)[0].delivery
    hidden = (*world.patients.values(), *world.documents.values(), "127.0.0.1")
    assert [each for each in hidden if each in str(one.as_dict())] == []


def test_one_of_them_is_sent_again(stage: Stage) -> None:
    world, marie = stage.world, stage.world.patients["marie"]
    listener, other = stage.listen(), stage.listen(kinds=("access.changed",))
    _, second, _ = lost(stage, "un", "deux", "trois")
    numbers = [one.delivery for one in dead(stage, listener)]
    assert len(numbers) == 3
    for webhook, named in ((listener, [numbers[1], 10**9]), (other, numbers[:1])):
        with pytest.raises(Refusal) as refused, world.services.records.write() as tx:
            given_up.redeliver(tx, webhook.webhook_id, world.clock.now, named)
        assert refused.value.code == "no-such-delivery"
    assert stage.told() == []
    with world.services.records.write() as tx:
        assert given_up.redeliver(tx, listener.webhook_id, world.clock.now, numbers[1:2]) == 1
    assert stage.told() == [("document.searchable", marie, second)]
    assert [one.delivery for one in dead(stage, listener)] == [numbers[0], numbers[2]]


def test_what_the_listener_took_something_newer_of_is_not_sent_again(stage: Stage) -> None:
    """The withdrawal of a document that stands again, and the announcement of one that was withdrawn."""
    world, marie = stage.world, stage.world.patients["marie"]
    listener = stage.listen()
    arrive(stage, "repris")
    assert stage.tell().delivered == 1
    with refusing(stage):
        quarantined(stage, "repris")
        assert stage.tell().dead == 1
        arrive(stage, "retiré", "marie", "11490-0", unique_id="1.2.3")
        arrive(stage, "annulation", "marie", "11488-4")
        assert stage.tell().dead == 2
    with world.services.records.write() as tx:
        documents.set_state(tx, world.documents["repris"], DocumentState.SEARCHABLE)
        documents.withdraw(tx, world.documents["annulation"], Metadata(cancels=("1.2.3",)))
    assert ("document.withdrawn", marie, world.documents["retiré"]) in stage.told()
    with world.services.records.write() as tx:
        assert given_up.redeliver(tx, listener.webhook_id, world.clock.now) == 3
    assert stage.told() == [("document.searchable", marie, world.documents["annulation"])]
    assert dead(stage, listener) == []


def test_a_person_forgets_them_and_a_withdrawal_that_is_owed_by_its_number_only(stage: Stage) -> None:
    world = stage.world
    listener, other = stage.listen(), stage.listen()
    arrive(stage, "pris")
    assert stage.tell().delivered == 2
    with refusing(stage):
        arrive(stage, "perdu")
        assert stage.tell().dead == 2
        quarantined(stage, "pris")
        assert stage.tell().dead == 2
    with world.services.records.write() as tx:
        assert given_up.forget(tx, listener.webhook_id) == 1
        assert given_up.forget(tx, listener.webhook_id) == 0
    (owed,) = dead(stage, listener)
    assert (owed.kind, owed.owed) == ("document.withdrawn", True)
    assert len(dead(stage, other)) == 2
    (theirs, _) = dead(stage, other)
    with pytest.raises(Refusal) as refused, world.services.records.write() as tx:
        given_up.forget(tx, listener.webhook_id, [owed.delivery, theirs.delivery])
    assert refused.value.code == "no-such-delivery"
    assert dead(stage, listener) == [owed]
    with world.services.records.write() as tx:
        assert given_up.forget(tx, listener.webhook_id, [owed.delivery]) == 1
    assert dead(stage, listener) == []
    assert len(dead(stage, other)) == 2


def test_what_is_sent_again_while_time_forgets_is_not_forgotten(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    world, write = stage.world, Records.write
    listener = stage.listen()
    lost(stage, "un", "deux")
    first, _ = (one.delivery for one in dead(stage, listener))
    again = iter([first])

    @contextmanager
    def interrupted(records: Records) -> Iterator[Tx]:
        for number in again:
            with write(records) as tx:
                given_up.redeliver(tx, listener.webhook_id, world.clock.now, [number])
        with write(records) as tx:
            yield tx

    world.clock.now += KEPT + DAY
    monkeypatch.setattr(Records, "write", interrupted)
    assert given_up.expire(world.services.records, world.clock.now - KEPT, world.clock.now) == 1
    with world.services.records.read() as tx:
        left = tx.session.scalars(select(tables.Delivery)).all()
        assert [(row.delivery_id, row.state) for row in left] == [(first, "waiting")]


def test_how_many_did_not_arrive_is_measured(stage: Stage) -> None:
    world = stage.world

    def measured() -> tuple[float, float, float]:
        text = world.http.get("/metrics").text
        (oldest,) = re.findall(r"^anamnese_oldest_event_seconds (\S+)", text, re.M)
        counts = [value(text, "anamnese_events_owed", state=state) for state in ("waiting", "dead")]
        assert [one for one in (*world.patients.values(), listener.webhook_id) if one in text] == []
        return counts[0], counts[1], float(oldest)

    listener = stage.listen()
    arrive(stage, "pris")
    stage.tell()
    assert measured() == (0, 0, 0)
    lost(stage, "un", "deux")
    with world.services.records.write() as tx:
        given_up.redeliver(tx, listener.webhook_id, world.clock.now, [dead(stage, listener)[1].delivery])
    world.clock.now += timedelta(seconds=90)
    waiting, abandoned, oldest = measured()
    assert (waiting, abandoned) == (1, 1)
    assert 60 <= oldest < 120  # events carry the machine's time, the clock is the test's


def test_nothing_of_it_is_logged_at_all_where_nothing_is_forgotten(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage.listen()
    arrive(stage, "pris")
    stage.tell()
    stage.world.clock.now += 20 * KEPT
    swept(stage.world)
    assert [one.getMessage() for one in caplog.records if one.name == "anamnese.events"] == []
    assert acts(stage) == []
