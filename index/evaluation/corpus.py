"""A collection as the product would hold it: opaque ids, passages, tokens, vectors."""

from __future__ import annotations

import base64
import hashlib
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from access.categories import Category
from access.identifiers import DocumentId, PassageId, PatientId, passage_id
from access.scope import Caller, CallerKind, Purpose, Scope
from index.embedders.port import Embedder
from index.evaluation.beir import Collection, Entry
from index.evaluation.vectors import Vectors, embed_all
from index.passages import indexed_passage
from index.port import Index, IndexedDocument

Cut = Callable[[str], Sequence[str | tuple[str, str]]]
"""A document's text to its passages', each inside the embedder's window; or each behind the title of its section."""

_BATCH = 200  # documents a write
_CALLER = Caller(CallerKind.ADMINISTRATOR, "evaluate")


@dataclass(frozen=True, slots=True)
class Indexing:
    """What was put in the engine, and how fast: analysis and writing, embedding apart."""

    documents: int
    passages: int
    seconds: float
    embedded: int  # passages embedded now, the others came from the cache
    embedding_seconds: float


@dataclass(frozen=True, slots=True)
class Kept:
    """A passage as it was indexed. titles: of its document and of its section, either may be empty."""

    text: str
    titles: tuple[str, str]


def patient_of(name: str) -> PatientId:
    """The patient id of a collection's patient name ("" in a collection without patients)."""
    return PatientId(_opaque("patient", name))


def document_of_entry(name: str) -> DocumentId:
    """The document id of an entry."""
    return DocumentId(_opaque("document", name))


def scope_of(name: str) -> Scope:
    """Everything in one patient's record."""
    patient = patient_of(name)
    return Scope(_CALLER, patient, Purpose.CARE, frozenset({patient}), frozenset(Category))


def fill(
    index: Index,
    collection: Collection,
    embedder: Embedder,
    cut: Cut,
    vectors: Path | None,
    progress: Callable[[str], None],
) -> tuple[Indexing, dict[PassageId, Kept]]:
    """Cut, embed and write the whole collection; its passages, to look at what is found.

    Raises what the cutter, the embedder and the engine raise."""
    cuts = [[_sectioned(each) for each in cut(unicodedata.normalize("NFC", e.text))] for e in collection.entries]
    texts = [tuple(text for _, text in pieces) for pieces in cuts]
    start = time.perf_counter()
    embedded = embed_all([text for passages in texts for text in passages], embedder, vectors, progress)
    embedding = time.perf_counter() - start
    ends = [0]
    for passages in texts:
        ends.append(ends[-1] + len(passages))
    start = time.perf_counter()
    rows = zip(collection.entries, cuts, pairwise(ends), strict=True)
    documents = (_indexed(entry, parts, embedded.vectors[low:high]) for entry, parts, (low, high) in rows)
    while batch := list(islice(documents, _BATCH)):
        index.put(batch)
    seconds = time.perf_counter() - start
    kept = {
        passage_id(document_of_entry(entry.id), sequence): Kept(text, (entry.title, section))
        for entry, parts in zip(collection.entries, cuts, strict=True)
        for sequence, (section, text) in enumerate(parts)
    }
    return Indexing(len(texts), ends[-1], seconds, embedded.computed, embedding), kept


def _sectioned(piece: str | tuple[str, str]) -> tuple[str, str]:
    return ("", piece) if isinstance(piece, str) else piece


def _indexed(entry: Entry, parts: Sequence[tuple[str, str]], vectors: Vectors) -> IndexedDocument:
    document = document_of_entry(entry.id)
    passages = []
    for sequence, ((section, text), vector) in enumerate(zip(parts, vectors, strict=True)):
        titles = (entry.title, section)
        passages.append(indexed_passage(passage_id(document, sequence), text, vector.tobytes() or None, titles))
    return IndexedDocument(
        patient_of(entry.patient), document, Category.OTHER, entry.type_code, entry.event_date, 1, tuple(passages)
    )


def _opaque(kind: str, name: str) -> str:
    digest = hashlib.sha256(f"{kind}\0{name}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:26]
