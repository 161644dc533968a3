"""Documents: one row a version of an uploaded thing. What a caller sees goes through a Scope, in SQL and again after.

    received → reading → searchable | quarantined | refused

Everything that a document or a person says in words (title, author, file name, type, a refusal's sentence...) is in
one sealed column under the patient's key.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, or_, select

from access.categories import Category
from access.confidentiality import asked_by
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.scope import Scope
from records import events, names, tables, versions
from records.content import Metadata
from records.database import Tx
from records.document_rows import (
    Document,
    DocumentRow,
    DocumentState,
    Status,
    Words,
    blind,
    open_words,
    seal_words,
    to_document,
)
from records.errors import lease_lost
from records.opaque import random_id
from records.reading_format import signatures_out
from records.scoped import INSIDE as _INSIDE
from records.scoped import scope_values
from records.shelf import BlobRef
from records.statements import among, as_set

__all__ = ["Document", "DocumentState", "Status", "Tx"]
_T = tables.Document
_C = tables.core(tables.Document)
_ANY = select(_C).where(_T.document_id == bindparam("document_id"))
_GET = _ANY.where(_INSIDE)
_SOME = select(_C).where(among(_T.document_id, "document_ids"), _INSIDE)
_STATES = select(_T.document_id, _T.state).where(among(_T.document_id, "document_ids"))
_NAMING = ("unique_id", "set_id", "replaces", "appends")
_SAID = ("type_code", "title", "author", "organization", "confidentiality", "language")
_LAST_VERSION = 2**31 - 1  # what every database's integer holds; a document may state anything


def new_document(
    tx: Tx,
    *,
    patient_id: PatientId,
    upload: BlobRef,
    content_hash: str,
    size: int,
    media_type: str,
    file_name: str,
    origin: str,
    deposited_by: str,
    deposited_for: str,
    now: datetime,
    masked: bool = False,
    hidden_from_patient: bool = False,
    submitted: str = "",
) -> Document:
    """Record an upload, state RECEIVED, category OTHER until it is read. A twin of hidden content is hidden alike."""
    document_id = DocumentId(random_id())
    twins = tx.session.scalars(select(_T).where(_T.patient_id == patient_id, _T.content_hash == content_hash)).all()
    inherited = versions.strictest(twins)
    words = Words(file_name=file_name, submitted=submitted)
    tx.session.execute(
        insert(_T).values(
            document_id=document_id,
            patient_id=patient_id,
            state=DocumentState.RECEIVED.value,
            status="approved",
            masked=masked or inherited.masked,
            hidden_from_patient=hidden_from_patient or inherited.hidden_from_patient,
            hidden_at=now if hidden_from_patient else inherited.hidden_at,
            hidden_from_representatives=inherited.hidden_from_representatives,
            category=Category.OTHER.value,
            type_code="",
            version=1,
            content_hash=content_hash,
            blob=upload.name,
            size=size,
            media_type=media_type,
            origin=origin,
            pages=0,
            unreadable_pages="[]",
            unreadable_count=0,
            deposited_by=deposited_by,
            deposited_for=deposited_for,
            received_at=now,
            fence=0,
            sealed=seal_words(tx, (patient_id, document_id), words),
        )
    )
    return to_document(tx, _row(tx, document_id))


def get_document(tx: Tx, scope: Scope, document_id: DocumentId) -> Document | None:
    """A document inside the Scope; None when it is outside, and when it does not exist."""
    row = tx.session.execute(_GET, scope_values(scope) | {"document_id": document_id}).one_or_none()
    return None if row is None else _admitted(tx, scope, row)


def get_documents(tx: Tx, scope: Scope, document_ids: Collection[DocumentId]) -> dict[DocumentId, Document]:
    """Those of these documents that are inside the Scope, in one statement: the recheck of a page of hits."""
    rows = tx.session.execute(_SOME, scope_values(scope) | {"document_ids": as_set(document_ids)})
    found = (_admitted(tx, scope, row) for row in rows)
    return {document.document_id: document for document in found if document is not None}


def list_documents(
    tx: Tx,
    scope: Scope,
    *,
    states: Collection[DocumentState] | None = None,
    limit: int | None = None,
    after: DocumentId | None = None,
) -> list[Document]:
    """The Scope's documents, newest event first, undated last, ties by id. `after` continues behind one of them.

    An `after` outside the Scope gives nothing, like one that does not exist.
    """
    conditions = [_INSIDE]
    if states is not None:
        conditions.append(_T.state.in_(sorted(states)))
    if after is not None:
        start = get_document(tx, scope, after)
        if start is None:
            return []
        conditions.append(_behind(start))
    rows = tx.session.execute(
        select(_C)
        .where(*conditions)
        .order_by(_T.event_date.is_(None), _T.event_date.desc(), _T.document_id)
        .limit(limit),
        scope_values(scope),
    )
    found = (_admitted(tx, scope, row) for row in rows)
    return [document for document in found if document is not None]


def document_without_scope(tx: Tx, document_id: DocumentId) -> Document | None:
    """Any document, for the pipeline."""
    row = tx.session.execute(_ANY, {"document_id": document_id}).one_or_none()
    return None if row is None else to_document(tx, row)


def documents_of_patient_without_scope(tx: Tx, patient_id: PatientId) -> list[Document]:
    """All documents of one identity, whatever their state, in order of reception."""
    rows = tx.session.execute(select(_C).where(_T.patient_id == patient_id).order_by(_T.received_at, _T.document_id))
    return [to_document(tx, row) for row in rows]


def states_without_scope(tx: Tx, document_ids: Collection[DocumentId]) -> dict[DocumentId, DocumentState]:
    """The state of each of these documents that exists."""
    rows = tx.session.execute(_STATES, {"document_ids": as_set(document_ids)})
    return {DocumentId(row.document_id): DocumentState(row.state) for row in rows}


def searchable_without_scope(tx: Tx, after: str, limit: int) -> list[DocumentId]:
    """The searchable documents of all patients, in order of id behind `after`, at most `limit`: to compare stores."""
    rows = select(_T.document_id).where(_T.state == DocumentState.SEARCHABLE, _T.document_id > after)
    return [DocumentId(one) for one in tx.session.scalars(rows.order_by(_T.document_id).limit(limit))]


def count_without_scope(tx: Tx, state: DocumentState) -> int:
    """How many documents of all patients are in this state: to compare stores, never to be shown to a caller."""
    return tx.session.scalar(select(func.count()).select_from(_T).where(_T.state == state)) or 0


def same_content_without_scope(
    tx: Tx, patient_id: PatientId, content_hash: str, admit: Callable[[Document], bool] = lambda _: True
) -> Document | None:
    """The first document of the patient with this content (`BlobWriter.content_hash`) that passes `admit`."""
    rows = tx.session.execute(
        select(_C)
        .where(_T.patient_id == patient_id, _T.content_hash == content_hash)
        .order_by(_T.received_at, _T.document_id)
    )
    return next((document for document in (to_document(tx, row) for row in rows) if admit(document)), None)


def set_state(
    tx: Tx,
    document_id: DocumentId,
    state: DocumentState,
    *,
    refusal: Refusal | None = None,
    evidence: str = "",
    set_aside: str = "",
    fence: int | None = None,
    now: datetime | None = None,
) -> None:
    """Move a document. `fence`, when given, must be the document's (else Refusal "lease-lost").

    `refusal`, `evidence` and `set_aside` replace what was there. Becoming or ceasing to be SEARCHABLE settles which
    version of its set is the approved one; QUARANTINED or REFUSED, it tells no facts. `now`: kept as `searchable_at`.
    """
    row = fenced_row(tx, document_id, fence)
    words = dataclasses.replace(
        open_words(tx, row),
        refusal_message="" if refusal is None else refusal.message,
        refusal_remedy="" if refusal is None else refusal.remedy,
        evidence=evidence,
        set_aside=set_aside,
    )
    row.state = state.value
    row.refusal_stage = None if refusal is None else refusal.stage
    row.refusal_code = None if refusal is None else refusal.code
    row.sealed = seal_words(tx, _key(row), words)
    row.searchable_at = now if state is DocumentState.SEARCHABLE else None
    if state in (DocumentState.QUARANTINED, DocumentState.REFUSED):
        tx.session.execute(delete(tables.Fact).where(tables.Fact.document_id == document_id))
        events.note(tx, "gone", row.patient_id, document_id, at=now)
    if state is DocumentState.SEARCHABLE:
        events.note(tx, "searchable", row.patient_id, document_id, at=now)
    tx.session.flush()
    versions.settle(tx, row)


def set_metadata(
    tx: Tx,
    document_id: DocumentId,
    metadata: Metadata,
    category: Category,
    *,
    fence: int | None = None,
    restricted_masks: bool = True,
) -> None:
    """Record what a document says of itself. It joins the versions of its set and takes their strictest mask.

    What it asked for when it was read before is not asked again: a person may have unmasked or announced it since.
    `restricted_masks`: the policy's setting.
    """
    row = fenced_row(tx, document_id, fence)
    patient_id = PatientId(row.patient_id)
    stated = {name: getattr(metadata, name) for name in (*_NAMING, *_SAID)}
    stated["signatures"] = _signatures(metadata)
    words = open_words(tx, row)
    row.sealed = seal_words(tx, _key(row), dataclasses.replace(words, **stated))
    row.category = category.value
    row.type_code = metadata.type_code
    row.event_date = metadata.event_date
    row.version = min(metadata.version, _LAST_VERSION)
    row.unique_blind = blind(tx, patient_id, "unique", metadata.unique_id)
    row.replaces_blind = blind(tx, patient_id, "unique", metadata.replaces)
    row.appends_blind = blind(tx, patient_id, "unique", metadata.appends)
    row.issued_at = metadata.issued_at
    tx.session.flush()
    names.record(tx, patient_id, document_id, (metadata.unique_id, *metadata.aliases), metadata.set_id)
    now, before = (
        asked_by(codes, restricted_masks=restricted_masks)
        for codes in (metadata.confidentiality, words.confidentiality)
    )
    versions.join(tx, row, now.beyond(before))
    versions.settle(tx, row)


def set_signatures(tx: Tx, document_id: DocumentId, metadata: Metadata, *, fence: int | None = None) -> None:
    """Record the signatures alone, of a document that waits for a person before it may say anything else."""
    row = fenced_row(tx, document_id, fence)
    words = dataclasses.replace(open_words(tx, row), signatures=_signatures(metadata))
    row.sealed = seal_words(tx, _key(row), words)
    tx.session.flush()


def _signatures(metadata: Metadata) -> str:
    return json.dumps(signatures_out(metadata.signatures)) if metadata.signatures else ""


def withdraw(tx: Tx, document_id: DocumentId, metadata: Metadata) -> list[DocumentId]:
    """Take the documents that `metadata.cancels` names out of every search; they stay in the record's history.

    `document_id`: of the document that says so. It speaks for its sender's documents, also for those that come later;
    another sender's wait for a person. Returns those here that it names.
    """
    row = _row(tx, document_id)
    found = names.withdraw(tx, PatientId(row.patient_id), document_id, metadata.cancels, metadata.issued_at)
    for each in found:
        versions.settle(tx, _row(tx, each))
    return found


def next_fence(tx: Tx, document_id: DocumentId) -> int:
    """A fence for a write that is no job's (a removal): from now on, writes of jobs claimed before are refused."""
    row = _row(tx, document_id)
    row.fence += 1
    tx.session.flush()
    return row.fence


