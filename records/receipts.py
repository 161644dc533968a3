"""By which ways a document came: the same report by MSSanté, the DMP and an upload is one document with three receipts.

The same bytes under one document add a receipt to it. The same report in another envelope is another row of the same
set (`records.versions`), and its receipts count for the one that stands.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, or_, select

from access.identifiers import DocumentId, PatientId
from access.scope import Scope
from records import tables
from records.database import Tx
from records.documents import get_document

_R, _T = tables.Receipt, tables.Document


@dataclass(frozen=True, slots=True)
class Received:
    """One way, and when it was first taken."""

    origin: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Way:
    """From whose hands a document comes, and how."""

    origin: str
    deposited_by: str
    deposited_for: str


def is_known(tx: Tx, document_id: DocumentId, way: Way) -> bool:
    """Whether the document came this way before."""
    at = (_R.document_id == document_id, _R.origin == way.origin, _R.deposited_by == way.deposited_by)
    found = select(_R.receipt_id).where(*at, _R.deposited_for == way.deposited_for).limit(1)
    return tx.session.scalar(found) is not None


def add(tx: Tx, document_id: DocumentId, patient_id: PatientId, way: Way, now: datetime) -> None:
    """Note that a document came this way; a second time from the same hands by the same way is not another."""
    if not is_known(tx, document_id, way):
        row = {"document_id": document_id, "patient_id": patient_id, "received_at": now, **asdict(way)}
        tx.session.execute(insert(_R).values(row))


def receipts(tx: Tx, scope: Scope, document_id: DocumentId) -> list[Received]:
    """The ways by which a document inside the Scope came, with those of its copies; none outside.

    Of one that is hidden from anybody only its own are told: a copy may be hidden from this caller. Who sent it is
    never told: that says who cares for whom.
    """
    document = get_document(tx, scope, document_id)
    row = None if document is None else tx.session.get(_T, document_id)
    if row is None:
        return []
    same = [_T.document_id == row.document_id]
    if not (row.masked or row.hidden_from_patient or row.hidden_from_representatives):
        same.append(_T.content_hash == row.content_hash)
        if row.unique_blind is not None:
            same.append(_T.unique_blind == row.unique_blind)
    alike = select(_T.document_id).where(
        _T.patient_id == row.patient_id,
        _T.category == row.category,
        _T.state.not_in(("quarantined", "refused")) | (_T.document_id == row.document_id),
        or_(*same),
    )
    found = tx.session.execute(
        select(_R.origin, _R.received_at).where(_R.document_id.in_(alike)).order_by(_R.received_at, _R.receipt_id)
    )
    return [Received(origin, at) for origin, at in found]
