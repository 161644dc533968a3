"""Writing a document's rows into the embedded engine's file, and taking them out."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import apsw
import numpy as np

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from index.digest import digest_of
from index.port import IndexedDocument, IndexedPassage
from index.scoring import length_byte

HEAD = "#"
"""Before a token of a passage's heads, among the postings."""
ENTRY = np.dtype("<u8")
"""A posting's entry: ordinal of the passage (24 bits) | frequency (32 bits) | length byte (8 bits)."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the file holds of a document."""

    number: int
    patient: str
    fence: int
    removed: bool


def held(connection: apsw.Connection, document_id: DocumentId) -> Held | None:
    """The row of a document, or of its tombstone."""
    row = connection.execute(
        "SELECT number, patient, fence, removed FROM documents WHERE document_id = ?", (document_id,)
    ).fetchone()
    return Held(row[0], row[1], row[2], bool(row[3])) if row else None


def forget(connection: apsw.Connection, gone: Held | None) -> None:
    """Delete every row of a document, tombstone included."""
    if gone is None:
        return
    content = connection.execute("SELECT terms FROM contents WHERE number = ?", (gone.number,)).fetchone()
    if content:
        keys = [(gone.patient, term, gone.number) for term in content[0].split("\n") if term]
        connection.executemany("DELETE FROM postings WHERE patient = ? AND term = ? AND number = ?", keys)
    for table in ("documents", "contents", "vectors"):
        connection.execute(f"DELETE FROM {table} WHERE number = ?", (gone.number,))


def store(connection: apsw.Connection, document: IndexedDocument) -> None:
    """Insert a document that the file does not hold."""
    passages = sorted(document.passages, key=lambda p: p.passage_id)
    number = _insert(connection, document, len(passages))
    postings = _postings(passages)
    forms = sorted({form for passage in passages for form in passage.forms})
    connection.execute(
        "INSERT INTO contents VALUES(?, ?, ?, ?)",
        (number, "\n".join(p.passage_id for p in passages), "\n".join(forms), "\n".join(postings)),
    )
    connection.executemany(
        "INSERT INTO postings VALUES(?, ?, ?, ?)",
        [(document.patient_id, term, number, entries) for term, entries in postings.items()],
    )
    widths = {len(p.vector) for p in passages if p.vector is not None}
    if len(widths) > 1:
        raise ValueError("the vectors of a document have one length")
    for width in widths:
        matrix = b"".join(p.vector or bytes(width) for p in passages)
        connection.execute("INSERT INTO vectors VALUES(?, ?, ?)", (number, width, matrix))


def bury(connection: apsw.Connection, patient: PatientId, document_id: DocumentId, fence: int) -> None:
    """Insert a tombstone: id and fence, no content."""
    connection.execute(
        "INSERT INTO documents(document_id, patient, category, type_code, event_date, fence, removed, passages, digest)"
        " VALUES(?, ?, '', '', NULL, ?, 1, 0, '')",
        (document_id, patient, fence),
    )


def _insert(connection: apsw.Connection, document: IndexedDocument, passages: int) -> int:
    connection.execute(
        "INSERT INTO documents(document_id, patient, category, type_code, event_date, fence, removed, passages, digest)"
        " VALUES(?, ?, ?, ?, ?, ?, 0, ?, ?)",
        (
            document.document_id,
            document.patient_id,
            document.category.value,
            document.type_code,
            document.event_date.isoformat() if document.event_date else None,
            document.fence,
            passages,
            digest_of(document),
        ),
    )
    return connection.last_insert_rowid()


def _postings(passages: list[IndexedPassage]) -> dict[str, bytes]:
    """Each term's entries, in order of passage."""
    entries: defaultdict[str, list[int]] = defaultdict(list)
    for ordinal, passage in enumerate(passages):
        tail = length_byte(len(passage.tokens))
        for term, frequency in Counter(passage.tokens).items():
            entries[term].append(ordinal << 40 | frequency << 8 | tail)
        for token in passage.heads:
            entries[HEAD + token].append(ordinal << 40 | 1 << 8 | tail)
    return {term: np.array(values, dtype=ENTRY).tobytes() for term, values in sorted(entries.items())}


def check_width(held_width: int, asked: int) -> None:
    """A vector of another model must never be compared: refuse instead of answering nonsense."""
    if held_width != asked:
        raise Refusal(
            "match",
            "vector-mismatch",
            "La recherche par le sens utilise un autre modèle que celui de l'index.",
            "Reconstruisez l'index avec « anamnese reindex ».",
        )
