"""Readings: what was read from a document, in encrypted blobs that are named by document and fence.

Saving needs no transaction, so no lock is held while a blob is written. It has no effect until
`document_pages.set_pages`, with the fence of the job, makes the reading of that fence the document's: a worker that
lost its lease writes beside, never over, what its successor reads. `spare_blobs_without_scope` names what is left
behind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby

from sqlalchemy import select

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.scope import Scope
from records import bulk_files, documents, tables
from records.blobs import Blobs
from records.content import Page, Reading
from records.database import Tx
from records.documents import Document, DocumentState
from records.keys import PatientKeys
from records.reading_format import page_from_bytes, page_to_bytes, reading_from_bytes, reading_to_bytes
from records.shelf import BlobRef

_READING, _VECTORS, _PAGE = "reading", "vectors", "page"


def save_reading(blobs: Blobs, document: Document, reading: Reading) -> BlobRef:
    """Store a reading, durably.

    For a document in state READING it is its job's, to be made current by `set_pages`; for another it replaces the
    current one.
    """
    return _save(blobs, document.patient_id, _READING, _key(document), reading_to_bytes(reading))


def load_reading(blobs: Blobs, tx: Tx, scope: Scope, document_id: DocumentId) -> Reading | None:
    """The reading of a document inside the Scope; None outside, and when there is none."""
    document = documents.get_document(tx, scope, document_id)
    return None if document is None else reading_of(blobs, tx, scope, document)


def reading_of(blobs: Blobs, tx: Tx, scope: Scope, document: Document) -> Reading | None:
    """The same for a document that was read in this transaction; the patient's key is looked up once in it."""
    if not scope.admits(document.patient_id, document.document_id, document.category):
        return None
    return _load_reading(blobs, document, tx.patient_keys(document.patient_id))


def reading_without_scope(blobs: Blobs, tx: Tx, document_id: DocumentId) -> Reading | None:
    """The reading of any document, for the pipeline."""
    document = documents.document_without_scope(tx, document_id)
    return None if document is None else _load_reading(blobs, document)


def save_vectors(blobs: Blobs, document: Document, embedder_fingerprint: str, vectors: bytes) -> BlobRef:
    """Store the vectors (int8, passages in order) of the reading that `save_reading` stored, or of the current one."""
    return _save(blobs, document.patient_id, _VECTORS, f"{_key(document)}/{embedder_fingerprint}", vectors)


def vectors_without_scope(blobs: Blobs, tx: Tx, document_id: DocumentId, embedder_fingerprint: str) -> bytes | None:
    """The vectors of a document's current reading for this embedder; None when they were never made."""
    document = documents.document_without_scope(tx, document_id)
    if document is None or document.reading_fence is None:
        return None
    ref = blobs.named(document.patient_id, _VECTORS, f"{_current(document)}/{embedder_fingerprint}")
    return blobs.read(ref) if blobs.exists(ref) else None


def save_page_checkpoint(blobs: Blobs, document: Document, recipe: str, page: Page) -> BlobRef:
    """Keep a page of a long reading, so that the next attempt under the same recipe does not read it again."""
    return _save(blobs, document.patient_id, _PAGE, _page_key(document, recipe, page.number), page_to_bytes(page))


def kept_pages_without_scope(blobs: Blobs, document: Document, recipe: str, pages: int) -> set[int]:
    """Numbers of those of a document's first `pages` pages that were kept under this recipe."""
    names = [_page_key(document, recipe, number) for number in range(1, pages + 1)]
    refs = blobs.named_each(document.patient_id, _PAGE, names)
    return {number for number, ref in enumerate(refs, 1) if blobs.exists(ref)}


def kept_page_without_scope(blobs: Blobs, document: Document, recipe: str, number: int) -> Page:
    """A page that was kept. Refusals of `Blobs.open`."""
    return page_from_bytes(blobs.read(blobs.named(document.patient_id, _PAGE, _page_key(document, recipe, number))))


