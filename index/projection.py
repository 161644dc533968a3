"""From what records hold of a document to what the index holds of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from access.identifiers import passage_id
from access.refusal import Refusal
from index.embedders.port import Embedder, quantise
from index.passages import indexed_passage
from index.port import IndexedDocument, Removal
from records import documents, outbox, readings
from records.blobs import Blobs
from records.content import Reading
from records.database import Records
from records.documents import Document, DocumentState
from records.outbox import Event

OUTAGES = frozenset(
    {
        "embedder-unavailable",
        "records-unavailable",
        "records-damaged",
        "blobs-unavailable",
        "storage-closed",
        "home-unusable",
        "disk-full",
        "index-unavailable",
        "index-unreadable",
    }
)
"""Refusals that are nobody's document's fault: the follower stops there and tries again later."""
_HELD = frozenset({DocumentState.READING, DocumentState.SEARCHABLE})
_BARRED = frozenset({DocumentState.QUARANTINED, DocumentState.REFUSED})
_STEP = 500  # documents a read


@dataclass(frozen=True, slots=True)
class Broken:
    """An event whose document cannot be indexed, and why."""

    event: Event
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Source:
    """What a projection reads."""

    records: Records
    blobs: Blobs
    embedder: Embedder

    def project(self, event: Event, *, vectors: bool) -> IndexedDocument | Removal | Broken | None:
        """What the index must do about an event, as records stand now. None: nothing yet, a later event will tell.

        `vectors`: whether the generation is this embedder's; another one gets words only. Raises the Refusals of
        OUTAGES; any other is the document's own and comes back as Broken.
        """
        try:
            with self.records.read() as tx:
                document = documents.document_without_scope(tx, event.document_id)
                if event.operation == "remove" or document is None or document.state in _BARRED:
                    return Removal(event.patient_id, event.document_id, event.fence)
                if document.state not in _HELD:
                    return None
                reading = readings.reading_without_scope(self.blobs, tx, event.document_id)
            if reading is None:
                return None
            return self._indexed(event, document, reading, self._vectors(document, reading) if vectors else None)
        except Refusal as refusal:
            if refusal.code in OUTAGES:
                raise
            return Broken(event, refusal)

    def expected(self) -> Iterator[Event]:
        """The last event of every document that records call searchable and the index holds, in order of document id.

        Read a page at a time, so not of one moment: a home of four million documents would not fit in memory.
        """
        after = ""
        while True:
            with self.records.read() as tx:
                page = documents.searchable_without_scope(tx, after, _STEP)
                events = outbox.last_of(tx, page)
            if not page:
                return
            yield from (event for one in page if (event := events.get(one)) is not None and event.operation == "put")
            after = page[-1]

    def _vectors(self, document: Document, reading: Reading) -> bytes | None:
        """The stored vectors of this embedder, or new ones, kept for next time. None in words-only mode."""
        width = self.embedder.dimensions
        if not width:
            return None
        expected = width * len(reading.passages)
        with self.records.read() as tx:
            stored = readings.vectors_without_scope(self.blobs, tx, document.document_id, self.embedder.fingerprint)
        if stored is not None and len(stored) == expected:
            return stored
        if not expected:
            return b""
        rows = self.embedder.embed_passages([passage.text for passage in reading.passages])
        made = quantise(rows, self.embedder.scale).tobytes()
        readings.save_vectors(self.blobs, document, self.embedder.fingerprint, made)
        return made

    def _indexed(self, event: Event, document: Document, reading: Reading, vectors: bytes | None) -> IndexedDocument:
        width = self.embedder.dimensions
        passages = []
        for place, passage in enumerate(reading.passages):
            vector = None if vectors is None else vectors[place * width : (place + 1) * width]
            name = passage_id(document.document_id, passage.sequence)
            passages.append(indexed_passage(name, passage.text, vector, (document.title, passage.section)))
        return IndexedDocument(
            document.patient_id,
            document.document_id,
            document.category,
            document.type_code,
            document.event_date,
            event.fence,
            tuple(passages),
        )
