"""Deliveries that were given up: seen, sent again, and forgotten by a person or by time.

A withdrawal that is owed, of a document that its listener took and heard nothing newer of, is forgotten by no time:
that system may still show another patient's document. A person forgets it, by its number.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Executable, and_, delete, select, update
from sqlalchemy.orm import aliased

from access.refusal import Refusal
from records import service_acts, tables
from records.database import Records, Tx

log = logging.getLogger("anamnese.events")
AT_ONCE = 500  # rows a transaction
SWEEP = "sweep"
UNKNOWN = Refusal(
    "event",
    "no-such-delivery",
    "Aucun envoi abandonné de ce système n'a ce numéro.",
    "Voyez « anamnese webhooks dead ».",
)
_D, _H = tables.Delivery, tables.Happening


@dataclass(frozen=True, slots=True)
class Dead:
    """One delivery that was given up: not whose, nor of which document. `at`: when what it tells happened. `owed`: a
    withdrawal that no time forgets."""

    delivery: int
    webhook_id: str
    kind: str
    at: datetime
    given_up: datetime
    attempts: int
    failure: str
    owed: bool

    def as_dict(self) -> dict[str, object]:
        """JSON values."""
        return asdict(self) | {"at": self.at.isoformat(), "given_up": self.given_up.isoformat()}


def dead_without_scope(tx: Tx, webhook_id: str) -> Iterator[Dead]:
    """Of one listener, the oldest first; read some at a time."""
    columns = (_D.delivery_id, _D.webhook_id, _D.kind, _H.at, _D.settled_at, _D.attempts, _D.failure)
    asked = select(*columns, _owed()).join(_H, _H.seq == _D.seq).where(_dead(webhook_id)).order_by(_D.delivery_id)
    after = 0
    while rows := tx.session.execute(asked.where(_D.delivery_id > after).limit(AT_ONCE)).all():
        yield from (Dead(*row[:-1], bool(row[-1])) for row in rows)  # type: ignore[arg-type]  # the dead are settled
        after = rows[-1][0]


def redeliver(tx: Tx, webhook_id: str, now: datetime, only: Collection[int] = ()) -> int:
    """Try the dead of a listener again, with all of their attempts, before what waits; how many there were. `only`:
    these; Refusal "no-such-delivery" when one of them is none."""
    values = {"state": "waiting", "attempts": 0, "not_before": now, "settled_at": None}
    return _changed(tx, update(_D).where(_dead(webhook_id, only)).values(values), only)


def forget(tx: Tx, webhook_id: str, only: Collection[int] = ()) -> int:
    """Forget the dead of a listener but for the withdrawals that are owed; how many. `only`: these, whatever they are;
    Refusal "no-such-delivery" when one of them is none."""
    free = () if only else (~_owed(),)
    return _changed(tx, delete(_D).where(_dead(webhook_id, only), *free), only)


def expire(records: Records, before: datetime, now: datetime) -> int:
    """Forget what was given up before then, but for the withdrawals that are owed; how many. Each listener's number is
    journalled in the transaction that forgets, and logged."""
    forgotten: Counter[str] = Counter()
    listeners = select(tables.Webhook.webhook_id)  # by them the index finds the dead among all that is settled
    due = (_D.webhook_id.in_(listeners), _D.state == "dead", _D.settled_at < before, ~_owed())
    while True:
        with records.read() as tx:
            found = tx.session.scalars(select(_D.delivery_id).where(*due).limit(AT_ONCE)).all()
        if not found:
            break
        with records.write() as tx:  # judged again: a person may have sent one again meanwhile
            named = (_D.delivery_id.in_(found), *due)
            gone = Counter(tx.session.scalars(select(_D.webhook_id).where(*named)))
            tx.session.execute(delete(_D).where(*named))
            for webhook_id, number in sorted(gone.items()):
                service_acts.record(tx, "webhook-forget", now, by=SWEEP, detail=f"{webhook_id} {number}")
        forgotten += gone
    for webhook_id, number in sorted(forgotten.items()):
        log.warning("event: listener %s: %d given up before %s forgotten", webhook_id, number, f"{before:%Y-%m-%d}")
    return forgotten.total()


def _changed(tx: Tx, statement: Executable, only: Collection[int]) -> int:
    number = int(tx.session.execute(statement).rowcount)  # type: ignore[attr-defined]
    if only and number != len(set(only)):
        raise UNKNOWN
    return number


def _dead(webhook_id: str, only: Collection[int] = ()) -> ColumnElement[bool]:
    named = (_D.delivery_id.in_(sorted(only)),) if only else ()
    return and_(_D.webhook_id == webhook_id, _D.state == "dead", *named)


def _owed() -> ColumnElement[bool]:
    """A withdrawal of what the listener took before, and heard nothing of since."""
    heard = aliased(_D)
    same = (heard.webhook_id == _D.webhook_id, heard.document_id == _D.document_id, heard.state == "delivered")
    before = select(heard.delivery_id).where(*same, heard.delivery_id < _D.delivery_id).exists()
    since = select(heard.delivery_id).where(*same, heard.delivery_id > _D.delivery_id).exists()
    return and_(_D.kind == "document.withdrawn", before, ~since)
