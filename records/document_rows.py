"""A document as a value, and its row: what is sealed in it, and how it is opened."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import Row

from access.categories import Category
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from records import tables
from records.content import Signature
from records.database import Tx
from records.reading_format import signatures_in
from records.sealed import keyed_hash, seal_json, unseal_json
from records.shelf import BlobRef

DocumentRow = tables.Document | Row[Any]
"""A mapped object, or a row of its whole table: both have the columns by name."""
Status = Literal["approved", "archived", "deprecated"]


class DocumentState(StrEnum):
    """How far a document has come."""

    RECEIVED = "received"
    READING = "reading"
    SEARCHABLE = "searchable"
    QUARANTINED = "quarantined"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Document:
    """A document as recorded. Sizes are bytes; pages count from 1; words of the document are kept out of `repr`."""

    document_id: DocumentId
    patient_id: PatientId
    unique_id: str = field(repr=False)
    set_id: str = field(repr=False)
    version: int
    status: Status
    masked: bool
    hidden_from_patient: bool
    type_code: str
    category: Category
    title: str = field(repr=False)
    author: str = field(repr=False)
    organization: str = field(repr=False)
    event_date: date | None
    confidentiality: str
    language: str
    origin: str
    media_type: str
    file_name: str = field(repr=False)
    size: int
    content_hash: str
    upload: BlobRef
    state: DocumentState
    refusal: Refusal | None
    evidence: str = field(repr=False)  # why it is quarantined: JSON of `ingest.evidence`
    pages: int
    unreadable_pages: tuple[int, ...]
    received_at: datetime
    searchable_at: datetime | None
    deposited_by: str
    deposited_for: str
    fence: int
    reading_fence: int | None  # of the job whose reading is this document's; None before the first
    released: frozenset[str] = field(
        default=frozenset(), repr=False
    )  # evidence that a person found to be the patient's
    masked_by: str | None = None  # None when nobody masked this one itself
    hidden_since: datetime | None = None  # from the patient; None when it is not
    hidden_from_representatives: bool = False
    withdrawn: bool = False  # cancelled by its sender
    submitted: str = field(default="", repr=False)  # the FHIR DocumentReference it was sent with, or for whom, as JSON
    replaces: str = field(default="", repr=False)  # the maker's name of the document that this one replaces
    appends: str = field(default="", repr=False)  # of the one that it completes
    set_aside: str = field(default="", repr=False)  # who refused it, when, why: JSON of `ingest.set_aside`
    signatures: tuple[Signature, ...] = field(default=(), repr=False)
    notes: tuple[tuple[str, tuple[int, ...]], ...] = field(default=(), repr=False)  # what was not read, on which pages


@dataclass(frozen=True, slots=True)
class Words:
    """What is sealed of a document: all that it, or a person about it, says in words."""

    file_name: str = ""
    unique_id: str = ""
    set_id: str = ""
    type_code: str = ""
    title: str = ""
    author: str = ""
    organization: str = ""
    confidentiality: str = ""
    language: str = ""
    refusal_message: str = ""
    refusal_remedy: str = ""
    evidence: str = ""
    released: str = ""  # JSON list
    set_aside: str = ""  # JSON of `ingest.set_aside`
    submitted: str = ""  # the FHIR DocumentReference it was sent with, or for whom, as JSON
    replaces: str = ""
    appends: str = ""
    signatures: str = ""  # JSON list
    notes: str = ""  # JSON list of sentences with their pages


def seal_words(tx: Tx, row_of: tuple[PatientId, DocumentId], words: Words) -> bytes:
    """The sealed column of a document's row."""
    patient_id, document_id = row_of
    said = {name: text for name, text in dataclasses.asdict(words).items() if text}
    return seal_json(tx.patient_keys(patient_id).columns, said, f"documents/sealed/{document_id}")


def open_words(tx: Tx, row: DocumentRow) -> Words:
    """Inverse of `seal_words`; refuses when the row's values were moved, changed, or their key destroyed."""
    key = tx.patient_keys(PatientId(row.patient_id)).columns
    return Words(**unseal_json(key, row.sealed, f"documents/sealed/{row.document_id}"))


def blind(tx: Tx, patient_id: PatientId, use: str, value: str) -> bytes | None:
    """Keyed hash of a value to look up among one patient's rows; None for an empty value, which matches nothing."""
    return keyed_hash(tx.patient_keys(patient_id).names, use, value) if value else None


def to_document(tx: Tx, row: DocumentRow) -> Document:
    """The value of a row."""
    words = open_words(tx, row)
    patient_id = PatientId(row.patient_id)
    refusal = None
    if row.refusal_stage is not None and row.refusal_code is not None:
        refusal = Refusal(row.refusal_stage, row.refusal_code, words.refusal_message, words.refusal_remedy)
    return Document(
        document_id=DocumentId(row.document_id),
        patient_id=patient_id,
        unique_id=words.unique_id,
        set_id=words.set_id,
        version=row.version,
        status=_status(row.status),
        masked=row.masked,
        hidden_from_patient=row.hidden_from_patient,
        type_code=words.type_code,
        category=Category(row.category),
        title=words.title,
        author=words.author,
        organization=words.organization,
        event_date=row.event_date,
        confidentiality=words.confidentiality,
        language=words.language,
        origin=row.origin,
        media_type=row.media_type,
        file_name=words.file_name,
        size=row.size,
        content_hash=row.content_hash,
        upload=BlobRef(patient_id, row.blob),
        state=DocumentState(row.state),
        refusal=refusal,
        evidence=words.evidence,
        pages=row.pages,
        unreadable_pages=tuple(json.loads(row.unreadable_pages)),
        received_at=row.received_at,
        searchable_at=row.searchable_at,
        deposited_by=row.deposited_by,
        deposited_for=row.deposited_for,
        fence=row.fence,
        reading_fence=row.reading_fence,
        released=frozenset(json.loads(words.released) if words.released else ()),
        masked_by=row.masked_by,
        hidden_since=(row.hidden_at or row.received_at) if row.hidden_from_patient else None,
        hidden_from_representatives=row.hidden_from_representatives,
        withdrawn=row.withdrawn,
        submitted=words.submitted,
        replaces=words.replaces,
        appends=words.appends,
        set_aside=words.set_aside,
        signatures=signatures_in(json.loads(words.signatures)) if words.signatures else (),
        notes=tuple((said, tuple(pages)) for said, pages in json.loads(words.notes or "[]")),
    )


def _status(text: str) -> Status:
    return "archived" if text == "archived" else "deprecated" if text == "deprecated" else "approved"
