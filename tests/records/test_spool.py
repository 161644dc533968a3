"""The spool: what it holds survives, is chained in once, and nothing else can be put there."""

from __future__ import annotations

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from records import journal, notifications
from records.journal import Entry
from records.spool import SIZE, Spool
from tests.records.building import NOW, Home, patient


def entry(who: PatientId, number: int = 0) -> Entry:
    return Entry(
        patient_id=who,
        caller_kind="practitioner",
        caller="10001234567",
        on_behalf="",
        role="médecin",
        purpose="care",
        action="emergency",
        outcome="granted",
        documents=(DocumentId("d" * 26), DocumentId("e" * 26)),
        query=None,
        policy_version="1",
        request_id=f"request-{number}",
        at=NOW + timedelta(seconds=number),
        detail="journal-spool",
        basis="consent",
    )


@pytest.fixture
def who(home: Home) -> PatientId:
    with home.records.write() as tx:
        return patient(tx)


@pytest.fixture
def spool(home: Home) -> Spool:
    made = Spool(home.path / "journal.spool", lambda: home.keys.service_key("journal"))
    made.hold()
    return made


def written(home: Home, who: PatientId) -> list[Entry]:
    with home.records.read() as tx:
        assert journal.verify(tx) == []
        return journal.entries_for_audit_without_scope(tx, who, 100)[::-1]


def test_what_is_kept_is_chained_in_with_its_own_time_and_the_patient_told(
    home: Home, who: PatientId, spool: Spool
) -> None:
    kept = [entry(who, number) for number in range(3)]
    for each in kept:
        spool.keep(each)
    assert Spool(home.path / "journal.spool", lambda: home.keys.service_key("journal")).waiting() == kept
    assert spool.drain(home.records) == 3
    assert written(home, who) == kept
    assert spool.waiting() == []
    assert spool.drain(home.records) == 0
    with home.records.read() as tx:
        assert [one.kind for one in notifications.due_without_scope(tx, NOW + timedelta(days=1), 9)] == ["first_access"]
    spool.keep(entry(who, 9))
    assert spool.waiting() == [entry(who, 9)]


def test_a_stop_after_the_journal_took_them_chains_nothing_twice(home: Home, who: PatientId, spool: Spool) -> None:
    spool.keep(entry(who))
    before = (home.path / "journal.spool").read_bytes()
    assert spool.drain(home.records) == 1
    (home.path / "journal.spool").write_bytes(before)
    assert spool.drain(home.records) == 0
    assert written(home, who) == [entry(who)]


def test_a_write_that_was_cut_is_no_entry_and_closes_nothing(home: Home, who: PatientId, spool: Spool) -> None:
    spool.keep(entry(who))
    path = home.path / "journal.spool"
    end = path.read_bytes().rstrip(b"\0")
    with path.open("r+b") as file:  # the body of a second entry, without the length that makes it one
        file.seek(len(end) + 4)
        file.write(os.urandom(200))
    assert spool.waiting() == [entry(who)]
    spool.keep(entry(who, 1))
    assert spool.waiting() == [entry(who), entry(who, 1)]


def test_what_was_changed_is_kept_aside_and_what_is_whole_chained_in(home: Home, who: PatientId, spool: Spool) -> None:
    for number in range(3):
        spool.keep(entry(who, number))
    path = home.path / "journal.spool"
    data = bytearray(path.read_bytes())
    data[len(bytes(data).rstrip(b"\0")) - 20] ^= 1
    path.write_bytes(data)
    with pytest.raises(Refusal) as refused:
        spool.keep(entry(who, 4))
    assert refused.value.code == "spool-damaged"
    assert spool.drain(home.records) == 2
    assert written(home, who) == [entry(who, 0), entry(who, 1)]
    assert [one.read_bytes() for one in home.path.glob("journal.spool.*")] == [bytes(data)]
    spool.keep(entry(who, 4))
    assert spool.waiting() == [entry(who, 4)]


def test_an_entry_of_before_cannot_be_put_back(home: Home, who: PatientId, spool: Spool) -> None:
    spool.keep(entry(who))
    path = home.path / "journal.spool"
    old = path.read_bytes()
    spool.drain(home.records)
    path.write_bytes(path.read_bytes()[:16] + old[16:])
    with pytest.raises(Refusal):
        spool.keep(entry(who, 1))


def test_it_takes_many_cards_and_then_refuses(home: Home, who: PatientId, spool: Spool) -> None:
    shown = tuple(DocumentId(f"{number:026d}") for number in range(2000))
    card = dataclasses.replace(entry(who), documents=shown)
    most = SIZE // (30 * len(shown) + 1000)
    for _ in range(most):
        spool.keep(card)
    assert len(spool.waiting()) == most >= 10
    with pytest.raises(Refusal) as refused:
        spool.keep(dataclasses.replace(card, documents=shown * 2))
    assert refused.value.code == "spool-full"
    assert (home.path / "journal.spool").stat().st_size == SIZE


def test_writers_take_turns(home: Home, who: PatientId, spool: Spool) -> None:
    others = [Spool(home.path / "journal.spool", lambda: home.keys.service_key("journal")) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: others[number % 4].keep(entry(who, number)), range(40)))
    assert {one.request_id for one in spool.waiting()} == {f"request-{number}" for number in range(40)}


def test_the_file_shows_nothing_and_is_its_owners(home: Home, who: PatientId, spool: Spool) -> None:
    spool.keep(entry(who))
    path: Path = home.path / "journal.spool"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not any(word in path.read_bytes() for word in (who.encode(), b"10001234567", b"emergency", b"d" * 26))


def test_holding_again_keeps_what_waits(who: PatientId, spool: Spool) -> None:
    spool.keep(entry(who))
    spool.hold()
    assert spool.waiting() == [entry(who)]
