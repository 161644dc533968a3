"""Grants and blocks as recorded acts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, func, insert, or_, select, update

from access.categories import Category
from access.identifiers import PatientId
from access.scope import Scope
from records import events, tables
from records.database import Tx
from records.opaque import random_id
from records.rights import access_facts, group, named

__all__ = [
    "Grant",
    "access_facts",
    "add_grant",
    "block",
    "grants_without_scope",
    "in_force_without_scope",
    "list_blocks",
    "list_grants",
    "revoke_all",
    "revoke_grant",
    "unblock",
]
_T = tables.Grant


@dataclass(frozen=True, slots=True)
class Grant:
    """One recorded act. `grantee` is an RPPS, a FINESS or a team id by `grantee_kind`; categories None is all."""

    grant_id: str
    patient_id: PatientId
    grantee_kind: str
    grantee: str
    kind: str
    categories: frozenset[Category] | None
    valid_from: datetime
    valid_until: datetime | None
    recorded_by: str
    recorded_at: datetime
    revoked_at: datetime | None = None


def add_grant(
    tx: Tx,
    *,
    patient_id: PatientId,
    grantee_kind: str,
    grantee: str,
    kind: str,
    categories: frozenset[Category] | None,
    valid_from: datetime,
    valid_until: datetime | None,
    recorded_by: str,
    now: datetime,
) -> Grant:
    """Record a grant, live for valid_from <= instant < valid_until."""
    grant = Grant(
        grant_id=random_id(),
        patient_id=patient_id,
        grantee_kind=grantee_kind,
        grantee=grantee,
        kind=kind,
        categories=categories,
        valid_from=valid_from,
        valid_until=valid_until,
        recorded_by=recorded_by,
        recorded_at=now,
    )
    tx.session.execute(
        insert(_T).values(
            grant_id=grant.grant_id,
            patient_id=patient_id,
            kind=kind,
            grantee_kind=grantee_kind,
            grantee=grantee,
            categories=None if categories is None else json.dumps(sorted(categories)),
            valid_from=valid_from,
            valid_until=valid_until,
            recorded_by=recorded_by,
            recorded_at=now,
        )
    )
    events.note(tx, "access", patient_id, at=now)
    return grant


def revoke_grant(tx: Tx, grant_id: str, patient_id: PatientId, now: datetime, by: str) -> bool:
    """End a grant of this patient from the next request on. False when there is none, or it was revoked before."""
    statement = (
        update(_T)
        .where(_T.grant_id == grant_id, _T.patient_id == patient_id, _T.revoked_at.is_(None))
        .values(revoked_at=now, revoked_by=by)
    )
    done = bool(tx.session.execute(statement).rowcount)  # type: ignore[attr-defined]
    if done:
        events.note(tx, "access", patient_id, at=now)
    return done


def in_force_without_scope(tx: Tx, now: datetime) -> int:
    """How many grants are live at `now`, of all patients: after a restore, those that may have been revoked since."""
    live = and_(_T.revoked_at.is_(None), _T.valid_from <= now, or_(_T.valid_until.is_(None), _T.valid_until > now))
    return tx.session.scalar(select(func.count()).select_from(_T).where(live)) or 0


def revoke_all(tx: Tx, now: datetime, by: str) -> int:
    """End every grant that was not revoked. Returns how many."""
    for patient_id in tx.session.scalars(select(_T.patient_id).where(_T.revoked_at.is_(None)).distinct()).all():
        events.note(tx, "access", patient_id, at=now)
    statement = update(_T).where(_T.revoked_at.is_(None)).values(revoked_at=now, revoked_by=by)
    return int(tx.session.execute(statement).rowcount)  # type: ignore[attr-defined]


def list_grants(tx: Tx, scope: Scope) -> list[Grant]:
    """Every grant of the Scope's record, live, expired or revoked, newest first; none under an empty Scope."""
    if scope.is_empty:
        return []
    found = [grant for patient_id in scope.identities for grant in grants_without_scope(tx, patient_id)]
    return sorted(found, key=lambda grant: (grant.recorded_at, grant.grant_id), reverse=True)


def grants_without_scope(tx: Tx, patient_id: PatientId) -> list[Grant]:
    """Every grant recorded for one identity, oldest first, for administration."""
    rows = tx.session.scalars(
        select(_T)
        .where(_T.patient_id == patient_id)
        .order_by(_T.recorded_at, _T.grant_id)
        .execution_options(populate_existing=True)
    )
    return [
        Grant(
            grant_id=row.grant_id,
            patient_id=PatientId(row.patient_id),
            grantee_kind=row.grantee_kind,
            grantee=row.grantee,
            kind=row.kind,
            categories=named(row.categories),
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            recorded_by=row.recorded_by,
            recorded_at=row.recorded_at,
            revoked_at=row.revoked_at,
        )
        for row in rows
    ]


def block(tx: Tx, patient_id: PatientId, practitioner: str, now: datetime, by: str) -> None:
    """Record that the patient refuses this professional; nothing they hold opens the record."""
    unblock(tx, patient_id, practitioner)
    tx.session.execute(
        insert(tables.Block).values(patient_id=patient_id, practitioner=practitioner, recorded_by=by, recorded_at=now)
    )
    events.note(tx, "access", patient_id, at=now)


def list_blocks(tx: Tx, scope: Scope) -> list[str]:
    """The professionals whom the Scope's patient refuses, by RPPS."""
    found = select(tables.Block.practitioner).where(tables.Block.patient_id.in_(sorted(scope.identities)))
    return sorted(set(tx.session.scalars(found)))


def unblock(tx: Tx, patient_id: PatientId, practitioner: str) -> bool:
    """Lift a block under every identity of the person; False when there was none."""
    theirs = (tables.Block.patient_id.in_(group()), tables.Block.practitioner == practitioner)
    statement = delete(tables.Block).where(*theirs).execution_options(synchronize_session=False)
    lifted = bool(tx.session.execute(statement, {"patient_id": patient_id}).rowcount)  # type: ignore[attr-defined]
    if lifted:
        events.note(tx, "access", patient_id)
    return lifted
