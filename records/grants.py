"""Grants and blocks as recorded acts, and what a decision about one caller and one patient must know."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import aliased

from access.categories import Category
from access.decide import AccessFacts, GrantFact
from access.identifiers import DocumentId, PatientId
from access.scope import Caller, Scope
from records import tables
from records.database import Tx
from records.opaque import random_id

_T = tables.Grant


def _group() -> Select[str]:
    """Every identity of the person :patient_id: those merged into the same one, that one, itself. None for nobody."""
    asked, other = tables.Patient, aliased(tables.Patient)
    root = select(func.coalesce(asked.merged_into, asked.patient_id)).where(asked.patient_id == bindparam("patient_id"))
    same = func.coalesce(other.merged_into, other.patient_id) == root.scalar_subquery()
    return select(other.patient_id).where(same)


_D = tables.Document
_PEOPLE = select(tables.Patient.patient_id, tables.Patient.closed).where(tables.Patient.patient_id.in_(_group()))
_BLOCKS = select(tables.Block.practitioner).where(
    tables.Block.patient_id.in_(_group()), tables.Block.practitioner == bindparam("caller")
)
_GRANTS = (
    select(
        _T.grant_id,
        _T.kind,
        _T.grantee_kind,
        _T.grantee,
        _T.categories,
        _T.valid_from,
        _T.valid_until,
        _T.revoked_at,
    )
    .where(_T.patient_id.in_(_group()))
    .order_by(_T.grant_id)
)
_HIDDEN = select(_D.document_id, _D.masked, _D.hidden_from_patient, _D.status, _D.deposited_by).where(
    _D.patient_id.in_(_group()), or_(_D.masked, _D.hidden_from_patient, _D.status != "approved")
)


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
    return grant


def revoke_grant(tx: Tx, grant_id: str, patient_id: PatientId, now: datetime, by: str) -> bool:
    """End a grant of this patient from the next request on. False when there is none, or it was revoked before."""
    statement = (
        update(_T)
        .where(_T.grant_id == grant_id, _T.patient_id == patient_id, _T.revoked_at.is_(None))
        .values(revoked_at=now, revoked_by=by)
    )
    return bool(tx.session.execute(statement).rowcount)  # type: ignore[attr-defined]


def in_force_without_scope(tx: Tx, now: datetime) -> int:
    """How many grants are live at `now`, of all patients: after a restore, those that may have been revoked since."""
    live = and_(_T.revoked_at.is_(None), _T.valid_from <= now, or_(_T.valid_until.is_(None), _T.valid_until > now))
    return tx.session.scalar(select(func.count()).select_from(_T).where(live)) or 0


def revoke_all(tx: Tx, now: datetime, by: str) -> int:
    """End every grant that was not revoked. Returns how many."""
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
            categories=_categories(row.categories),
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


def unblock(tx: Tx, patient_id: PatientId, practitioner: str) -> bool:
    """Lift a block; False when there was none."""
    statement = delete(tables.Block).where(
        tables.Block.patient_id == patient_id, tables.Block.practitioner == practitioner
    )
    return bool(tx.session.execute(statement).rowcount)  # type: ignore[attr-defined]


def access_facts(tx: Tx, caller: Caller, patient_id: PatientId, now: datetime) -> AccessFacts:  # noqa: ARG001
    """What is recorded about a caller and a patient, for `access.decide`.

    The same four statements run whether or not the patient exists, is closed, has blocked or granted. Grants are given
    live or not: `decide` alone compares instants with `now`. `authored` names only documents that are hidden in some
    way, the only ones for which it matters.
    """
    who = {"patient_id": patient_id}
    people = tx.session.execute(_PEOPLE, who).all()
    blocked = tx.session.scalars(_BLOCKS, who | {"caller": caller.id}).all()
    grants = tx.session.execute(_GRANTS, who).all()
    hidden = tx.session.execute(_HIDDEN, who).all()
    return AccessFacts(
        patient_id=patient_id,
        exists=bool(people),
        closed=any(person.closed for person in people),
        blocked=bool(blocked),
        identities=frozenset(PatientId(person.patient_id) for person in people),
        grants=tuple(GrantFact(g[0], g[1], g[2], g[3], _categories(g[4]), g[5], g[6], g[7]) for g in grants),
        hidden_from_professionals=frozenset(DocumentId(h.document_id) for h in hidden if h.masked),
        hidden_from_patient=frozenset(DocumentId(h.document_id) for h in hidden if h.hidden_from_patient),
        not_default=frozenset(DocumentId(h.document_id) for h in hidden if h.status != "approved"),
        authored=frozenset(DocumentId(h.document_id) for h in hidden if h.deposited_by == caller.id),
    )


def _categories(stored: str | None) -> frozenset[Category] | None:
    return None if stored is None else frozenset(Category(name) for name in json.loads(stored))
