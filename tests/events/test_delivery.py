"""Nothing is lost and a patient's events keep their order: receivers that are down, processes that are killed."""

from __future__ import annotations

import dataclasses
import itertools
import re
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from access.scope import CallerKind
from records import deliveries, given_up, tables
from records.deliveries import FIRST_DELAY, LONGEST_DELAY, MOST_ATTEMPTS
from search_api.egress import Egress
from search_api.webhooks import tell
from tests.events.conftest import Stage, on_both_databases
from tests.events.receiver import Receiver, receiving
from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.world import World

ROOT = Path(__file__).resolve().parents[2]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TELL = """
import ipaddress, sys
from datetime import datetime
from pathlib import Path
from records.database import Records
from records.keys import KeyStore
from records.policy import load_policy
from records.postgres import Server
from search_api.egress import Egress
from search_api.webhooks import Teller, tell
home = Path(sys.argv[1])
keys = KeyStore.open(home)
server = Server(sys.argv[3]) if sys.argv[3:] else None
records = Records.open(home / "records.db", keys, server=server)
print("ready", flush=True)
sys.stdin.readline()
egress = Egress((ipaddress.ip_network("127.0.0.0/8"),), plain=True)
tell(Teller(records, load_policy(), egress), datetime.fromisoformat(sys.argv[2]))
records.close()
keys.close()
"""
Sequence = dict[str, list[tuple[str, str | None]]]


def happen(stage: Stage, round_: int) -> None:
    """Two documents of each patient, and an access that changes."""
    world = stage.world
    for name in ("marie", "paul"):
        for number in range(2):
            world.clock.now += timedelta(seconds=1)
            world.deposit(f"{name} {round_} {number}", name, f"Compte rendu {name} {round_} {number}.")
            world.work()
    world.revoke("à l'hôpital", "marie") if round_ % 2 else hospital(world)


def hospital(world: World) -> None:
    world.grant("à l'hôpital", "marie", "750000001", grantee_kind="organization")


def expected(world: World) -> Sequence:
    """What was decided to be told, by patient, in order."""
    told: Sequence = defaultdict(list)
    with world.services.records.read() as tx:
        for row in tx.session.scalars(select(tables.Delivery).order_by(tables.Delivery.seq)):
            told[row.patient_id].append((row.kind, row.document_id))
    return dict(told)


def states(world: World) -> list[tuple[int, str]]:
    with world.services.records.read() as tx:
        return [(row.delivery_id, row.state) for row in tx.session.scalars(select(tables.Delivery))]


def teller_process(stage: Stage) -> subprocess.Popen[str]:
    """Another process of the service, that delivers once it is told to begin."""
    where = [] if stage.server is None else [stage.server.url]
    command = [sys.executable, "-c", TELL, str(stage.world.home), stage.world.clock.now.isoformat(), *where]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def started(*processes: subprocess.Popen[str]) -> None:
    """All of them begin at once, when all are ready."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def arrived(receiver: Receiver) -> Sequence:
    """What arrived, by patient, in order; the same thing again at once counts once."""
    told: Sequence = defaultdict(list)
    for got in receiver.got:
        kind, patient, document = got.told
        told[str(patient)].append((kind, document))
    return {patient: [one for one, _ in itertools.groupby(them)] for patient, them in told.items()}


def grant_paul(stage: Stage) -> None:
    stage.world.grant("paul à l'hôpital", "paul", "750000001", grantee_kind="organization")


def test_a_receiver_that_is_down_for_an_hour_gets_everything_in_order(stage: Stage) -> None:
    world = stage.world
    grant_paul(stage)
    listener = stage.listen()
    world.clock.now += MINUTE
    for minute in range(60):  # nobody listens on that port: the connection is refused
        if minute % 20 == 0:
            happen(stage, minute // 20)
        with_nobody(stage)
        world.clock.now += MINUTE
    assert stage.receiver.got == []
    with world.services.records.read() as tx:
        backlog = deliveries.backlog_without_scope(tx, listener.webhook_id)
    assert (backlog.delivered, backlog.dead, backlog.failure) == (0, 0, "unreachable")
    assert backlog.waiting == 15
    for _ in range(62):  # the longest delay is an hour
        stage.tell()
        world.clock.now += MINUTE
    assert arrived(stage.receiver) == expected(world)
    assert len(stage.receiver.got) == 15
    assert stage.tell().as_dict() == {"delivered": 0, "failed": 0, "withheld": 0, "dead": 0}


class Nowhere(Egress):
    """The receiver's machine does not answer: port 1 of this one is nobody's."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> str:
        return super().post(re.sub(r":\d+/", ":1/", url), headers, body)


def with_nobody(stage: Stage) -> None:
    """One look while the receiver is down."""
    nowhere = Nowhere(stage.teller.egress.networks, plain=True)
    tell(dataclasses.replace(stage.teller, egress=nowhere), stage.world.clock.now)


@on_both_databases
def test_a_process_killed_while_it_delivers_loses_nothing(stage: Stage) -> None:
    world = stage.world
    grant_paul(stage)
    stage.listen()
    for round_ in range(2):
        happen(stage, round_)
    stage.receiver.hold_from = 3
    with teller_process(stage) as process:
        started(process)
        stage.receiver.wait(3)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    stage.receiver.hold_from = None
    stage.receiver.released.set()
    world.clock.now += HOUR
    for _ in range(3):
        stage.tell()
        world.clock.now += HOUR
    told = expected(world)
    total = sum(len(them) for them in told.values())
    assert arrived(stage.receiver) == told
    assert total >= 8
    assert len(stage.receiver.got) == total + 1  # what was cut came twice
    assert len({got.headers["webhook-id"] for got in stage.receiver.got}) == total  # and under its first name


