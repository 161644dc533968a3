"""What happened that another system may have to know: rows written in the transaction of what they tell.

An event says what is recorded, of everybody; whom it is told, and as what, `search_api.webhooks` decides by a Scope.
Nothing is written while nobody listens: a listener is told of what happens from its registration on.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

from sqlalchemy import func, insert, select, update

from access.identifiers import DocumentId, PatientId
from records import tables
from records.database import Tx
from records.opaque import random_id

What = Literal["searchable", "replaced", "withdrawn", "gone", "masked", "unmasked", "access", "emergency"]
"""gone: refused or quarantined, perhaps after it was searchable. access: a grant, a block, a closure, a merge."""
_H = tables.Happening
_LISTENED = select(tables.Webhook.webhook_id).limit(1)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one record, or one document of it."""

    seq: int
    event_id: str
    patient_id: PatientId
    document_id: DocumentId | None
    what: What
    organizations: frozenset[str]
    at: datetime


def note(
    tx: Tx,
    what: What,
    patient_id: str,
    document_id: str | None = None,
    *,
    at: datetime | None = None,
    organizations: Collection[str] = (),
) -> None:
    """Write down what this transaction does. `at`: when, by the clock of the act where it has one, else now."""
    if tx.session.scalar(_LISTENED) is None:
        return
    tx.session.execute(
        insert(_H).values(
            event_id=random_id(),
            patient_id=patient_id,
            document_id=document_id,
            kind=what,
            organizations=json.dumps(sorted(organizations)),
            at=at or datetime.now(UTC),
        )
    )


def last(tx: Tx) -> int:
    """Number of the last event, 0 before the first."""
    return tx.session.scalar(select(func.max(_H.seq))) or 0


def unspread(tx: Tx, limit: int) -> list[Event]:
    """The oldest events of which nobody decided yet whom they are told."""
    rows = tx.session.scalars(select(_H).where(_H.spread_at.is_(None)).order_by(_H.seq).limit(limit))
    return [_event(row) for row in rows]


def spread(tx: Tx, event: Event, now: datetime) -> None:
    """It was decided."""
    tx.session.execute(update(_H).where(_H.seq == event.seq).values(spread_at=now))


def event_without_scope(tx: Tx, seq: int) -> Event:
    """The event of this number, for who delivers it."""
    return _event(tx.session.get_one(_H, seq))


def _event(row: tables.Happening) -> Event:
    return Event(
        seq=row.seq,
        event_id=row.event_id,
        patient_id=PatientId(row.patient_id),
        document_id=None if row.document_id is None else DocumentId(row.document_id),
        what=cast(What, row.kind),
        organizations=frozenset(json.loads(row.organizations)),
        at=row.at,
    )