def drop_page_checkpoints(blobs: Blobs, document: Document, recipe: str, numbers: Iterable[int]) -> None:
    """Delete kept pages."""
    for number in numbers:
        blobs.delete(blobs.named(document.patient_id, _PAGE, _page_key(document, recipe, number)))


def blobs_of(blobs: Blobs, document: Document, embedder_fingerprint: str, recipe: str = "") -> list[BlobRef]:
    """The blobs that a document has: its upload, its readings of every fence, their vectors, kept pages.

    Vectors of other embedders are not among them: `spare_blobs_without_scope` finds those.
    """
    named = [document.upload]
    for fence in range(document.fence + 1):
        key = f"{document.document_id}/{fence}"
        named.append(blobs.named(document.patient_id, _READING, key))
        named.append(blobs.named(document.patient_id, _VECTORS, f"{key}/{embedder_fingerprint}"))
    pages = range(1, document.pages + 1)
    named += [blobs.named(document.patient_id, _PAGE, _page_key(document, recipe, number)) for number in pages]
    return [ref for ref in named if blobs.exists(ref)]


def spare_blobs_without_scope(blobs: Blobs, tx: Tx, embedder_fingerprints: Collection[str]) -> Iterator[BlobRef]:
    """Blobs that nothing refers to: uploads never recorded, readings of lost leases, vectors of other embedders, kept
    pages of documents that are not being read, files whose import is over. For `verify`, while no worker and no upload
    runs.
    """
    sent = bulk_files.files_without_scope(tx, blobs)
    for patient_id, stored in groupby(blobs.walk(), lambda ref: ref.patient_id):  # one record at a time in memory
        used = _used(blobs, tx, patient_id, embedder_fingerprints)
        if used is not None:
            yield from (ref for ref in stored if ref not in used and ref not in sent)


def _used(blobs: Blobs, tx: Tx, patient_id: PatientId, embedder_fingerprints: Collection[str]) -> set[BlobRef] | None:
    """What a record's documents refer to. None when it cannot be told: one is being read, or the key is destroyed."""
    of = tables.Document
    rows = tx.session.execute(
        select(of.document_id, of.blob, of.state, of.reading_fence).where(of.patient_id == patient_id)
    ).all()
    if not rows:
        return set()
    if any(row.state in {DocumentState.RECEIVED, DocumentState.READING} for row in rows):
        return None
    used = {BlobRef(patient_id, row.blob) for row in rows}
    current = [f"{row.document_id}/{row.reading_fence}" for row in rows]
    vectors = [f"{each}/{one}" for each in current for one in embedder_fingerprints]
    try:
        keys = tx.patient_keys(patient_id)
        used.update(blobs.named_each(patient_id, _READING, current, keys))
        used.update(blobs.named_each(patient_id, _VECTORS, vectors, keys))
    except Refusal as refusal:
        if refusal.code != "key-destroyed":
            raise
        return None  # what is left of them opens for nobody, and their names cannot be told any more
    return used


def _load_reading(blobs: Blobs, document: Document, keys: PatientKeys | None = None) -> Reading | None:
    if document.reading_fence is None:
        return None
    return reading_from_bytes(blobs.read(blobs.named(document.patient_id, _READING, _current(document), keys), keys))


def _key(document: Document) -> str:
    """What a save belongs to: the reading that the document's job is making, or the one that it has."""
    if document.state is DocumentState.READING or document.reading_fence is None:
        return f"{document.document_id}/{document.fence}"
    return _current(document)


def _current(document: Document) -> str:
    return f"{document.document_id}/{document.reading_fence}"


def _page_key(document: Document, recipe: str, number: int) -> str:
    return f"{document.document_id}/{recipe}/{number}"


def _save(blobs: Blobs, patient_id: PatientId, kind: str, key: str, content: bytes) -> BlobRef:
    with blobs.create(patient_id, kind, key) as writer:
        writer.write(content)
        return writer.commit()
