"""What a patient wants of their record as a whole: closed or open, and what they opposed beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, insert, select, update

from access.facts import OppositionKind
from access.identifiers import PatientId
from access.scope import Scope
from records import events, tables
from records.database import Tx
from records.opaque import random_id
from records.rights import group

_O = tables.Opposition


@dataclass(frozen=True, slots=True)
class Opposition:
    """One opposition in force."""

    kind: OppositionKind
    recorded_at: datetime


def close_record(tx: Tx, patient_id: PatientId, *, closed: bool) -> None:
    """Close or reopen the record of a person, under all of their identities."""
    ids = tx.session.scalars(group(), {"patient_id": patient_id}).all()
    tx.session.execute(update(tables.Patient).where(tables.Patient.patient_id.in_(ids)).values(closed=closed))
    for each in ids:
        events.note(tx, "access", each)


def is_closed(tx: Tx, scope: Scope) -> bool:
    """Whether the Scope's record is closed; False under an empty Scope."""
    found = select(tables.Patient.closed).where(tables.Patient.patient_id.in_(sorted(scope.identities)))
    return any(tx.session.scalars(found))


def oppose(tx: Tx, patient_id: PatientId, kind: OppositionKind, now: datetime, by: str) -> None:
    """Record an opposition; one that is in force already stays as it is."""
    if tx.session.execute(_in_force(kind), {"patient_id": patient_id}).first() is not None:
        return
    tx.session.execute(
        insert(_O).values(
            opposition_id=random_id(), patient_id=patient_id, kind=kind.value, recorded_by=by, recorded_at=now
        )
    )


def withdraw(tx: Tx, patient_id: PatientId, kind: OppositionKind, now: datetime) -> bool:
    """End an opposition; False when there was none."""
    ids = tx.session.scalars(_in_force(kind), {"patient_id": patient_id}).all()
    tx.session.execute(update(_O).where(_O.opposition_id.in_(ids)).values(withdrawn_at=now))
    return bool(ids)


def list_oppositions(tx: Tx, scope: Scope) -> list[Opposition]:
    """Those in force in the Scope's record, oldest first."""
    rows = tx.session.execute(
        select(_O.kind, _O.recorded_at)
        .where(_O.patient_id.in_(sorted(scope.identities)), _O.withdrawn_at.is_(None))
        .order_by(_O.recorded_at, _O.opposition_id)
    )
    return [Opposition(OppositionKind(row.kind), row.recorded_at) for row in rows]


def _in_force(kind: OppositionKind) -> Select[str]:
    return select(_O.opposition_id).where(_O.patient_id.in_(group()), _O.kind == kind.value, _O.withdrawn_at.is_(None))
