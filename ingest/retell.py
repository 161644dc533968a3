"""What was told by earlier rules, told again by today's: from the stored readings, so nothing is read from paper anew.

A document stays searchable and tells what it told until its new facts are written in one transaction; the texts that
people corrected are those of the reading, and what its structured entries said stays. Interrupted anywhere, the
documents that are left are found by the edition that stands beside their facts.
"""

from __future__ import annotations

import logging
import threading

from access.identifiers import DocumentId
from access.refusal import Refusal
from clinical.text.edition import rules_edition
from ingest.told import told_again
from ingest.workbench import Workbench
from records import documents, facts, readings
from records.documents import Document

log = logging.getLogger("anamnese.retell")
BATCH = 20
"""Documents between two looks at the jobs: what arrives is read before what is told again."""


class Retelling:
    """Of one process. What cannot be told again (its reading does not open) is tried once and stays counted."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._one = threading.Lock()
        self._failed: set[DocumentId] = set()

    def step(self) -> bool:
        """Tell a batch again. False: there may be more. True also while another thread is at it."""
        if not self._one.acquire(blocking=False):
            return True
        try:
            return not self.batch()
        finally:
            self._one.release()

    def batch(self) -> list[DocumentId]:
        """Tell a batch again; the documents that now tell what today's rules find. Empty: none is left but failures."""
        edition = rules_edition()
        with self._bench.records.read() as tx:
            found = facts.behind_without_scope(tx, edition, BATCH + len(self._failed))
        left = [document_id for document_id in found if document_id not in self._failed][:BATCH]
        told = []
        for document_id in left:
            try:
                if self._tell(document_id, edition):
                    told.append(document_id)
                else:
                    self._failed.add(document_id)
            except Refusal as refusal:
                log.warning("document %s is not told again: %s", document_id, refusal.code)
                self._failed.add(document_id)
        return told if told or not left else self.batch()

    def _tell(self, document_id: DocumentId, edition: str) -> bool:
        """False when the document has no reading, or moved on meanwhile (it is told by who moved it)."""
        with self._bench.records.read() as tx:
            before = documents.document_without_scope(tx, document_id)
            reading = readings.reading_without_scope(self._bench.blobs, tx, document_id)
        if before is None or reading is None:
            return False
        pages = told_again(reading.pages)
        with self._bench.records.write() as tx:
            now = documents.document_without_scope(tx, document_id)
            if now is None or _place(now) != _place(before):
                return now is not None
            facts.keep(tx, document_id, pages, rules=edition)
        return True


def _place(document: Document) -> tuple[object, ...]:
    return document.state, document.fence, document.reading_fence, document.patient_id
