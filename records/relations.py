"""People who may look for a patient: representatives as recorded, and requests of heirs and partner under review."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from access.categories import Category
from access.facts import RelationKind
from access.identifiers import PatientId
from access.majority import eighteenth_birthday
from access.refusal import Refusal
from access.scope import Scope
from records import tables
from records.database import Tx
from records.opaque import random_id
from records.patients import identity_without_scope
from records.rights import named

PARIS = ZoneInfo("Europe/Paris")  # where a birthday begins
SUCCESSION = frozenset({RelationKind.HEIR, RelationKind.PARTNER})
_R = tables.Relation

NO_MINOR = Refusal(
    "act",
    "not-a-minor",
    "Ce patient est majeur, ou sa date de naissance n'est pas connue : il n'a pas de représentant légal.",
    "Complétez l'identité, ou enregistrez une tutelle.",
)


@dataclass(frozen=True, slots=True)
class Relation:
    """One recorded relation or request."""

    relation_id: str
    patient_id: PatientId
    person: str
    kind: RelationKind
    valid_from: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    consented: bool
    approved: bool
    purpose: str
    categories: frozenset[Category] | None
    recorded_by: str
    reviewed_at: datetime | None


def record_representative(
    tx: Tx,
    patient_id: PatientId,
    person: str,
    kind: RelationKind,
    *,
    now: datetime,
    by: str,
    valid_until: datetime | None = None,
) -> str:
    """Record a representative, guardian or curator; returns its id. A minor's ends with the eighteenth birthday."""
    if kind is RelationKind.LEGAL_REPRESENTATIVE:
        majority = majority_of(tx, patient_id)
        if majority is None or majority <= now:
            raise NO_MINOR
        valid_until = majority if valid_until is None else min(majority, valid_until)
    return _add(tx, patient_id, person, kind, now=now, by=by, valid_until=valid_until)


def request_succession(
    tx: Tx, patient_id: PatientId, person: str, kind: RelationKind, purpose: str, *, now: datetime
) -> str:
    """Record an heir's or a partner's request. It opens nothing until a person has reviewed it."""
    return _add(tx, patient_id, person, kind, now=now, by=person, purpose=purpose)


def review_succession(
    tx: Tx,
    relation_id: str,
    *,
    approved: bool,
    categories: Collection[Category],
    valid_until: datetime,
    now: datetime,
    by: str,
) -> PatientId | None:
    """Decide a request that waits; the patient whom it is about, or None when there is no such request."""
    waiting = (_R.relation_id == relation_id, _R.kind.in_(sorted(SUCCESSION)), _R.reviewed_at.is_(None))
    patient_id = tx.session.scalar(select(_R.patient_id).where(*waiting))
    if patient_id is None:
        return None
    values = {
        "approved": approved,
        "categories": json.dumps(sorted(categories)),
        "valid_until": valid_until,
        "reviewed_by": by,
        "reviewed_at": now,
    }
    tx.session.execute(update(_R).where(*waiting).values(values))
    return PatientId(patient_id)


def consent_to_curator(tx: Tx, scope: Scope, relation_id: str, *, consented: bool) -> bool:
    """The person under curatelle lets their curator read, or no longer; False when there is no such curator."""
    mine = (_R.relation_id == relation_id, _R.patient_id.in_(sorted(scope.identities)), _R.kind == RelationKind.CURATOR)
    done = tx.session.execute(update(_R).where(*mine).values(consented=consented))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def end_relation(tx: Tx, patient_id: PatientId, relation_id: str, now: datetime) -> bool:
    """End a relation; False when there is none of this patient, or it ended before."""
    live = (_R.relation_id == relation_id, _R.patient_id == patient_id, _R.ended_at.is_(None))
    return bool(tx.session.execute(update(_R).where(*live).values(ended_at=now)).rowcount)  # type: ignore[attr-defined]


def list_relations(tx: Tx, scope: Scope) -> list[Relation]:
    """Those of the Scope's record, oldest first."""
    rows = tx.session.scalars(
        select(_R).where(_R.patient_id.in_(sorted(scope.identities))).order_by(_R.recorded_at, _R.relation_id)
    )
    return [_relation(row) for row in rows]


def ids_without_scope(tx: Tx, patient_id: PatientId, person: str, kind: RelationKind) -> list[str]:
    """Relations of one person to one patient, for administration."""
    mine = (_R.patient_id == patient_id, _R.person == person, _R.kind == kind.value)
    return list(tx.session.scalars(select(_R.relation_id).where(*mine)))


def requests_without_scope(tx: Tx, limit: int) -> list[Relation]:
    """The first `limit` succession requests that wait for a review, oldest first: for who reviews them."""
    waiting = (_R.kind.in_(sorted(SUCCESSION)), _R.reviewed_at.is_(None))
    rows = tx.session.scalars(select(_R).where(*waiting).order_by(_R.recorded_at, _R.relation_id).limit(limit))
    return [_relation(row) for row in rows]


def majority_of(tx: Tx, patient_id: PatientId) -> datetime | None:
    """When this patient comes of age, midnight in Paris; None when the birth date is unknown, or the patient."""
    identity = identity_without_scope(tx, patient_id)
    if identity is None or identity.birth_date is None:
        return None
    return datetime.combine(eighteenth_birthday(identity.birth_date), time.min, PARIS)


def _add(
    tx: Tx,
    patient_id: PatientId,
    person: str,
    kind: RelationKind,
    *,
    now: datetime,
    by: str,
    valid_until: datetime | None = None,
    purpose: str = "",
) -> str:
    relation_id = random_id()
    tx.session.execute(
        insert(_R).values(
            relation_id=relation_id,
            patient_id=patient_id,
            person=person,
            kind=kind.value,
            valid_from=now,
            valid_until=valid_until,
            consented=False,
            approved=False,
            purpose=purpose,
            categories=None,
            recorded_by=by,
            recorded_at=now,
        )
    )
    return relation_id


def _relation(row: tables.Relation) -> Relation:
    return Relation(
        relation_id=row.relation_id,
        patient_id=PatientId(row.patient_id),
        person=row.person,
        kind=RelationKind(row.kind),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        ended_at=row.ended_at,
        consented=row.consented,
        approved=row.approved,
        purpose=row.purpose,
        categories=named(row.categories),
        recorded_by=row.recorded_by,
        reviewed_at=row.reviewed_at,
    )