@on_both_databases
def test_a_later_event_waits_for_the_earlier_one_of_its_patient_only(stage: Stage) -> None:
    world = stage.world
    grant_paul(stage)
    stage.listen()
    world.deposit("un", "marie", "Premier.")
    world.work()
    stage.receiver.status = 500
    assert stage.tell().failed == 1
    world.deposit("deux", "marie", "Second.")
    world.deposit("trois", "paul", "Troisième.")
    world.work()
    stage.receiver.status = 204
    before = len(stage.receiver.got)
    assert stage.told() == [("document.searchable", world.patients["paul"], world.documents["trois"])]
    world.clock.now += MINUTE
    assert stage.told() == [
        ("document.searchable", world.patients["marie"], world.documents["un"]),
        ("document.searchable", world.patients["marie"], world.documents["deux"]),
    ]
    assert before == 1


def test_one_dead_receiver_does_not_hold_up_another(stage: Stage) -> None:
    world = stage.world
    grant_paul(stage)
    with receiving() as gone:
        away = gone.url
    stage.listen()
    live, stage.receiver.url = stage.receiver.url, away
    dead = stage.listen()
    stage.receiver.url = live
    happen(stage, 0)
    done = stage.tell()
    assert (done.delivered, done.failed) == (5, 1)  # of the dead one, only the first is tried in a look
    with world.services.records.read() as tx:
        assert deliveries.backlog_without_scope(tx, dead.webhook_id).waiting == 5


def test_it_is_given_up_after_five_days() -> None:
    delays = (min(FIRST_DELAY * 2 ** min(n, 16), LONGEST_DELAY) for n in range(MOST_ATTEMPTS - 1))
    assert timedelta(days=4.5) < sum(delays, timedelta()) < timedelta(days=5.5)


@on_both_databases
def test_what_is_given_up_is_seen_holds_nothing_back_and_is_sent_again_by_hand(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MOST_ATTEMPTS", 10)
    world = stage.world
    listener = stage.listen()
    world.deposit("un", "marie", "Premier.")
    world.work()
    stage.receiver.status = 400
    for _ in range(9):
        assert stage.tell().failed == 1
        assert stage.tell().failed == 0
        world.clock.now += HOUR
    assert stage.tell().dead == 1
    world.clock.now += 30 * HOUR
    assert stage.told() == []
    shown = world.http.get("/v1/service/webhooks", headers=world.bearer(role=CallerKind.ADMINISTRATOR)).json()
    (mine,) = shown["webhooks"]
    assert (mine["webhook_id"], mine["dead"], mine["failure"]) == (listener.webhook_id, 1, "status-400")
    stage.receiver.status = 200
    world.deposit("deux", "marie", "Second.")
    world.work()
    marie = world.patients["marie"]
    assert stage.told() == [("document.searchable", marie, world.documents["deux"])]
    with world.services.records.write() as tx:
        assert given_up.redeliver(tx, listener.webhook_id, world.clock.now) == 1
        assert given_up.redeliver(tx, listener.webhook_id, world.clock.now) == 0
    assert stage.told() == [("document.searchable", marie, world.documents["un"])]


@on_both_databases
def test_a_delivery_is_one_senders(stage: Stage) -> None:
    world = stage.world
    stage.listen()
    world.deposit("un", "marie", "Premier.")
    world.work()
    stage.receiver.status = 500
    stage.tell()
    world.clock.now += HOUR
    with world.services.records.write() as tx:
        (one,) = deliveries.due(tx, world.clock.now, 10)
        assert [deliveries.claim(tx, one, world.clock.now) for _ in range(2)] == [True, False]
        assert deliveries.due(tx, world.clock.now, 10) == []


@on_both_databases
def test_a_clock_that_was_set_back_does_not_silence_it(stage: Stage) -> None:
    world = stage.world
    stage.listen()
    world.deposit("un", "marie", "Premier.")
    world.work()
    stage.receiver.status = 500
    stage.tell()
    stage.receiver.status = 204
    world.clock.now -= timedelta(days=2)
    assert stage.tell().delivered == 1


@on_both_databases
def test_two_who_deliver_at_once_send_each_thing_once_and_in_order(stage: Stage) -> None:
    """Each has a message on its way before either is answered."""
    world = stage.world
    grant_paul(stage)
    stage.listen()
    for round_ in range(2):
        happen(stage, round_)
    stage.receiver.together = threading.Barrier(2)
    with teller_process(stage) as one, teller_process(stage) as other:
        started(one, other)
    assert (one.returncode, other.returncode) == (0, 0)
    told = expected(world)
    assert len(told) == 2
    assert arrived(stage.receiver) == told
    assert len(stage.receiver.got) == sum(map(len, told.values())) >= 8
    assert {state for _, state in states(world)} == {"delivered"}


@pytest.mark.parametrize("who", [DOCTOR, TRAITANT, "patient"])
def test_only_who_keeps_the_service_or_audits_it_sees_who_listens(stage: Stage, who: str) -> None:
    world = stage.world
    headers = world.as_patient("marie") if who == "patient" else world.bearer(who)
    refused = world.http.get("/v1/service/webhooks", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "act-not-allowed")


def test_what_the_administrator_sees_holds_no_patient_no_address_no_secret(stage: Stage) -> None:
    world = stage.world
    listener = stage.listen()
    happen(stage, 0)
    stage.tell()
    text = world.http.get("/v1/service/webhooks", headers=world.bearer(role=CallerKind.AUDITOR)).text
    hidden = (*world.patients.values(), *world.documents.values(), listener.secret, "127.0.0.1", "recu")
    assert [each for each in hidden if each in text] == []
    assert '"delivered":3' in text
