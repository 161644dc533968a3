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
from index.embedded_rows import ENTRY, HEAD, check_width
from index.port import Candidate, Candidates, Clause, Filters, Part, Question, clauses_of
from index.scoring import LENGTHS, head_score, head_tokens, term_scores

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
    held = _held(connection, inside, question)
    keys, scores = _words(held, question)
    words = _best(connection, inside, keys, scores, question.limit)
    documents = int(np.unique(keys >> 24).size)
    if question.vector is None:
        return Candidates(words, (), documents)
    keys, scores = _meaning(connection, inside, question.vector)
    allowed = _allowed(held, question, keys)
    return Candidates(words, _best(connection, inside, keys[allowed], scores[allowed], question.limit), documents)


@dataclass(frozen=True, slots=True)
class _Held:
    """The postings of a question's tokens: for each its places in `keys`, with frequencies and lengths."""

    keys: Integers  # rank of the document << 24 | ordinal, of every passage that holds a token; sorted
    spans: dict[str, slice]
    places: Integers
    frequencies: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.float64]

    def holds(self, token: str) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(self.keys), np.bool_)
        found[self.places[self.spans[token]]] = True
        return found

    def clause(self, clause: Clause, heads: float) -> Integers:
        """Score of a clause in each passage: its best term, and its share of `heads` where they hold one."""
        best = np.zeros(len(self.keys), np.int64)
        for term in clause.terms:
            span = self.spans[term.token]
            scores = term_scores(term.weight, self.frequencies[span], self.lengths[span])
            np.maximum.at(best, self.places[span], scores)
        if heads:
            headed = np.zeros(len(self.keys), np.bool_)
            for token in head_tokens(clause):
                headed[self.places[self.spans[HEAD + token]]] = True
            best[headed] += head_score(clause, heads)
        return best

    def part(self, part: Part, heads: float = 0.0) -> Integers:
        """Score of a clause, or of the best alternative of a choice."""
        if isinstance(part, Clause):
            return self.clause(part, heads)
        best = np.zeros(len(self.keys), np.int64)
        for way in part.alternatives:
            scores = [self.clause(clause, heads) for clause in way.clauses]
            total = np.sum(scores, axis=0)
            if way.whole:
                total = np.where(np.all([each > 0 for each in scores], axis=0), total, 0)
            np.maximum(best, total, out=best)
        return best


def _held(connection: apsw.Connection, inside: Admitted, question: Question) -> _Held:
    above = question.clauses if question.heads else ()
    heads = {HEAD + token for clause in clauses_of(above) for token in head_tokens(clause)}
    terms = sorted(question.tokens | question.without | heads)
    bindings = {"identities": inside.identities, "terms": json.dumps(terms), "numbers": json.dumps(inside.numbers)}
    rows = sorted(connection.execute(_POSTINGS, bindings)) if terms else []
    ranks = inside.ranks
    entries = np.frombuffer(b"".join(row[2] for row in rows), ENTRY)
    counts = np.array([len(row[2]) // ENTRY.itemsize for row in rows], np.int64)
    documents = np.repeat(np.array([ranks[row[1]] for row in rows], np.int64), counts)
    keys, places = np.unique(documents << 24 | (entries >> 40).astype(np.int64), return_inverse=True)
    bounds = np.searchsorted(np.repeat(np.array([row[0] for row in rows], np.int64), counts), np.arange(len(terms) + 1))
    return _Held(
        keys,
        {term: slice(*bounds[i : i + 2]) for i, term in enumerate(terms)},
        places.astype(np.int64),
        (entries >> 8 & 0xFFFFFFFF).astype(np.float64),
        LENGTHS[(entries & 0xFF).astype(np.int64)],
    )


def _words(held: _Held, question: Question) -> tuple[Integers, Integers]:
    """Keys and scores of every passage that scores, fulfils what is required and holds nothing excluded."""
    total = np.zeros(len(held.keys), np.int64)
    for part in question.clauses:
        total += held.part(part, question.heads)
    kept = (total > 0) & _allowed(held, question, held.keys)
    return held.keys[kept], total[kept]


def _allowed(held: _Held, question: Question, keys: Integers) -> npt.NDArray[np.bool_]:
    """Which of `keys` fulfil what is required and hold nothing excluded."""
    allowed = np.ones(len(keys), np.bool_)
    for part in question.required:
        allowed &= np.isin(keys, held.keys[held.part(part) > 0])
    for token in question.without:
        allowed &= ~np.isin(keys, held.keys[held.holds(token)])
    return allowed


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
