"""What a Scope's answer rests on: how many documents it holds, in which state; and what a search leaves out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from access.identifiers import DocumentId
from access.scope import Scope
from records import tables
from records.database import Tx
from records.documents import DocumentState
from records.scoped import INSIDE, scope_values

_T = tables.Document
_COUNTS = (
    select(
        _T.state,
        func.count().label("documents"),
        func.sum(_T.unreadable_count).label("unreadable"),
        func.min(_T.event_date).label("first"),
        func.max(_T.event_date).label("last"),
    )
    .where(INSIDE)
    .group_by(_T.state)
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a Scope's answer rests on: counts of documents, unreadable pages, and the period of the searchable ones."""

    searched: int = 0
    pending: int = 0
    quarantined: int = 0
    refused: int = 0
    unreadable_pages: int = 0
    first_date: date | None = None
    last_date: date | None = None


def without_withdrawn(tx: Tx, scope: Scope) -> Scope:
    """A Scope to search in: what its sender cancelled stays in lists, and is found by nobody."""
    gone = tx.session.scalars(select(_T.document_id).where(INSIDE, _T.withdrawn), scope_values(scope))
    return dataclasses.replace(scope, excluded=scope.excluded | {DocumentId(one) for one in gone})


def covered(tx: Tx, scope: Scope) -> Coverage:
    """Counts over the Scope's documents and no other."""
    rows = tx.session.execute(_COUNTS, scope_values(scope)).all()
    count = {row.state: row.documents for row in rows}
    searchable = next((row for row in rows if row.state == DocumentState.SEARCHABLE), None)
    return Coverage(
        searched=count.get(DocumentState.SEARCHABLE, 0),
        pending=count.get(DocumentState.RECEIVED, 0) + count.get(DocumentState.READING, 0),
        quarantined=count.get(DocumentState.QUARANTINED, 0),
        refused=count.get(DocumentState.REFUSED, 0),
        unreadable_pages=0 if searchable is None else searchable.unreadable,
        first_date=None if searchable is None else searchable.first,
        last_date=None if searchable is None else searchable.last,
    )
