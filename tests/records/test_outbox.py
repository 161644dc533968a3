"""The outbox: ordered, followed by one projector a generation."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from records import outbox
from records.outbox import Event
from tests.records.building import MINUTE, NOW, Home

ONE, DOCUMENT = PatientId("a" * 26), DocumentId("b" * 26)
A, B = "anamnese-0123456789ab", "anamnese-ba9876543210"
LEASE = timedelta(minutes=5)


def test_events_come_in_order_in_pages(home: Home) -> None:
    with home.records.write() as tx:
        assert outbox.last(tx) == 0
        numbers = [outbox.append(tx, ONE, DOCUMENT, "put" if n % 2 else "remove", n) for n in range(1, 6)]
    assert numbers == sorted(set(numbers))
    with home.records.read() as tx:
        assert outbox.last(tx) == numbers[-1]
        page = outbox.after(tx, 0, 2)
        assert page == [Event(numbers[0], ONE, DOCUMENT, "put", 1), Event(numbers[1], ONE, DOCUMENT, "remove", 2)]
        assert [event.seq for event in outbox.after(tx, page[-1].seq, 10)] == numbers[2:]
        assert outbox.after(tx, numbers[-1], 10) == []


def test_one_projector_at_a_time_a_generation(home: Home) -> None:
    with home.records.write() as tx:
        assert outbox.cursor(tx, A) == 0
        assert outbox.take_cursor(tx, A, "p1", NOW, LEASE)
        assert outbox.take_cursor(tx, A, "p1", NOW + MINUTE, LEASE)
        assert not outbox.take_cursor(tx, A, "p2", NOW + MINUTE, LEASE)
        assert outbox.take_cursor(tx, B, "p2", NOW, LEASE)
        outbox.advance(tx, A, 7, holder="p1", now=NOW + MINUTE)
        assert (outbox.cursor(tx, A), outbox.cursor(tx, B)) == (7, 0)
        assert outbox.take_cursor(tx, A, "p2", NOW + MINUTE + LEASE, LEASE)
        outbox.advance(tx, A, 9, holder="p2", now=NOW + MINUTE + LEASE)


@pytest.mark.parametrize(
    ("holder", "seq", "later"), [("p2", 8, MINUTE), ("p1", 8, LEASE), ("p1", 6, MINUTE)], ids=["other", "late", "back"]
)
def test_a_cursor_moves_forward_by_its_holder_in_time_only(home: Home, holder: str, seq: int, later: timedelta) -> None:
    with home.records.write() as tx:
        outbox.take_cursor(tx, A, "p1", NOW, LEASE)
        outbox.advance(tx, A, 7, holder="p1", now=NOW)
    with pytest.raises(Refusal) as refused, home.records.write() as tx:
        outbox.advance(tx, A, seq, holder=holder, now=NOW + later)
    assert refused.value.code == "lease-lost"
    with home.records.read() as tx:
        assert outbox.cursor(tx, A) == 7


def test_a_released_cursor_is_free_and_a_dropped_one_starts_again(home: Home) -> None:
    with home.records.write() as tx:
        outbox.take_cursor(tx, A, "p1", NOW, LEASE)
        outbox.advance(tx, A, 7, holder="p1", now=NOW)
        outbox.release_cursor(tx, A, "p2")
        assert not outbox.take_cursor(tx, A, "p2", NOW, LEASE)
        outbox.release_cursor(tx, A, "p1")
        assert outbox.take_cursor(tx, A, "p2", NOW, LEASE)
        assert outbox.cursor(tx, A) == 7
        outbox.drop_cursor(tx, A)
        assert outbox.cursor(tx, A) == 0


def test_numbers_are_never_given_twice(home: Home) -> None:
    from sqlalchemy import text

    with home.records.write() as tx:
        first = outbox.append(tx, ONE, DOCUMENT, "put", 1)
        tx.session.execute(text("DELETE FROM outbox"))
    with home.records.write() as tx:
        assert outbox.append(tx, ONE, DOCUMENT, "put", 1) > first
