"""When a professional last looked at a record: the first time is told to the patient, the last says what is new."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update

from access.identifiers import PatientId
from access.scope import CallerKind, Scope
from records import tables
from records.database import Tx
from records.notifications import notify

_V = tables.Visitor
APART = timedelta(hours=4)
"""Looks closer together than this are one visit: half a day's clinic."""
FINE = timedelta(minutes=5)
"""A look so soon after the last one is not written: a search costs no write more than its journal."""
_LAST = select(_V.seen_at, _V.before_at).where(
    _V.patient_id == bindparam("patient_id"), _V.caller == bindparam("caller")
)


def note_visit(tx: Tx, patient_id: PatientId, caller: str, now: datetime, *, in_passing: bool = False) -> None:
    """Remember who looked, and when; the first time is told. `in_passing`: a look at many records, which is a visit of
    none: what is new stays new."""
    found = tx.session.execute(_LAST, {"patient_id": patient_id, "caller": caller}).first()
    if found is None:
        tx.session.execute(insert(_V).values(patient_id=patient_id, caller=caller, seen_at=None if in_passing else now))
        notify(tx, patient_id, "first_access", now)
    elif not in_passing and (found.seen_at is None or now - found.seen_at >= FINE):
        before = _before(found.seen_at, found.before_at, now)
        mine = (_V.patient_id == patient_id, _V.caller == caller)
        tx.session.execute(update(_V).where(*mine).values(seen_at=now, before_at=before))


def last_visit(tx: Tx, scope: Scope, now: datetime) -> datetime | None:
    """The end of the visit before this one to the Scope's record, by a professional; None when this is the first."""
    if scope.is_empty or scope.caller.kind is not CallerKind.PRACTITIONER:
        return None
    found = tx.session.execute(_LAST, {"patient_id": scope.patient_id, "caller": scope.caller.id}).first()
    return None if found is None else _before(found.seen_at, found.before_at, now)


def _before(seen: datetime | None, before: datetime | None, now: datetime) -> datetime | None:
    """End of the visit before the one that `now` belongs to. A clock put back makes no visit end in the future."""
    if seen is not None and now - seen >= APART:
        return seen
    return before
