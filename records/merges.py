"""Identities that are one person's: proposed by a message, merged by a person, undone by a person.

A merge changes no document: each stays in the record that it came to, under its own key, and the right to one identity
becomes the right to both (`records.rights.group`). So undoing it is exact.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select, update

from access.identifiers import PatientId
from access.refusal import Refusal
from records import events, tables
from records.database import Tx
from records.opaque import random_id

_M, _P = tables.Merge, tables.Patient

GONE = Refusal(
    "settle",
    "merge-not-waiting",
    "Cette fusion n'attend plus de décision, ou n'est plus en vigueur.",
    "Reprenez la liste des fusions.",
)


@dataclass(frozen=True, slots=True)
class Merge:
    """`kept` stays, `other` is merged into it. `verdict`: merged, refused, undone; None while it waits."""

    merge_id: str
    kept: PatientId
    other: PatientId
    proposed_by: str
    proposed_at: datetime
    verdict: str | None


def propose(tx: Tx, kept: PatientId, other: PatientId, *, by: str, now: datetime) -> str | None:
    """Let a person decide on a merge; its id, or None when both are one person already. Said twice it is one."""
    if _root(tx, kept) == _root(tx, other):
        return None
    pair = (_M.patient_id == kept, _M.other_id == other, or_(_M.verdict.is_(None), _M.verdict == "refused"))
    before = tx.session.scalar(select(_M).where(*pair).limit(1))
    if before is not None:
        return None if before.verdict == "refused" else before.merge_id
    merge_id = random_id()
    tx.session.add(_M(merge_id=merge_id, patient_id=kept, other_id=other, proposed_by=by, proposed_at=now, moved="[]"))
    tx.session.flush()
    return merge_id


def waiting(tx: Tx, limit: int) -> list[Merge]:
    """Merges that nobody decided on, oldest first. For identity vigilance: opaque identifiers, no identity."""
    rows = select(_M).where(_M.verdict.is_(None)).order_by(_M.proposed_at, _M.merge_id).limit(limit)
    return [_merge(row) for row in tx.session.scalars(rows)]


def one(tx: Tx, merge_id: str) -> Merge:
    """A merge by its id; Refusal "merge-not-waiting"."""
    return _merge(_row(tx, merge_id))


def merge(tx: Tx, merge_id: str, by: str, now: datetime) -> None:
    """Make two identities one person's, with those that were merged into the second."""
    row = _row(tx, merge_id)
    root, other = _root(tx, PatientId(row.patient_id)), _root(tx, PatientId(row.other_id))
    if row.verdict is not None or root == other:
        raise GONE
    row.moved = json.dumps(_join(tx, root, other))
    _decide(tx, row, "merged", by, now)


def refuse(tx: Tx, merge_id: str, by: str, now: datetime) -> None:
    """They are two people: the same message proposes it no more."""
    row = _row(tx, merge_id)
    if row.verdict is not None:
        raise GONE
    _decide(tx, row, "refused", by, now)


def split(tx: Tx, merge_id: str, by: str, now: datetime) -> None:
    """Undo a merge: whom it joined are as the merges still in force leave them, in whatever order merges are undone."""
    row = _row(tx, merge_id)
    if row.verdict != "merged":
        raise GONE
    _decide(tx, row, "undone", by, now)
    root = _root(tx, PatientId(row.patient_id))
    people = [root, *tx.session.scalars(select(_P.patient_id).where(_P.merged_into == root))]
    tx.session.execute(update(_P).where(_P.patient_id.in_(people)).values(merged_into=None))
    standing = select(_M).where(_M.verdict == "merged", _M.patient_id.in_(people), _M.other_id.in_(people))
    for each in tx.session.scalars(standing.order_by(_M.decided_at, _M.merge_id)):
        _join(tx, _root(tx, PatientId(each.patient_id)), _root(tx, PatientId(each.other_id)))


def _join(tx: Tx, root: PatientId, other: PatientId) -> list[PatientId]:
    """Put `other`, with those merged into it, under `root`; returns whom it moved."""
    moved = [other, *tx.session.scalars(select(_P.patient_id).where(_P.merged_into == other))]
    if root != other:
        tx.session.execute(update(_P).where(_P.patient_id.in_(moved)).values(merged_into=root))
    return [PatientId(one) for one in moved]


def _decide(tx: Tx, row: tables.Merge, verdict: str, by: str, now: datetime) -> None:
    row.verdict, row.decided_by, row.decided_at = verdict, by, now
    tx.session.flush()
    if verdict != "refused":
        for each in (row.patient_id, row.other_id):
            events.note(tx, "access", each, at=now)


def _row(tx: Tx, merge_id: str) -> tables.Merge:
    row = tx.session.get(_M, merge_id, populate_existing=True)
    if row is None:
        raise GONE
    return row


def _root(tx: Tx, patient_id: PatientId) -> PatientId:
    found = tx.session.scalar(select(_P.merged_into).where(_P.patient_id == patient_id))
    return PatientId(found or patient_id)


def _merge(row: tables.Merge) -> Merge:
    who = PatientId(row.patient_id), PatientId(row.other_id)
    return Merge(row.merge_id, *who, row.proposed_by, row.proposed_at, row.verdict)
