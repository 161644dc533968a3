"""What is on its way to listeners: in order by patient, tried again later and later, then kept for a person to look at.

waiting     only the oldest of a patient's is tried; those behind it wait
delivered   the listener answered 2xx
withheld    by the time of the delivery the listener might no longer know of it, or knew something newer
dead        given up after MOST_ATTEMPTS; it holds back nothing any more, and a person may send it again

What is delivered or withheld is forgotten after a while (`prune`). What waits is owed, and stays; what is dead is a
person's to send again, and forgotten later (`records/given_up.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, insert, literal_column, or_, select, update
from sqlalchemy.orm import aliased

from access.identifiers import DocumentId, PatientId
from records import tables
from records.database import Records, Tx
from records.events import Event

End = Literal["delivered", "withheld"]
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=30), timedelta(hours=1)
MOST_ATTEMPTS = 125
"""Five days: an hour and four minutes for the first eight, then one an hour."""
PRUNED_AT_ONCE = 500
_D, _H = tables.Delivery, tables.Happening
_WAITING = _D.state == literal_column("'waiting'")  # as the index of what waits says it


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to tell one listener. `attempts`: those made."""

    delivery_id: int
    webhook_id: str
    seq: int
    patient_id: PatientId
    document_id: DocumentId | None
    kind: str
    attempts: int


def add(tx: Tx, webhook_id: str, event: Event, kind: str, document_id: DocumentId | None, now: datetime) -> None:
    """Something to tell a listener, now or as soon as what it must be told before was."""
    tx.session.execute(
        insert(_D).values(
            webhook_id=webhook_id,
            seq=event.seq,
            patient_id=event.patient_id,
            document_id=document_id,
            kind=kind,
            state="waiting",
            attempts=0,
            not_before=now,
            failure="",
        )
    )


def due(tx: Tx, now: datetime, limit: int, without: Collection[str] = ()) -> list[Delivery]:
    """What to send now: of each listener and patient at most one, those least tried first. `without`: listeners."""
    heads = select(func.min(_D.delivery_id)).where(_WAITING).group_by(_D.webhook_id, _D.patient_id)
    waited = or_(_D.not_before <= now, _D.not_before > now + 2 * LONGEST_DELAY)  # the latter: the clock was set back
    rows = tx.session.scalars(
        select(_D)
        .where(_D.delivery_id.in_(heads), waited, _D.webhook_id.not_in(sorted(without)))
        .order_by(_D.attempts, _D.delivery_id)
        .limit(limit)
    )
    return [_delivery(row) for row in rows]


def claim(tx: Tx, one: Delivery, now: datetime) -> bool:
    """Take a delivery for one attempt, which counts before anything leaves: a process that dies has it tried again.
    False when another sender has it."""
    delay = min(FIRST_DELAY * 2 ** min(one.attempts, 16), LONGEST_DELAY)
    free = (_D.delivery_id == one.delivery_id, _D.attempts == one.attempts, _D.state == "waiting")
    return _changed(tx, update(_D).where(*free).values(attempts=one.attempts + 1, not_before=now + delay))


def settle(tx: Tx, one: Delivery, state: End, now: datetime) -> None:
    """It is over, unless a person, or another sender, settled it meanwhile."""
    mine = (_D.delivery_id == one.delivery_id, _D.state == "waiting")
    tx.session.execute(update(_D).where(*mine).values(state=state, failure="", settled_at=now))


def fail(tx: Tx, one: Delivery, failure: str, now: datetime) -> bool:
    """An attempt failed; whether it was the last one."""
    over = one.attempts + 1 >= MOST_ATTEMPTS
    values = {"failure": failure} | ({"state": "dead", "settled_at": now} if over else {})
    mine = (_D.delivery_id == one.delivery_id, _D.attempts == one.attempts + 1, _D.state == "waiting")
    return _changed(tx, update(_D).where(*mine).values(values)) and over


def told_of(tx: Tx, webhook_id: str, document_id: DocumentId, *, arrived: bool = False) -> bool:
    """Whether a listener was told of a document, or will be; `arrived`: was."""
    states = ("delivered",) if arrived else ("delivered", "waiting", "dead")
    named = (_D.webhook_id == webhook_id, _D.document_id == document_id, _D.state.in_(states))
    return tx.session.scalar(select(_D.delivery_id).where(*named).limit(1)) is not None


