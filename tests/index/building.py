"""Builds indexed documents, scopes and questions for the index suites. Texts here are invented."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

from access.categories import Category
from access.identifiers import DocumentId, PassageId, PatientId, passage_id
from access.scope import Caller, CallerKind, Purpose, Scope
from index.analysis import analyse
from index.port import (
    Candidates,
    Clause,
    Filters,
    Generation,
    IndexedDocument,
    IndexedPassage,
    Question,
    Removal,
    WeightedTerm,
)

DIMENSIONS = 384
GENERATION = Generation("anamnese-test", "0123456789ab")
CALLER = Caller(CallerKind.PRACTITIONER, "10001234567")


def opaque(name: str) -> str:
    """26 characters of base32, the form of our identifiers, decided by `name`; keeps its first letters in order."""
    letters = "".join(c for c in name.lower() if c in "abcdefghijklmnopqrstuvwxyz234567")[:10]
    tail = hashlib.sha256(name.encode()).digest()
    return letters + "".join("abcdefghijklmnopqrstuvwxyz234567"[b % 32] for b in tail)[: 26 - len(letters)]


def patient(name: str) -> PatientId:
    return PatientId(opaque("p" + name))


def document_id(name: str) -> DocumentId:
    return DocumentId(opaque("d" + name))


def passage(document: str, sequence: int) -> PassageId:
    return passage_id(document_id(document), sequence)


def vector(seed: int, dimensions: int = DIMENSIONS) -> bytes:
    """Pseudo-random int8, the same for the same seed."""
    return np.random.default_rng(seed).integers(-127, 128, dimensions, dtype=np.int8).tobytes()


def document(
    name: str,
    texts: Sequence[str],
    *,
    of: str = "one",
    category: Category = Category.REPORT,
    type_code: str = "11488-4",
    event: date | None = date(2021, 3, 12),
    fence: int = 1,
    vectors: Sequence[bytes | None] | None = None,
    title: str = "",
) -> IndexedDocument:
    passages = []
    for sequence, text in enumerate(texts):
        words = analyse(text)
        passages.append(
            IndexedPassage(
                passage(name, sequence),
                words.tokens,
                words.forms,
                words.length,
                None if vectors is None else vectors[sequence],
                tuple(sorted(set(analyse(title).tokens))),
            )
        )
    return IndexedDocument(patient(of), document_id(name), category, type_code, event, fence, tuple(passages))


def removal(name: str, *, of: str = "one", fence: int) -> Removal:
    return Removal(patient(of), document_id(name), fence)


def scope(
    *patients: str, categories: Iterable[Category] = tuple(Category), excluded: Iterable[str] = (), empty: bool = False
) -> Scope:
    names = patients or ("one",)
    return Scope(
        caller=CALLER,
        patient_id=patient(names[0]),
        purpose=Purpose.CARE,
        identities=frozenset() if empty else frozenset(map(patient, names)),
        categories=frozenset(categories),
        excluded=frozenset(map(document_id, excluded)),
    )


def words(text: str, *, weight: float = 4.0, filters: Filters | None = None, limit: int = 200) -> Question:
    """A question of plain exact and stem terms: exact at the weight, stems at three quarters of it."""
    clauses = tuple(
        Clause(tuple(WeightedTerm(t, weight if t.startswith("=") else weight * 0.75) for t in word.tokens))
        for word in analyse(text).words
    )
    return Question(clauses, None, filters or Filters(), limit)


def meaning(query: bytes, *, filters: Filters | None = None, limit: int = 200) -> Question:
    return Question((), query, filters or Filters(), limit)


def word_ids(found: Candidates) -> list[str]:
    return [c.passage_id for c in found.words]


def meaning_ids(found: Candidates) -> list[str]:
    return [c.passage_id for c in found.meaning]
