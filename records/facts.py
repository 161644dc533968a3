"""Facts as recorded: what a document tells, sealed under its patient's key, and who may be told it.

Written in the transaction that records the document's reading, under its fence; replaced with it, gone with it. The
rows of a document are shelves: kinds that are read together are sealed together, so that an emergency opens what it
needs and no more, and the table says of nobody that they have a pregnancy or an allergy. A document that tells nothing
has its first shelf all the same: it was read for facts, which one of before was not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgpack
from sqlalchemy import and_, bindparam, case, delete, func, insert, literal_column, select

from access.categories import Category
from access.identifiers import DocumentId, PatientId
from access.scope import Scope
from records import tables
from records.content import Page
from records.database import Tx
from records.document_rows import DocumentState
from records.documents import fenced_row
from records.fact import Fact, FactKind, Told
from records.fact_format import fact_in, fact_out
from records.scoped import INSIDE, scope_values
from records.sealed import seal, unseal

_T, _D = tables.Fact, tables.Document
_F, _C = tables.core(tables.Fact).c, tables.core(tables.Document).c
_MEASURES = frozenset({FactKind.LAB_RESULT, FactKind.VITAL_SIGN})
_EVENTS = frozenset({FactKind.ENCOUNTER, FactKind.DISPENSING})
_SEARCHABLE = DocumentState.SEARCHABLE.value
_SILENT = (DocumentState.QUARANTINED.value, DocumentState.REFUSED.value)
TELLING = and_(INSIDE, _D.state.not_in(_SILENT), _D.withdrawn.is_(False))
"""Which documents tell facts to a Scope."""
_TOLD = (
    select(_F.document_id, _F.shelf, _F.sealed, _C.patient_id, _C.category, _C.event_date, _C.received_at)
    .join_from(_T, _D, _D.document_id == _T.document_id)
    .where(TELLING, _T.shelf.in_(bindparam("shelves", expanding=True)))
    .order_by(_D.event_date.is_(None), _D.event_date.desc(), _T.document_id, _T.shelf)
)
_UNREAD = (
    select(func.count())
    .select_from(_D)
    .outerjoin(_T, (_T.document_id == _D.document_id) & (_T.shelf == 0))
    .where(INSIDE, _D.state == _SEARCHABLE, _D.withdrawn.is_(False), _T.document_id.is_(None))
)
_EARLIER = (
    select(_D.document_id)
    .outerjoin(_T, (_T.document_id == _D.document_id) & (_T.shelf == 0))
    .where(_D.state == _SEARCHABLE, _T.document_id.is_(None))
    .order_by(_D.received_at, _D.document_id)
)


_FIRST_SHELF = _T.shelf == literal_column("0")  # as `ix_facts_rules` says it
# Another edition is before or after in the index; "not the same" is in none, and had every worker that had nothing to
# do read all facts, every second.
_BEHIND = [
    select(_T.document_id)
    .where(
        _FIRST_SHELF,
        other,
        select(_D.state).where(_D.document_id == _T.document_id, _D.state == _SEARCHABLE).exists(),
    )  # as a join, SQLite begins with the documents that are searchable
    .order_by(_T.rules, _T.document_id)
    for other in (_T.rules < bindparam("rules"), _T.rules > bindparam("rules"))
]
_STANDING = (
    select(
        func.sum(case((_T.document_id.is_(None), 1), else_=0)),
        func.sum(case((_T.rules != bindparam("rules"), 1), else_=0)),
    )
    .select_from(_D)
    .outerjoin(_T, (_T.document_id == _D.document_id) & (_T.shelf == 0))
    .where(INSIDE, _D.state == _SEARCHABLE, _D.withdrawn.is_(False))
)


def shelf_of(kind: FactKind) -> int:
    """0: what an emergency asks first; 1: measures; 2: stays and deliveries."""
    return 1 if kind in _MEASURES else 2 if kind in _EVENTS else 0


def keep(tx: Tx, document_id: DocumentId, pages: Iterable[Page], *, fence: int | None = None, rules: str = "") -> None:
    """Make the facts of these pages the document's. `fence`, when given, must be its own (Refusal "lease-lost").

    `rules`: the edition of the rules that told what their text tells; empty when it is not known, so that it is told
    again.
    """
    row = fenced_row(tx, document_id, fence)
    patient_id = PatientId(row.patient_id)
    shelves: dict[int, list[Fact]] = {0: []}
    for page in pages:
        for fact in page.facts:
            shelves.setdefault(shelf_of(fact.kind), []).append(fact)
    forget(tx, document_id)
    key = tx.patient_keys(patient_id).columns
    rows = [
        {
            "document_id": document_id,
            "shelf": shelf,
            "sealed": seal(key, _pack(facts), _place(document_id, shelf)),
            "rules": rules,
        }
        for shelf, facts in shelves.items()
    ]
    tx.session.execute(insert(_T), rows)


def forget(tx: Tx, document_id: DocumentId) -> None:
    """The document tells nothing any more."""
    tx.session.execute(delete(_T).where(_T.document_id == document_id))


def told(tx: Tx, scope: Scope, kinds: Collection[FactKind] | None = None) -> list[Told]:
    """What the Scope's documents tell, newest event first, undated last, each in its document's order. One statement.

    kinds   None is all of them; fewer shelves are opened for fewer kinds

    Documents in quarantine and refused ones tell nothing. One that is being read again tells what it told, and one that
    waits for the index what was read: an allergy is not missed for an index that is down.
    """
    wanted = frozenset(FactKind if kinds is None else kinds)
    values = {one.value for one in wanted}
    shelves = sorted({shelf_of(kind) for kind in wanted})
    found: list[Told] = []
    for row in tx.session.execute(_TOLD, scope_values(scope) | {"shelves": shelves}):
        patient_id, document_id = PatientId(row.patient_id), DocumentId(row.document_id)
        if not scope.admits(patient_id, document_id, Category(row.category)):
            continue
        key = tx.patient_keys(patient_id).columns
        for value, page, words in _unpack(unseal(key, row.sealed, _place(document_id, row.shelf))):
            if value[0] in values:
                found.append(Told(fact_in(value, page, words), document_id, row.event_date, row.received_at.date()))
    return found


def unread(tx: Tx, scope: Scope) -> int:
    """How many of the Scope's searchable documents were read before facts were: they may tell more than is known."""
    return tx.session.scalar(_UNREAD, scope_values(scope)) or 0


