"""The names of documents, and what was said of a name: that its document is withdrawn.

A name is what a maker calls a document: its own identifier, its set, the number of the message or of the order that
brought it. All are keyed hashes under the patient's key, so they are compared within one record only. Whoever may
deposit may state any name, so what a name connects counts only as far as `records.claims` lets its sender speak.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, insert, select

from access.identifiers import DocumentId, PatientId
from records import claims, tables
from records.database import Tx
from records.document_rows import blind

_N, _W = tables.DocumentName, tables.Withdrawal
BEFORE = ""
"""Who withdrew a name before senders were kept: such a withdrawal holds as it did."""


def record(tx: Tx, patient_id: PatientId, document_id: DocumentId, names: Iterable[str], set_id: str) -> None:
    """Make these, and its set, the names of a document, instead of those it had."""
    tx.session.execute(delete(_N).where(_N.document_id == document_id))
    of_set = blind(tx, patient_id, "set", set_id)
    for hashed in {*_blinds(tx, patient_id, names), *(() if of_set is None else (of_set,))}:
        tx.session.execute(insert(_N).values(document_id=document_id, name_blind=hashed, patient_id=patient_id))


def withdraw(
    tx: Tx, patient_id: PatientId, by: DocumentId, names: Iterable[str], issued_at: datetime | None
) -> list[DocumentId]:
    """Remember that the document `by` withdraws these names and no others, whether documents of them are here or not;
    returns those that this may concern."""
    before = retract(tx, by)
    blinds = _blinds(tx, patient_id, names)
    for hashed in blinds:
        tx.session.add(_W(patient_id=patient_id, name_blind=hashed, document_id=by, issued_at=issued_at))
    tx.session.flush()
    return sorted({*before, *_called(tx, patient_id, blinds)})


def retract(tx: Tx, by: str) -> list[DocumentId]:
    """Forget what a document withdrew; returns the documents that this may concern."""
    said = tx.session.execute(select(_W.patient_id, _W.name_blind).where(_W.document_id == by)).all()
    tx.session.execute(delete(_W).where(_W.document_id == by))
    return _called(tx, PatientId(said[0][0]), [hashed for _, hashed in said]) if said else []


def named_by(tx: Tx, by: str) -> list[DocumentId]:
    """The documents here whose name a document withdraws."""
    said = tx.session.execute(select(_W.patient_id, _W.name_blind).where(_W.document_id == by)).all()
    return _called(tx, PatientId(said[0][0]), [hashed for _, hashed in said]) if said else []


def is_withdrawn(tx: Tx, row: tables.Document) -> bool:
    """Whether who may speak for this document withdrew a name of it, and not before this version was issued.

    What another sender says waits for a person.
    """
    names = select(_N.name_blind).where(_N.document_id == row.document_id)
    said = select(_W.document_id, _W.issued_at).where(_W.patient_id == row.patient_id, _W.name_blind.in_(names))
    issued = row.issued_at
    by = {who for who, at in tx.session.execute(said) if at is None or issued is None or issued <= at}
    if not by or BEFORE in by:
        return bool(by)
    known = claims.voices(tx, {row.document_id, *by})
    foreign = {who for who in by if not known.speaks(who, row.document_id)}
    for who in sorted(foreign):
        claims.note(tx, who)
    return by != foreign


def names_of(tx: Tx, document_id: str) -> list[bytes]:
    """A document's names."""
    return list(tx.session.scalars(select(_N.name_blind).where(_N.document_id == document_id)))


def _called(tx: Tx, patient_id: PatientId, blinds: Iterable[bytes]) -> list[DocumentId]:
    found = select(_N.document_id).where(_N.patient_id == patient_id, _N.name_blind.in_(list(blinds))).distinct()
    return [DocumentId(one) for one in tx.session.scalars(found.order_by(_N.document_id))]


def _blinds(tx: Tx, patient_id: PatientId, names: Iterable[str]) -> list[bytes]:
    hashed = (blind(tx, patient_id, "unique", name) for name in names)
    return sorted({one for one in hashed if one is not None})
