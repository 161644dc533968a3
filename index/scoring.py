"""The lexical score of a term in a passage, the same integer in Python and in Painless.

    score(term, passage) = floor(1000 x weight x tf x 2.2 / (tf + 1.2 x (0.25 + 0.75 x L / 270)) + 0.5)

BM25's saturation and length norm (k1 1.2, b 0.75) with a fixed average of 90 words, that is 270 tokens, and a weight
that depends on no patient's text. L is the passage's count of tokens as Lucene keeps it in one byte (its
`SmallFloat.intToByte4`, lossy from 40 on), so that both engines read the same length. Weights are multiples of 1/1024
(`quantised`): float32, which is what a Lucene boost is, holds them exactly. Sums stay under 2**24, where float32 stops
being exact: 64 clauses x at most 35,200 a clause.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from index.passages import DENIED
from index.port import Clause, Part, Question

K1_PLUS_1, K1, ONE_MINUS_B, B, AVERAGE_TOKENS = 2.2, 1.2, 0.25, 0.75, 270.0
MOST_CLAUSES = 64
HEAVIEST = 16.0

PAINLESS = (
    "double tf = doc.freq; double length = doc.length; "
    "return Math.floor(1000.0 * query.boost * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / 270.0)) + 0.5);"
)
"""The same expression, evaluated in the same order in doubles, for an OpenSearch scripted similarity."""

_FREE = 24  # lengths that intToByte4 keeps as they are


def length_byte(tokens: int) -> int:
    """Lucene's SmallFloat.intToByte4: a count to 0..255."""
    if tokens < _FREE:
        return tokens
    rest = tokens - _FREE
    bits = rest.bit_length()
    if bits < 4:
        return _FREE + rest
    shift = bits - 4
    return _FREE + (((rest >> shift) & 7) | (shift + 1) << 3)


def length_of_byte(byte: int) -> int:
    """Lucene's SmallFloat.byte4ToInt: the count that an encoded length stands for."""
    if byte < _FREE:
        return byte
    rest = byte - _FREE
    shift = (rest >> 3) - 1
    return _FREE + (rest & 7 if shift == -1 else ((rest & 7) | 8) << shift)


def head_score(clause: Clause, share: float) -> int:
    """What a clause gains in a passage whose heads hold one of its tokens: exact in float32, as every boost is."""
    return round(1000.0 * share * heaviest(clause))


def head_tokens(clause: Clause) -> list[str]:
    """What of a clause a title may hold: a title denies nothing."""
    return sorted({term.token for term in clause.terms if not term.token.startswith(DENIED)})


LENGTHS = np.array([length_of_byte(byte) for byte in range(256)], dtype=np.float64)


def term_scores(
    weight: float, frequencies: npt.NDArray[np.float64], lengths: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Scores of one term in passages with these frequencies and decoded lengths (`LENGTHS[byte]`)."""
    saturated = frequencies + K1 * (ONE_MINUS_B + B * lengths / AVERAGE_TOKENS)
    return np.floor(1000.0 * weight * frequencies * K1_PLUS_1 / saturated + 0.5).astype(np.int64)


def quantised(weight: float) -> float:
    """The nearest weight that float32 holds exactly: a multiple of 1/1024 between 1/1024 and 16."""
    return min(HEAVIEST, max(1.0, round(weight * 1024.0)) / 1024.0)


def ceiling(question: Question) -> int:
    """Score of a passage that holds each part's heaviest way once at the average length: 1000 x their weights."""
    return sum(round(1000.0 * heaviest(part)) for part in question.clauses)


def heaviest(part: Part) -> float:
    """Weight of a clause's heaviest term, or of a choice's heaviest alternative."""
    if isinstance(part, Clause):
        return max((term.weight for term in part.terms), default=0.0)
    return max((sum(heaviest(clause) for clause in way.clauses) for way in part.alternatives), default=0.0)