def unread_without_scope(tx: Tx, limit: int) -> list[DocumentId]:
    """Searchable documents, oldest first, that were read before facts were: to be read again."""
    return [DocumentId(found) for found in tx.session.scalars(_EARLIER.limit(bindparam("most")), {"most": limit})]


def standing(tx: Tx, scope: Scope, rules: str) -> tuple[int, int]:
    """How many of the Scope's searchable documents were read before facts were, and how many tell what another edition
    of the rules found. One statement."""
    unread_ones, behind = tx.session.execute(_STANDING, scope_values(scope) | {"rules": rules}).one()
    return unread_ones or 0, behind or 0


def behind_without_scope(tx: Tx, rules: str, limit: int) -> list[DocumentId]:
    """Searchable documents whose facts another edition of the rules told: to be told again."""
    found: list[DocumentId] = []
    for part in _BEHIND:
        values = {"rules": rules, "most": limit - len(found)}
        found += map(DocumentId, tx.session.scalars(part.limit(bindparam("most")), values))
    return found


def count_behind_without_scope(tx: Tx, rules: str) -> int:
    """How many there are, for who keeps the service."""
    counted = (select(func.count()).select_from(part.order_by(None).subquery()) for part in _BEHIND)
    return sum(tx.session.scalar(each, {"rules": rules}) or 0 for each in counted)


def _place(document_id: DocumentId, shelf: int) -> str:
    return f"facts/sealed/{document_id}/{shelf}"


def _pack(facts: list[Fact]) -> bytes:
    values = [[fact_out(fact), fact.quote.page, fact.quote.text] for fact in facts]
    packed: bytes = msgpack.packb(values, unicode_errors="surrogatepass")
    return packed


def _unpack(data: bytes) -> list[tuple[list[Any], int, str]]:
    values: list[tuple[list[Any], int, str]] = msgpack.unpackb(data, unicode_errors="surrogatepass")
    return values
