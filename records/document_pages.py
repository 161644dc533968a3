"""What a document's row says of its pages: how many, which could not be read and why, and prints that tell copies."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from access.identifiers import DocumentId, PatientId
from records import tables, versions
from records.content import Page
from records.database import Tx
from records.document_rows import open_words, seal_words
from records.documents import fenced_row
from records.sealed import keyed_hash

MOST_NOTES = 100  # pages that say the same are one


def set_pages(
    tx: Tx,
    document_id: DocumentId,
    pages: int,
    unreadable: Collection[int],
    *,
    texts: Collection[str] = (),
    notes: Mapping[str, Sequence[int]] = MappingProxyType({}),
    fence: int | None = None,
) -> None:
    """Make the reading saved under the document's fence its reading: how many pages, and which of them (from 1) no
    trustworthy text came from. `texts` of the pages, in order, tell copies of one report apart.
    `notes`: what was not read, in a sentence, with its pages; the first MOST_NOTES are kept.
    """
    row = fenced_row(tx, document_id, fence)
    kept = list(notes.items())[:MOST_NOTES]
    words = dataclasses.replace(open_words(tx, row), notes=json.dumps(kept) if kept else "")
    row.sealed = seal_words(tx, (PatientId(row.patient_id), document_id), words)
    row.pages, row.unreadable_count, row.reading_fence = pages, len(set(unreadable)), row.fence
    row.unreadable_pages = json.dumps(sorted(set(unreadable)))
    row.page_prints = b"".join(_print(tx, row, n, text) for n, text in enumerate(texts, 1)) or None
    tx.session.flush()


def set_read(tx: Tx, document_id: DocumentId, pages: Sequence[Page], *, fence: int) -> None:
    """`set_pages` of what was read."""
    unreadable = [page.number for page in pages if page.unreadable]
    texts = [page.text for page in pages]
    notes: dict[str, list[int]] = {}
    for page in pages:
        if page.note:
            notes.setdefault(page.note, []).append(page.number)
    set_pages(tx, document_id, len(pages), unreadable, texts=texts, notes=notes, fence=fence)


def _print(tx: Tx, row: tables.Document, number: int, text: str) -> bytes:
    """The same for pages of the same words; a page without any is like no other."""
    words = " ".join(text.split())
    said = (words,) if words else (row.document_id, str(number))
    return keyed_hash(tx.patient_keys(PatientId(row.patient_id)).names, "page", *said)[: versions.PRINT]
