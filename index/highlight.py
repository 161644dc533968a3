"""Which characters of a shown passage matched a question: from offsets, by the same analysis, by no engine."""

from __future__ import annotations

import sys

from index.analysis import analyse
from index.passages import bare
from index.port import Question

Span = tuple[int, int]


def highlights(text: str, question: Question) -> tuple[Span, ...]:
    """(start, end) code point offsets into NFC `text`, in order, without overlap: the words that hold a term."""
    tokens = {bare(token) for token in question.tokens}
    found = [(word.start, word.end) for word in analyse(text).words if not tokens.isdisjoint(word.tokens)]
    return merged(found)


def places_of(text: str) -> dict[str, list[Span]]:
    """token → spans of the words of NFC `text` that hold it, in order. Tokens are interned: passages share most."""
    found: dict[str, list[Span]] = {}
    for word in analyse(text).words:
        span = (word.start, word.end)
        for token in word.tokens:
            found.setdefault(sys.intern(token), []).append(span)
    return found


def merged(spans: list[Span]) -> tuple[Span, ...]:
    """Overlapping spans as one; touching ones stay apart."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start < result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return tuple(result)
