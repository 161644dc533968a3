"""The two arms of the embedded engine: postings and vectors of the Scope's documents, scored as exact integers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np
import numpy.typing as npt

from access.identifiers import DocumentId, PassageId
from access.scope import Scope
from index.embedded_rows import ENTRY, check_width
from index.port import Candidate, Candidates, Clause, Filters, Question
from index.scoring import LENGTHS, term_scores

_ADMITTED = """
    SELECT number, document_id, digest FROM documents
    WHERE patient IN (SELECT value FROM json_each(:identities)) AND removed = 0
      AND category IN (SELECT value FROM json_each(:categories))
      AND document_id NOT IN (SELECT value FROM json_each(:excluded))
      AND (:types IS NULL OR type_code IN (SELECT value FROM json_each(:types)))
      AND (:date_from IS NULL OR event_date >= :date_from) AND (:date_to IS NULL OR event_date <= :date_to)
    ORDER BY document_id
"""
# The unary plus keeps SQLite from seeking each admitted document in each term's postings.
_POSTINGS = """
    SELECT t.key, p.number, p.entries
    FROM json_each(:identities) i CROSS JOIN json_each(:terms) t
    CROSS JOIN postings p ON p.patient = i.value AND p.term = t.value
    WHERE +p.number IN (SELECT value FROM json_each(:numbers))
"""
_VECTORS = """
    SELECT v.number, v.width, v.matrix FROM json_each(:numbers) n CROSS JOIN vectors v ON v.number = n.value
"""
_NAMES = """
    SELECT c.number, c.passage_ids FROM json_each(:numbers) n CROSS JOIN contents c ON c.number = n.value
"""
_FLOAT32_WIDTH = 1_040  # x 127 x 127 stays under 2**24: partial sums of the dot product are exact in float32

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Admitted:
    """The documents that a Scope and its filters admit, in order of document id."""

    identities: str  # JSON
    numbers: tuple[int, ...]
    document_ids: tuple[str, ...]
    digests: tuple[str, ...]

    @property
    def ranks(self) -> dict[int, int]:
        return {number: rank for rank, number in enumerate(self.numbers)}


def admitted(connection: apsw.Connection, scope: Scope, filters: Filters) -> Admitted:
    """What `scope` and `filters` let in. Every other statement of a question is bounded by these numbers."""
    identities = json.dumps(sorted(scope.identities))
    bindings = {
        "identities": identities,
        "categories": json.dumps(sorted(c.value for c in scope.categories)),
        "excluded": json.dumps(sorted(scope.excluded)),
        "types": json.dumps(sorted(filters.type_codes)) if filters.type_codes else None,
        "date_from": filters.date_from.isoformat() if filters.date_from else None,
        "date_to": filters.date_to.isoformat() if filters.date_to else None,
    }
    rows = list(connection.execute(_ADMITTED, bindings))
    return Admitted(identities, tuple(r[0] for r in rows), tuple(r[1] for r in rows), tuple(r[2] for r in rows))


def match(connection: apsw.Connection, scope: Scope, question: Question) -> Candidates:
    """Both arms inside one read transaction."""
    inside = admitted(connection, scope, question.filters)
    if not inside.numbers:
        return Candidates((), (), 0)
    keys, scores = _words(connection, inside, question.clauses)
    words = _best(connection, inside, keys, scores, question.limit)
    documents = int(np.unique(keys >> 24).size)
    if question.vector is None:
        return Candidates(words, (), documents)
    keys, scores = _meaning(connection, inside, question.vector)
    return Candidates(words, _best(connection, inside, keys, scores, question.limit), documents)


def _words(connection: apsw.Connection, inside: Admitted, clauses: tuple[Clause, ...]) -> tuple[Integers, Integers]:
    """Keys (rank of the document << 24 | ordinal) and scores of every passage that holds a term."""
    terms = sorted({term.token for clause in clauses for term in clause.terms})
    bindings = {"identities": inside.identities, "terms": json.dumps(terms), "numbers": json.dumps(inside.numbers)}
    rows = sorted(connection.execute(_POSTINGS, bindings)) if terms else []
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ranks = inside.ranks
    entries = np.frombuffer(b"".join(row[2] for row in rows), ENTRY)
    counts = np.array([len(row[2]) // ENTRY.itemsize for row in rows])
    documents = np.repeat(np.array([ranks[row[1]] for row in rows], np.int64), counts)
    keys, places = np.unique(documents << 24 | (entries >> 40).astype(np.int64), return_inverse=True)
    frequencies = (entries >> 8 & 0xFFFFFFFF).astype(np.float64)
    lengths = LENGTHS[entries & 0xFF]
    bounds = np.searchsorted(np.repeat(np.array([row[0] for row in rows]), counts), np.arange(len(terms) + 1))
    spans = {term: slice(*bounds[i : i + 2]) for i, term in enumerate(terms)}
    total = np.zeros(len(keys), np.int64)
    for clause in clauses:
        best = np.zeros(len(keys), np.int64)
        for term in clause.terms:
            span = spans[term.token]
            np.maximum.at(best, places[span], term_scores(term.weight, frequencies[span], lengths[span]))
        total += best
    return keys[total > 0], total[total > 0]


def _meaning(connection: apsw.Connection, inside: Admitted, vector: bytes) -> tuple[Integers, Integers]:
    """Keys and dot products of every passage whose vector points the same way as the question's (dot > 0)."""
    rows = list(connection.execute(_VECTORS, {"numbers": json.dumps(inside.numbers)}))
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    width = len(vector)
    for row in rows:
        check_width(row[1], width)
    ranks = inside.ranks
    counts = [len(row[2]) // width for row in rows]
    keys = np.repeat(np.array([ranks[row[0]] << 24 for row in rows], np.int64), counts)
    keys |= np.concatenate([np.arange(count) for count in counts])
    kind = np.float32 if width <= _FLOAT32_WIDTH else np.float64
    matrix: npt.NDArray[Any] = np.frombuffer(b"".join(row[2] for row in rows), np.int8).reshape(-1, width).astype(kind)
    # einsum and not @: BLAS wakes threads, which costs 8 ms instead of 0.2 when other requests hold the cores.
    dots = np.einsum("ij,j->i", matrix, np.frombuffer(vector, np.int8).astype(kind)).astype(np.int64)
    return keys[dots > 0], dots[dots > 0]


def _best(
    connection: apsw.Connection, inside: Admitted, keys: Integers, scores: Integers, limit: int
) -> tuple[Candidate, ...]:
    """The first `limit` by falling score, then by passage id: keys follow document id, then passage id."""
    best = np.lexsort((keys, -scores))[:limit]
    places = [(key >> 24, key & 0xFFFFFF) for key in keys[best].tolist()]
    numbers = json.dumps(sorted({inside.numbers[rank] for rank, _ in places}))
    names = {number: ids.split("\n") for number, ids in connection.execute(_NAMES, {"numbers": numbers})}
    return tuple(
        Candidate(PassageId(names[inside.numbers[rank]][ordinal]), DocumentId(inside.document_ids[rank]), score)
        for (rank, ordinal), score in zip(places, scores[best].tolist(), strict=True)
    )
