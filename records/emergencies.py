"""Break-glass as recorded: attempts, openings with their extensions, and the auditor's review."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, insert, select, update

from access.identifiers import PatientId
from access.policy import Policy
from access.scope import Caller
from records import events, tables
from records.database import Tx
from records.opaque import random_id

_E, _A = tables.Emergency, tables.Attempt
REASONS = ("unconscious", "life_threatening", "cannot_consent", "other")
"""One tap: unconscious or confused, a vital emergency, unable to express themselves, something else."""
Verdict = Literal["justified", "unjustified"]


@dataclass(frozen=True, slots=True)
class Emergency:
    """One opening."""

    emergency_id: str
    patient_id: PatientId
    practitioner: str
    reason: str
    opened_at: datetime
    valid_until: datetime
    extensions: int
    reviewed_at: datetime | None
    verdict: str | None


def as_dict(one: Emergency) -> dict[str, object]:
    """An opening as JSON values, in the order of its fields."""
    times = {"opened_at": one.opened_at.isoformat(), "valid_until": one.valid_until.isoformat()}
    reviewed = None if one.reviewed_at is None else one.reviewed_at.isoformat()
    return dataclasses.asdict(one) | times | {"reviewed_at": reviewed}


def attempts_since(tx: Tx, caller: str, kind: str, since: datetime) -> int:
    """How often this caller knocked since then, whoever the patient."""
    counted = select(func.count()).select_from(_A).where(_A.caller == caller, _A.kind == kind, _A.at > since)
    return int(tx.session.scalar(counted) or 0)


def note_attempt(tx: Tx, caller: str, kind: str, now: datetime) -> None:
    """Record a knock."""
    tx.session.execute(insert(_A).values(caller=caller, kind=kind, at=now))


def break_glass(
    tx: Tx, patient_id: PatientId, caller: Caller, reason: str, now: datetime, policy: Policy
) -> tuple[str, datetime]:
    """Open an emergency access, or extend the one that is open; its id and its end."""
    events.note(tx, "emergency", patient_id, at=now, organizations=caller.organizations)
    mine = (_E.patient_id == patient_id, _E.practitioner == caller.id, _E.ended_at.is_(None))
    found = tx.session.scalars(
        select(_E).where(*mine, _E.valid_until > now, _E.opened_at > now - policy.break_glass_longest)
    ).first()
    if found is not None:
        found.valid_until = min(now + policy.break_glass_for, found.opened_at + policy.break_glass_longest)
        found.extensions += 1
        tx.session.flush()
        return found.emergency_id, found.valid_until
    emergency_id, until = random_id(), now + policy.break_glass_for
    tx.session.execute(
        insert(_E).values(
            emergency_id=emergency_id,
            patient_id=patient_id,
            practitioner=caller.id,
            reason=reason,
            opened_at=now,
            valid_until=until,
            extensions=0,
        )
    )
    return emergency_id, until


def end_emergency(tx: Tx, patient_id: PatientId, practitioner: str, now: datetime) -> None:
    """The professional is done before the time is up."""
    mine = (_E.patient_id == patient_id, _E.practitioner == practitioner, _E.ended_at.is_(None))
    tx.session.execute(update(_E).where(*mine).values(ended_at=now))


def emergencies_for_audit_without_scope(tx: Tx, *, unreviewed: bool, limit: int) -> list[Emergency]:
    """Openings, newest first, for the auditor."""
    found = select(_E).order_by(_E.opened_at.desc(), _E.emergency_id).limit(limit)
    if unreviewed:
        found = found.where(_E.reviewed_at.is_(None))
    return [
        Emergency(
            emergency_id=row.emergency_id,
            patient_id=PatientId(row.patient_id),
            practitioner=row.practitioner,
            reason=row.reason,
            opened_at=row.opened_at,
            valid_until=row.valid_until,
            extensions=row.extensions,
            reviewed_at=row.reviewed_at,
            verdict=row.verdict,
        )
        for row in tx.session.scalars(found)
    ]


def review_emergency(tx: Tx, emergency_id: str, verdict: Verdict, now: datetime, by: str) -> PatientId | None:
    """Keep the auditor's verdict; the patient whose record was opened, or None when there is no such opening."""
    patient_id = tx.session.scalar(select(_E.patient_id).where(_E.emergency_id == emergency_id))
    if patient_id is None:
        return None
    values = {"reviewed_by": by, "reviewed_at": now, "verdict": verdict}
    tx.session.execute(update(_E).where(_E.emergency_id == emergency_id).values(values))
    return PatientId(patient_id)