def overtaken(tx: Tx, one: Delivery) -> bool:
    """Whether the listener took something newer of the same document meanwhile: what was given up and is sent again
    may be true no longer."""
    same = (_D.webhook_id == one.webhook_id, _D.document_id == one.document_id, _D.state == "delivered")
    newer = select(_D.delivery_id).where(*same, _D.delivery_id > one.delivery_id).limit(1)
    return one.document_id is not None and tx.session.scalar(newer) is not None


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of one listener. `failure`: that of the oldest that waits; `oldest`: when what it waits for happened."""

    waiting: int = 0
    dead: int = 0
    delivered: int = 0
    oldest: datetime | None = None
    failure: str = ""

    def as_dict(self) -> dict[str, object]:
        """JSON values."""
        return asdict(self) | {"oldest": None if self.oldest is None else self.oldest.isoformat()}


def backlog_without_scope(tx: Tx, webhook_id: str) -> Backlog:
    """Numbers of one listener, without whose."""

    def counted(state: str) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((_D.state == state, 1), else_=0)), 0)

    counts = select(counted("waiting"), counted("dead"), counted("delivered")).where(_D.webhook_id == webhook_id)
    waiting, dead, delivered = tx.session.execute(counts).one()
    of_event = _H.seq == _D.seq
    first = tx.session.execute(
        select(_H.at, _D.failure)
        .join(_H, of_event)
        .where(and_(_D.webhook_id == webhook_id, _D.state.in_(("waiting", "dead"))))
        .order_by(_D.delivery_id)
        .limit(1)
    ).one_or_none()
    oldest, failure = (None, "") if first is None else (first[0], first[1])
    return Backlog(int(waiting), int(dead), int(delivered), oldest, failure)


@dataclass(frozen=True, slots=True)
class Owed:
    """Of all listeners. `oldest`: when the oldest that waits happened."""

    waiting: int
    dead: int
    oldest: datetime | None


def owed_without_scope(tx: Tx) -> Owed:
    """Numbers of what has not arrived, without whose nor to whom."""
    listeners = select(tables.Webhook.webhook_id)  # by them the index finds what is not settled among all that is
    open_ones = (_D.webhook_id.in_(listeners), _D.state.in_(("waiting", "dead")))
    counted = tx.session.execute(select(_D.state, func.count()).where(*open_ones).group_by(_D.state))
    counts = {state: int(number) for state, number in counted}
    waiting = (_D.webhook_id.in_(listeners), _D.state == "waiting")
    first = select(func.min(_D.seq)).where(*waiting).scalar_subquery()
    oldest = tx.session.scalar(select(_H.at).where(_H.seq == first))
    return Owed(counts.get("waiting", 0), counts.get("dead", 0), oldest)


def prune(records: Records, before: datetime) -> int:
    """Forget deliveries that were settled before then, and events of which nothing more is to be told; how many rows.

    Of each document the last that a listener took stays, unless it was its withdrawal: a withdrawal years later goes to
    who was told (`told_of`). Some at a time, so that nobody waits long for the writer.
    """
    forgotten = 0
    for table, name, found in ((_D, _D.delivery_id, _settled(before)), (_H, _H.seq, _over(before))):
        after = 0
        while True:
            with records.read() as tx:
                gone = tx.session.scalars(found.where(name > after).limit(PRUNED_AT_ONCE)).all()
            if not gone:
                break
            with records.write() as tx:
                tx.session.execute(delete(table).where(name.in_(gone)))
            forgotten, after = forgotten + len(gone), gone[-1]
    return forgotten


def _settled(before: datetime) -> Select[int]:
    later = aliased(_D)
    same = (later.webhook_id == _D.webhook_id, later.document_id == _D.document_id, later.state == "delivered")
    last = ~select(later.delivery_id).where(*same, later.delivery_id > _D.delivery_id).exists()
    taken = and_(_D.state == "delivered", _D.document_id.is_not(None), _D.kind != "document.withdrawn")
    settled = and_(_D.state.in_(("delivered", "withheld")), _D.settled_at < before)
    return select(_D.delivery_id).where(settled, ~and_(taken, last)).order_by(_D.delivery_id)


def _over(before: datetime) -> Select[int]:
    named = select(_D.delivery_id).where(_D.seq == _H.seq).exists()
    return select(_H.seq).where(_H.spread_at < before, ~named).order_by(_H.seq)


def _delivery(row: tables.Delivery) -> Delivery:
    return Delivery(
        row.delivery_id,
        row.webhook_id,
        row.seq,
        PatientId(row.patient_id),
        None if row.document_id is None else DocumentId(row.document_id),
        row.kind,
        row.attempts,
    )


def _changed(tx: Tx, statement: object) -> bool:
    return bool(tx.session.execute(statement).rowcount)  # type: ignore[call-overload]
