"""Documents in quarantine: the queue, and what a person's decision changes in records.

released     evidence that was judged to be the patient's is remembered with the document
moved        a document leaves a record: in one transaction it exists in the other and in no other place; its blobs
             in the first record are listed as leftovers until `sweep` deleted them
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable

from sqlalchemy import Select, delete, insert, literal, literal_column, select, tuple_, update

from access.categories import Category
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from records import documents, names, tables, versions
from records.blobs import Blobs
from records.database import Records, Tx
from records.document_rows import Document, DocumentState, Words, open_words, seal_words, to_document
from records.opaque import opaque
from records.patients import tray_id
from records.sealed import keyed_hash
from records.shelf import BlobRef
from records.tables import UtcTime

_T = tables.Document
_QUARANTINED = _T.state == literal_column("'quarantined'")  # as the index of those says it


def quarantined_without_scope(tx: Tx, limit: int, after: DocumentId | None = None) -> list[Document]:
    """The queue, oldest first, at most `limit`, behind a document of it when given. For identity vigilance alone."""
    return _oldest(tx, select(_T).where(_QUARANTINED), limit, after)


def refused_as_without_scope(tx: Tx, refusal: Refusal, limit: int, after: DocumentId | None = None) -> list[Document]:
    """Documents refused for this reason, in the same order. For identity vigilance alone."""
    why = (_T.refusal_stage == refusal.stage, _T.refusal_code == refusal.code)  # no document of another state has one
    return _oldest(tx, select(_T).where(*why), limit, after)


def _oldest(tx: Tx, statement: Select[tables.Document], limit: int, after: DocumentId | None) -> list[Document]:
    if after is not None and (start := tx.session.get(_T, after)) is not None:
        behind = tuple_(literal(start.received_at, UtcTime()), literal(start.document_id))
        statement = statement.where(tuple_(_T.received_at, _T.document_id) > behind)
    rows = tx.session.scalars(statement.order_by(_T.received_at, _T.document_id).limit(limit))
    return [to_document(tx, row) for row in rows]


def release_evidence(tx: Tx, document_id: DocumentId, keys: Collection[str]) -> None:
    """Remember evidence that a person found to be the patient's: the same document is not doubted for it again."""
    row = tx.session.get_one(_T, document_id, populate_existing=True)
    words = open_words(tx, row)
    known = frozenset(json.loads(words.released) if words.released else ())
    words = dataclasses.replace(words, released=json.dumps(sorted(known | frozenset(keys))))
    row.sealed = seal_words(tx, (PatientId(row.patient_id), document_id), words)
    tx.session.flush()


def moved_id(tx: Tx, document_id: DocumentId, to: PatientId) -> DocumentId:
    """The id of a document once it is in another record: always the same, so that a repeated move is the same move."""
    return DocumentId(opaque(keyed_hash(tx.service_key("lookup"), "moved", document_id, to)))


def move(tx: Tx, document: Document, arrived: Document, *, released: Collection[str], left: Iterable[BlobRef]) -> None:
    """Take `document` out of its record and put `arrived` into another, its bytes and reading already stored there.

    Nothing tells one from the other's row: no identifier of the first record goes along, save of who deposited it.
    """
    by_patient = document.deposited_by == document.patient_id
    words = Words(
        file_name=arrived.file_name,
        type_code=arrived.type_code,
        title=arrived.title,
        released=json.dumps(sorted(released)),
    )
    tx.session.execute(
        insert(_T).values(
            document_id=arrived.document_id,
            patient_id=arrived.patient_id,
            state=arrived.state.value,
            status="approved",
            masked=document.masked,
            hidden_from_patient=document.hidden_from_patient,
            category=Category.OTHER.value,
            event_date=document.event_date,
            version=1,
            content_hash=arrived.content_hash,
            blob=arrived.upload.name,
            size=document.size,
            media_type=document.media_type,
            origin=document.origin,
            pages=document.pages,
            unreadable_pages=json.dumps(document.unreadable_pages),
            unreadable_count=len(document.unreadable_pages),
            deposited_by="administration" if by_patient else document.deposited_by,
            deposited_for=document.deposited_for,
            received_at=document.received_at,
            fence=arrived.fence,
            reading_fence=arrived.fence,
            sealed=seal_words(tx, (arrived.patient_id, arrived.document_id), words),
        )
    )
    tx.session.execute(
        update(tables.Receipt)
        .where(tables.Receipt.document_id == document.document_id)
        .values(document_id=arrived.document_id, patient_id=arrived.patient_id)
    )
    waited = document.patient_id == tray_id(tx.keys)
    remove(tx, document, left=left, keys_to=arrived.document_id if waited else None)