def _key(row: tables.Document) -> tuple[PatientId, DocumentId]:
    return PatientId(row.patient_id), DocumentId(row.document_id)


def _row(tx: Tx, document_id: DocumentId) -> tables.Document:
    return tx.session.get_one(_T, document_id, populate_existing=True)


def fenced_row(tx: Tx, document_id: DocumentId, fence: int | None) -> tables.Document:
    """A document's row for a write. `fence`, when given, must be the document's (else Refusal "lease-lost")."""
    row = _row(tx, document_id)
    if fence is not None and row.fence != fence:
        raise lease_lost()
    return row


def _admitted(tx: Tx, scope: Scope, row: DocumentRow) -> Document | None:
    """The recheck, in the Scope's own words, of what SQL answered."""
    admits = scope.admits(PatientId(row.patient_id), DocumentId(row.document_id), Category(row.category))
    return to_document(tx, row) if admits else None


def _behind(start: Document) -> ColumnElement[bool]:
    """Strictly after `start` in the order of `list_documents`."""
    later = _T.document_id > start.document_id
    if start.event_date is None:
        return and_(_T.event_date.is_(None), later)
    same_day = and_(_T.event_date == start.event_date, later)
    return or_(_T.event_date.is_(None), _T.event_date < start.event_date, same_day)
