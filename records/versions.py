"""Versions: documents of one set replace each other, and the newest that can be read is the approved one.

A newer version takes over when it becomes searchable, not when it arrives: while it is being read, or when it is
refused or quarantined, the older one stays in the default view. Masks only spread: when a version joins its set, all
take the strictest mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, or_, select, update

from access.confidentiality import Asked
from records import names, tables
from records.database import Tx

_T = tables.Document
_NEVER = datetime.min.replace(tzinfo=UTC)
PRINT = 8  # bytes of a page's print


def join(tx: Tx, row: tables.Document, asked: Asked) -> None:
    """Put a document whose metadata was just set with its versions; hide them all like the strictest.

    Sets that a "replaces" connects become one: not every maker states a set, or the same one for each version. What
    the document itself asks for counts for the versions that were there: a mask that arrives late masks them too.
    """
    _hide_as_asked(row, asked)
    related = {r for r in _sets_of_relatives(tx, row) if r is not None}
    if row.set_blind is None:
        row.set_blind = min(related, default=row.unique_blind)
    tx.session.flush()
    if row.set_blind is not None and related:
        others = update(_T).where(_T.patient_id == row.patient_id, _T.set_blind.in_(related))
        tx.session.execute(others.values(set_blind=row.set_blind), execution_options={"synchronize_session": False})
    members = relatives(tx, row)
    common = strictest(members)
    for each in members:
        each.masked = common.masked
        each.hidden_from_patient, each.hidden_at = common.hidden_from_patient, common.hidden_at
        each.hidden_from_representatives = common.hidden_from_representatives
    tx.session.flush()


def _hide_as_asked(row: tables.Document, asked: Asked) -> None:
    """What was opened to representatives stays open (EX_3.3-1045)."""
    row.masked = row.masked or asked.masked
    row.hidden_from_patient = row.hidden_from_patient or asked.hidden_from_patient
    secret = asked.hidden_from_representatives and not row.opened_to_representatives
    row.hidden_from_representatives = row.hidden_from_representatives or secret


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

    A withdrawn version counts for nothing, so that what it replaced stands again. Of several copies of the newest
    (the same report alone and in a mail), each that shows a page which no other shows stands too: no text leaves the
    default view. Archived documents take no part. Depends on what is recorded, not on the order in which it came.
    """
    members = [row] if row.set_blind is None else _members(tx, row)
    for member in members:
        member.withdrawn = names.is_withdrawn(tx, member)
    active = [m for m in members if m.status != "archived"]
    for member in active:
        member.status = "deprecated" if member.withdrawn else "approved"
    valid = [m for m in active if not m.withdrawn]
    searchable = [m for m in valid if m.state == "searchable"]
    if row.set_blind is not None and searchable:
        _fold(tx, valid, searchable)
    tx.session.flush()


def _fold(tx: Tx, valid: Sequence[tables.Document], searchable: Sequence[tables.Document]) -> None:
    replaced = {m.replaces_blind for m in searchable if m.replaces_blind is not None}
    standing = [m for m in searchable if replaced.isdisjoint(names.names_of(tx, m.document_id))] or searchable
    best = max(standing, key=_age)
    kept = _of_their_own(best, [m for m in standing if _copies(m, best)])
    for member in valid:
        waiting = member.state != "searchable" and _age(member) > _age(best)
        member.status = "approved" if waiting or member in kept else "deprecated"


def _age(member: tables.Document) -> tuple[int, datetime, datetime, str]:
    """What makes a version newer. One that does not say when it was made is older than any that does."""
    return member.version, member.issued_at or _NEVER, member.received_at, member.document_id


def _copies(one: tables.Document, other: tables.Document) -> bool:
    return one is other or (one.unique_blind is not None and one.unique_blind == other.unique_blind)


def _of_their_own(best: tables.Document, copies: Sequence[tables.Document]) -> list[tables.Document]:
    """Those of `copies` whose pages are not all in another; of two that show the same, the newer."""
    shown = {m.document_id: _prints(m) for m in copies}
    kept: list[tables.Document] = []
    for one in sorted(copies, key=lambda m: (len(shown[m.document_id]), _age(m)), reverse=True):
        if not any(shown[one.document_id] <= shown[other.document_id] for other in kept):
            kept.append(one)
    return kept or [best]


def _prints(member: tables.Document) -> frozenset[bytes]:
    """One of a document that was read before pages had prints is like no other: its set is then decided by age."""
    data = member.page_prints or b""
    return frozenset(data[at : at + PRINT] for at in range(0, len(data), PRINT))


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
    relations: list[ColumnElement[bool]] = []
    if row.replaces_blind is not None:
        name = tables.DocumentName
        named = select(name.document_id).where(name.patient_id == row.patient_id, name.name_blind == row.replaces_blind)
        relations.append(_T.document_id.in_(named))
    if called := names.names_of(tx, row.document_id):
        relations.append(_T.replaces_blind.in_(called))
    if row.unique_blind is not None:
        relations.append(_T.unique_blind == row.unique_blind)
    if not relations:
        return []
    others = (_T.patient_id == row.patient_id, _T.document_id != row.document_id)
    return list(tx.session.scalars(select(_T.set_blind).where(*others, or_(*relations))))
