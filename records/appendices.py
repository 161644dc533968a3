"""Documents that complete others: an addendum by the name of what it completes, whichever arrives first."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from access.identifiers import DocumentId
from access.scope import Scope
from records import tables
from records.database import Tx
from records.documents import get_document, get_documents

_T = tables.Document


@dataclass(frozen=True, slots=True)
class Appendices:
    """Inside one Scope: the document that one completes, and those that complete it, oldest first."""

    completes: DocumentId | None
    completed_by: tuple[DocumentId, ...]


def appendices(tx: Tx, scope: Scope, document_id: DocumentId) -> Appendices:
    """What a document inside the Scope completes and is completed by; what is outside does not show."""
    if get_document(tx, scope, document_id) is None:
        return Appendices(None, ())
    row = tx.session.get_one(_T, document_id, populate_existing=True)
    name = tables.DocumentName
    named = select(name.document_id).where(name.patient_id == row.patient_id, name.name_blind == row.appends_blind)
    own = select(name.name_blind).where(name.document_id == document_id)
    behind = select(_T.document_id).where(_T.patient_id == row.patient_id, _T.appends_blind.in_(own))
    inside = get_documents(tx, scope, {DocumentId(x) for q in (named, behind) for x in tx.session.scalars(q)})
    parents = {DocumentId(one) for one in tx.session.scalars(named)}
    order = sorted(inside.values(), key=lambda one: (one.received_at, one.document_id))
    parent = next((one.document_id for one in reversed(order) if one.document_id in parents), None)
    children = tuple(one.document_id for one in order if one.document_id not in parents)
    return Appendices(parent, children)
