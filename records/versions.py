"""Versions: documents of one set replace each other, and the newest that can be read is the approved one.

A newer version takes over when it becomes searchable, not when it arrives: while it is being read, or when it is
refused or quarantined, the older one stays in the default view. Masks only spread: a version takes the strictest mask
of its set when it joins it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select, update

from records import tables
from records.database import Tx

_T = tables.Document


def join(tx: Tx, row: tables.Document) -> None:
    """Put a document whose metadata was just set with the versions that it belongs to, and hide it like them.

    Sets that a "replaces" connects become one: not every maker states a set, or the same one for each version.
    """
    related = {r for r in _sets_of_relatives(tx, row) if r is not None}
    if row.set_blind is None:
        row.set_blind = min(related, default=row.unique_blind)
    if row.set_blind is None:
        return
    tx.session.flush()
    others = update(_T).where(_T.patient_id == row.patient_id, _T.set_blind.in_(related))
    tx.session.execute(others.values(set_blind=row.set_blind), execution_options={"synchronize_session": False})
    members = _members(tx, row)
    common = strictest(members)
    row.masked = common.masked
    row.hidden_from_patient, row.hidden_at = common.hidden_from_patient, common.hidden_at
    row.hidden_from_representatives = common.hidden_from_representatives
    tx.session.flush()


@dataclass(frozen=True, slots=True)
class Hiding:
    """From whom a document is kept. `hidden_at`: the latest time that one of them was hidden from the patient."""

    masked: bool
    hidden_from_patient: bool
    hidden_at: datetime | None
    hidden_from_representatives: bool


def strictest(members: Sequence[tables.Document]) -> Hiding:
    """What versions and duplicates inherit from each other."""
    hidden = [m.hidden_at or m.received_at for m in members if m.hidden_from_patient]
    return Hiding(
        masked=any(m.masked for m in members),
        hidden_from_patient=bool(hidden),
        hidden_at=max(hidden, default=None),
        hidden_from_representatives=any(m.hidden_from_representatives for m in members),
    )


def relatives(tx: Tx, row: tables.Document) -> list[tables.Document]:
    """A document with its versions and its duplicates: what an act on one of them covers."""
    same = [_T.document_id == row.document_id, _T.content_hash == row.content_hash]
    if row.set_blind is not None:
        same.append(_T.set_blind == row.set_blind)
    found = select(_T).where(_T.patient_id == row.patient_id, or_(*same))
    return list(tx.session.scalars(found.execution_options(populate_existing=True)))


def settle(tx: Tx, row: tables.Document) -> None:
    """Approve the newest searchable version of the set of `row`, deprecate the other searchable ones.

    Archived documents take no part.
    """
    if row.set_blind is None:
        return
    members = [m for m in _members(tx, row) if m.status != "archived"]
    searchable = [m for m in members if m.state == "searchable"]
    replaced = {m.replaces_blind for m in searchable if m.replaces_blind is not None}
    standing = [m for m in searchable if m.unique_blind is None or m.unique_blind not in replaced] or searchable
    if not standing:
        return
    best = max(standing, key=lambda m: (m.version, m.received_at, m.document_id))
    for member in members:
        older = (member.version, member.received_at, member.document_id) < (
            best.version,
            best.received_at,
            best.document_id,
        )
        waiting = member.state != "searchable" and not older
        member.status = "approved" if member is best or waiting else "deprecated"
    tx.session.flush()


def _members(tx: Tx, row: tables.Document) -> list[tables.Document]:
    return list(
        tx.session.scalars(
            select(_T)
            .where(_T.patient_id == row.patient_id, _T.set_blind == row.set_blind)
            .execution_options(populate_existing=True)
        )
    )


def _sets_of_relatives(tx: Tx, row: tables.Document) -> list[bytes | None]:
    """The sets of what this document replaces and of what replaces it, whichever came first."""
    relations = []
    if row.replaces_blind is not None:
        relations.append(_T.unique_blind == row.replaces_blind)
    if row.unique_blind is not None:
        relations.append(_T.replaces_blind == row.unique_blind)
    if not relations:
        return []
    others = (_T.patient_id == row.patient_id, _T.document_id != row.document_id)
    return list(tx.session.scalars(select(_T.set_blind).where(*others, or_(*relations))))
