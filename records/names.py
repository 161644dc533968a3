"""The names of documents, and what was said of a name: that its document is withdrawn.

A name is what a maker calls a document: its own identifier, the number of the message or of the order that brought
it. All are keyed hashes under the patient's key, so they are compared within one record only.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, insert, select

from access.identifiers import DocumentId, PatientId
from records import tables
from records.database import Tx
from records.document_rows import blind

OWN = "own"
"""Origin of what a patient deposits: what it cancels is among the patient's own deposits, and no carer's document."""
_N, _W = tables.DocumentName, tables.Withdrawal


def record(tx: Tx, patient_id: PatientId, document_id: DocumentId, names: Iterable[str], origin: str) -> None:
    """Make these the names of a document, instead of those it had."""
    called = list(names)
    tx.session.execute(delete(_N).where(_N.document_id == document_id))
    own = _blinds(tx, patient_id, called, OWN) if origin == OWN else []
    for hashed in (*_blinds(tx, patient_id, called), *own):
        tx.session.execute(insert(_N).values(document_id=document_id, name_blind=hashed, patient_id=patient_id))


def withdraw(
    tx: Tx, patient_id: PatientId, names: Iterable[str], issued_at: datetime | None, origin: str
) -> list[DocumentId]:
    """Remember that documents of these names are withdrawn, whether they are here or not; returns those that are.
    `origin`: of what says so.

    Said twice, the later time counts, and none is later than any: the order of arrival changes nothing.
    """
    blinds = _blinds(tx, patient_id, names, OWN if origin == OWN else "unique")
    for hashed in blinds:
        row = tx.session.get(_W, (patient_id, hashed))
        if row is None:
            tx.session.add(_W(patient_id=patient_id, name_blind=hashed, issued_at=issued_at))
        elif row.issued_at is not None:
            row.issued_at = None if issued_at is None else max(row.issued_at, issued_at)
    tx.session.flush()
    found = select(_N.document_id).where(_N.patient_id == patient_id, _N.name_blind.in_(blinds)).distinct()
    return [DocumentId(one) for one in tx.session.scalars(found.order_by(_N.document_id))]


def is_withdrawn(tx: Tx, row: tables.Document) -> bool:
    """Whether a name of this document was withdrawn, and not before this version was issued."""
    names = select(_N.name_blind).where(_N.document_id == row.document_id)
    said = select(_W.issued_at).where(_W.patient_id == row.patient_id, _W.name_blind.in_(names))
    times = tx.session.scalars(said).all()
    issued = row.issued_at
    return any(at is None or issued is None or issued <= at for at in times)


def names_of(tx: Tx, document_id: str) -> list[bytes]:
    """A document's names."""
    return list(tx.session.scalars(select(_N.name_blind).where(_N.document_id == document_id)))


def _blinds(tx: Tx, patient_id: PatientId, names: Iterable[str], use: str = "unique") -> list[bytes]:
    hashed = (blind(tx, patient_id, use, name) for name in names)
    return sorted({one for one in hashed if one is not None})
