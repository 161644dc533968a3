"""What a patient, or their médecin traitant, is told: an outbox of facts without a name, a specialty or content, and
where to write to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, delete, insert, literal_column, select, update

from access.identifiers import PatientId
from access.scope import Scope
from records import tables
from records.database import Tx
from records.practitioners import practitioner as directory_entry
from records.sealed import seal_json, unseal_json
from records.statements import among, as_set

Kind = Literal["first_access", "break_glass", "attested", "reminder"]
_N, _C = tables.Notification, tables.Contact
_INSERT = insert(tables.core(_N))
FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=6)
MOST_ATTEMPTS = 40
"""About nine days at the longest delay: then it stays in the outbox, unsent, for a person to look at."""
_REMINDER = _N.kind == literal_column("'reminder'")  # as the index of reminders says it
_MOST: ColumnElement[int] = literal_column(
    str(MOST_ATTEMPTS)
)  # as the index of what is due says it: another number needs a migration


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notification that is due, and the address; empty when there is none. `practitioner`: the RPPS of the médecin
    traitant whom it is for; empty: it is for the patient."""

    notification_id: int
    patient_id: PatientId
    kind: str
    at: datetime
    attempts: int
    address: str = field(repr=False)
    practitioner: str = ""


def notify(tx: Tx, patient_id: PatientId, kind: Kind, now: datetime, *, practitioner: str | None = None) -> None:
    """Put something to tell in the outbox, in the transaction of what it tells. The same for a patient and nobody.
    `practitioner`: RPPS of the médecin traitant to tell; None: the patient."""
    row = {"patient_id": patient_id, "kind": kind, "practitioner": practitioner, "at": now}
    tx.session.execute(_INSERT, row | {"attempts": 0, "not_before": now, "sent_at": None})


def due_without_scope(tx: Tx, now: datetime, limit: int) -> list[Waiting]:
    """Notifications to send now, oldest first."""
    rows = tx.session.scalars(
        select(_N)
        .where(_N.sent_at.is_(None), _N.not_before <= now, _N.attempts < _MOST)
        .order_by(_N.not_before, _N.notification_id)
        .limit(limit)
    )
    return [
        Waiting(
            notification_id=row.notification_id,
            patient_id=PatientId(row.patient_id),
            kind=row.kind,
            at=row.at,
            attempts=row.attempts,
            address=_address(tx, row),
            practitioner=row.practitioner or "",
        )
        for row in rows
    ]


def claim(tx: Tx, one: Waiting, now: datetime) -> bool:
    """Take a notification for one attempt. The attempt counts before the mail leaves: a crash sends twice at most
    once in a while, and never for ever. False when another sender has it."""
    delay = min(FIRST_DELAY * 2**one.attempts, LONGEST_DELAY)
    free = (_N.notification_id == one.notification_id, _N.attempts == one.attempts, _N.sent_at.is_(None))
    done = tx.session.execute(update(_N).where(*free).values(attempts=one.attempts + 1, not_before=now + delay))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def sent(tx: Tx, one: Waiting, now: datetime) -> None:
    """It left."""
    tx.session.execute(update(_N).where(_N.notification_id == one.notification_id).values(sent_at=now))


def drop(tx: Tx, one: Waiting) -> None:
    """Whom it was for is not told any more."""
    tx.session.execute(delete(_N).where(_N.notification_id == one.notification_id))


def set_address(tx: Tx, patient_id: PatientId, address: str, now: datetime, *, reminders: bool | None = None) -> None:
    """Where this patient wants to be written to, and whether of reminders too (None: as before); an empty address ends
    both."""
    row = tx.session.get(_C, patient_id)
    if reminders is None:
        reminders = bool(address) and row is not None and _asked(tx, patient_id, row.sealed)
    said = {"mail": address, "reminders": reminders}
    sealed = seal_json(tx.patient_keys(patient_id).columns, said, f"contacts/sealed/{patient_id}")
    if row is None:
        tx.session.execute(insert(_C).values(patient_id=patient_id, sealed=sealed, recorded_at=now))
    else:
        row.sealed, row.recorded_at = sealed, now
        tx.session.flush()


def has_address(tx: Tx, scope: Scope) -> bool:
    """Whether the Scope's patient gave an address."""
    return not scope.is_empty and bool(address_without_scope(tx, scope.patient_id))


def wants_reminders(tx: Tx, scope: Scope) -> bool:
    """Whether the Scope's patient gave an address and asked for reminders."""
    if scope.is_empty:
        return False
    sealed = tx.session.scalar(select(_C.sealed).where(_C.patient_id == scope.patient_id))
    return sealed is not None and _asked(tx, scope.patient_id, sealed)


@dataclass(frozen=True, slots=True)
class Asked:
    """Some of those who gave an address: who wants a reminder, and the last one looked at; None when it was the end."""

    wanted: tuple[PatientId, ...]
    last: PatientId | None


def to_remind_without_scope(tx: Tx, since: datetime, after: PatientId, limit: int) -> Asked:
    """Patients after `after` who asked for reminders and had none since `since`, in the order of their identifiers."""
    rows = tx.session.execute(
        select(_C.patient_id, _C.sealed).where(_C.patient_id > after).order_by(_C.patient_id).limit(limit)
    ).all()
    reminded = select(_N.patient_id).where(among(_N.patient_id, "these"), _REMINDER, _N.at > since)
    # Apart: as a condition of the first, all notifications were read for each batch.
    recent = set(tx.session.scalars(reminded, {"these": as_set([row.patient_id for row in rows])}))
    candidates = ((PatientId(row.patient_id), row.sealed) for row in rows if row.patient_id not in recent)
    wanted = (patient_id for patient_id, sealed in candidates if _asked(tx, patient_id, sealed))
    return Asked(tuple(wanted), PatientId(rows[-1].patient_id) if len(rows) == limit else None)


def reminded_since(tx: Tx, patient_id: PatientId, since: datetime) -> bool:
    """Whether a reminder was put in the outbox since then."""
    recent = select(_N.notification_id).where(_N.patient_id == patient_id, _REMINDER, _N.at > since)
    return tx.session.scalar(recent.limit(1)) is not None


def _asked(tx: Tx, patient_id: PatientId, sealed: bytes) -> bool:
    if not tx.keys.has_patient_key(patient_id):
        return False  # erased: the row goes next
    said = unseal_json(tx.patient_keys(patient_id).columns, sealed, f"contacts/sealed/{patient_id}")
    return bool(said["mail"] and said.get("reminders", False))


def _address(tx: Tx, row: tables.Notification) -> str:
    if row.practitioner is None:
        return address_without_scope(tx, PatientId(row.patient_id))
    known = directory_entry(tx, row.practitioner)
    return "" if known is None else known.mail


def address_without_scope(tx: Tx, patient_id: PatientId) -> str:
    """The address, for who sends; empty when there is none."""
    sealed = tx.session.scalar(select(_C.sealed).where(_C.patient_id == patient_id))
    if sealed is None:
        return ""
    return str(unseal_json(tx.patient_keys(patient_id).columns, sealed, f"contacts/sealed/{patient_id}")["mail"])
