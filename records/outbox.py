"""The outbox: what the index must follow, in order, with one leased cursor a generation of the index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, func, insert, literal, or_, select, update

from access.identifiers import DocumentId, PatientId
from records import tables
from records.database import Tx
from records.errors import lease_lost
from records.presence import NAME
from records.statements import among, as_set

Operation = Literal["put", "remove"]
_E = tables.OutboxEvent
_EVENTS = select(_E.seq, _E.patient_id, _E.document_id, _E.operation, _E.fence)
_LAST_OF = _EVENTS.where(
    _E.seq.in_(select(func.max(_E.seq)).where(among(_E.document_id, "document_ids")).group_by(_E.document_id))
)
LONGEST_LEASE = timedelta(hours=1)
"""No cursor is leased for longer: a lease that ends later was written before the clock was set back, and is over."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to do to the index. `fence` is the document's at the time of writing."""

    seq: int
    patient_id: PatientId
    document_id: DocumentId
    operation: Operation
    fence: int


def append(tx: Tx, patient_id: PatientId, document_id: DocumentId, operation: Operation, fence: int) -> int:
    """Add an event in the transaction that it tells of; returns its number."""
    row = tables.OutboxEvent(patient_id=patient_id, document_id=document_id, operation=operation, fence=fence)
    tx.session.add(row)
    tx.session.flush()
    return row.seq


def remove_all(tx: Tx, patient_id: PatientId) -> list[DocumentId]:
    """Have every document of one identity forgotten by the index, each under its next fence; returns them.

    Two statements for them all: one by one, 5,000 documents held every other writer up for a quarter of a minute.
    """
    document, event = tables.Document, tables.OutboxEvent
    theirs = document.patient_id == patient_id
    tx.session.execute(update(document).where(theirs).values(fence=document.fence + 1))
    told = select(document.patient_id, document.document_id, literal("remove"), document.fence).where(theirs)
    columns = ["patient_id", "document_id", "operation", "fence"]
    tx.session.execute(insert(event).from_select(columns, told.order_by(document.document_id)))
    return [DocumentId(one) for one in tx.session.scalars(select(document.document_id).where(theirs))]


def after(tx: Tx, seq: int, limit: int) -> list[Event]:
    """Events after number `seq`, in order, at most `limit`."""
    return [_event(row) for row in tx.session.execute(_EVENTS.where(_E.seq > seq).order_by(_E.seq).limit(limit))]


def last_of(tx: Tx, document_ids: Collection[DocumentId]) -> dict[DocumentId, Event]:
    """The last event of each of these documents that has one."""
    rows = tx.session.execute(_LAST_OF, {"document_ids": as_set(document_ids)})
    return {event.document_id: event for event in map(_event, rows)}


def last(tx: Tx) -> int:
    """Number of the last event, 0 before the first."""
    return tx.session.scalar(select(func.max(tables.OutboxEvent.seq))) or 0


def cursor(tx: Tx, generation_name: str) -> int:
    """How far a generation has followed: 0 for one that never did."""
    return tx.session.scalar(select(tables.Cursor.seq).where(tables.Cursor.generation == generation_name)) or 0


def take_cursor(tx: Tx, generation_name: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Become, or stay, the one projector of a generation until now + lease. False while another one is.

    `holder` is `Presence.holder`: taken over from when its process dies, and still the same thread's when the release
    failed.
    """
    if tx.session.get(tables.Cursor, generation_name) is None:
        tx.session.execute(insert(tables.Cursor).values(generation=generation_name, seq=0))
    return _changed(
        tx,
        update(tables.Cursor)
        .where(
            tables.Cursor.generation == generation_name,
            or_(
                tables.Cursor.holder.is_(None),
                tables.Cursor.holder == holder,
                tables.Cursor.leased_until <= now,
                tables.Cursor.leased_until > now + LONGEST_LEASE,
            ),
        )
        .values(holder=holder, leased_until=now + lease),
    )


def advance(tx: Tx, generation_name: str, seq: int, *, holder: str, now: datetime) -> None:
    """Say that events up to `seq` are in the index. Refusal "lease-lost" unless `holder` holds the cursor at `now`.

    A cursor never goes back.
    """
    moved = _changed(
        tx,
        update(tables.Cursor)
        .where(
            tables.Cursor.generation == generation_name,
            tables.Cursor.holder == holder,
            tables.Cursor.leased_until > now,
            tables.Cursor.seq <= seq,
        )
        .values(seq=seq),
    )
    if not moved:
        raise lease_lost()


def release_cursor(tx: Tx, generation_name: str, holder: str) -> None:
    """Let another projector follow at once."""
    tx.session.execute(
        update(tables.Cursor)
        .where(tables.Cursor.generation == generation_name, tables.Cursor.holder == holder)
        .values(holder=None, leased_until=None)
    )


def free(tx: Tx, names: Collection[str]) -> None:
    """Make the leases of these processes (`Presence.dead`) nobody's."""
    tx.session.execute(
        update(tables.Cursor)
        .where(among(func.substr(tables.Cursor.holder, 1, NAME), "names"))
        .values(holder=None, leased_until=None),
        {"names": as_set(names)},
    )


def drop_cursor(tx: Tx, generation_name: str) -> None:
    """Forget a retired generation."""
    tx.session.execute(delete(tables.Cursor).where(tables.Cursor.generation == generation_name))


def drop_cursors(tx: Tx) -> None:
    """Forget every generation: in a restored home none follows these records."""
    tx.session.execute(delete(tables.Cursor))


def _event(row: Any) -> Event:
    operation: Operation = "remove" if row.operation == "remove" else "put"
    return Event(row.seq, PatientId(row.patient_id), DocumentId(row.document_id), operation, row.fence)


def _changed(tx: Tx, statement: object) -> bool:
    return bool(tx.session.execute(statement).rowcount)  # type: ignore[call-overload]