def remove(tx: Tx, document: Document, *, left: Iterable[BlobRef], keys_to: DocumentId | None = None) -> None:
    """Take a document out of its record for good, with its facts, jobs and idempotency keys; its blobs: leftovers.

    `keys_to`: the document that its sender's keys stand for from now on, so that what is sent again is known. Only for
    one that was in the tray: of another record, the answer would tell its sender where it went.
    """
    if keys_to is not None:
        here = tables.DepositKey.document_id == document.document_id
        tx.session.execute(update(tables.DepositKey).where(here).values(document_id=keys_to))
    concerned = names.retract(tx, document.document_id)
    for table in (
        tables.Claim,
        tables.DepositKey,
        tables.Fact,
        tables.Job,
        tables.DocumentName,
        tables.Receipt,
        tables.PageCorrection,
    ):
        tx.session.execute(delete(table).where(table.document_id == document.document_id))
    tx.session.execute(delete(_T).where(_T.document_id == document.document_id))
    tx.session.expire_all()
    for each in concerned:
        if each != document.document_id:
            versions.settle(tx, tx.session.get_one(_T, each))
    leave(tx, left)


def leave(tx: Tx, left: Iterable[BlobRef]) -> None:
    """List blobs as leftovers."""
    for ref in left:
        if tx.session.get(tables.Leftover, (ref.patient_id, ref.name)) is None:
            tx.session.execute(insert(tables.Leftover).values(patient_id=ref.patient_id, blob=ref.name))
    tx.session.flush()


def take_up(tx: Tx, blobs: Blobs, refs: Iterable[BlobRef]) -> bool:
    """Keep blobs that may have been listed as leftovers. False when one is gone already: store them again."""
    for ref in refs:
        if not blobs.exists(ref):
            return False
        at = (tables.Leftover.patient_id == ref.patient_id, tables.Leftover.blob == ref.name)
        tx.session.execute(delete(tables.Leftover).where(*at))
    return True


def sweep(records: Records, blobs: Blobs) -> int:
    """Delete the leftovers; returns how many. After a move, and at every start of a worker: a kill delays it.

    Under the writer's lock, though a file is deleted in it: an upload of the same bytes is either recorded before, and
    keeps them, or finds afterwards that they are gone (`ingest.receive`).
    """
    with records.read() as tx:
        waiting = tx.session.execute(select(tables.Leftover.patient_id, tables.Leftover.blob)).all()
    for patient_id, name in waiting:
        with records.write() as tx:
            used = select(_T.document_id).where(_T.patient_id == patient_id, _T.blob == name).limit(1)
            if tx.session.scalar(used) is None:
                blobs.delete(BlobRef(PatientId(patient_id), name))
            tx.session.execute(
                delete(tables.Leftover).where(tables.Leftover.patient_id == patient_id, tables.Leftover.blob == name)
            )
    return len(waiting)


def twin_without_scope(tx: Tx, patient_id: PatientId, content_hash: str) -> Document | None:
    """A document of a record with these bytes that was not refused."""
    return documents.same_content_without_scope(
        tx, patient_id, content_hash, lambda one: one.state is not DocumentState.REFUSED
    )
