"""From what records hold of a document to what an engine holds of it."""

from __future__ import annotations

from access.identifiers import DocumentId, passage_id
from index.analysis import analyse
from index.embedders.port import Embedder, quantise
from index.port import IndexedDocument, IndexedPassage
from records import documents, readings
from records.blobs import Blobs
from records.content import Reading
from records.database import Records
from records.documents import Document


def indexed_document_without_scope(
    records: Records, blobs: Blobs, embedder: Embedder, document_id: DocumentId, fence: int | None = None
) -> IndexedDocument | None:
    """A document as the engines hold it, under `fence` (its own by default); None without a current reading.

    Vectors made by the same embedder are taken from where the reading is; otherwise they are made now and kept there.
    """
    with records.read() as tx:
        document = documents.document_without_scope(tx, document_id)
        reading = readings.reading_without_scope(blobs, tx, document_id)
        kept = readings.vectors_without_scope(blobs, tx, document_id, embedder.fingerprint)
    if document is None or reading is None:
        return None
    size = embedder.dimensions
    if kept is None or len(kept) != size * len(reading.passages):
        kept = _vectors(embedder, reading)
        if kept:
            readings.save_vectors(blobs, document, embedder.fingerprint, kept)
    return _indexed(document, reading, kept, size, document.fence if fence is None else fence)


def _vectors(embedder: Embedder, reading: Reading) -> bytes:
    if not embedder.dimensions or not reading.passages:
        return b""
    made = embedder.embed_passages([passage.text for passage in reading.passages])
    return quantise(made, embedder.scale).tobytes()


def _indexed(document: Document, reading: Reading, vectors: bytes, size: int, fence: int) -> IndexedDocument:
    passages = []
    for number, passage in enumerate(reading.passages):
        words = analyse(passage.text)
        passages.append(
            IndexedPassage(
                passage_id=passage_id(document.document_id, passage.sequence),
                tokens=words.tokens,
                forms=words.forms,
                length=words.length,
                vector=vectors[number * size : (number + 1) * size] or None,
            )
        )
    return IndexedDocument(
        patient_id=document.patient_id,
        document_id=document.document_id,
        category=document.category,
        type_code=document.type_code,
        event_date=document.event_date,
        fence=fence,
        passages=tuple(passages),
    )
