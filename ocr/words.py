"""Is this text? Judging words by how sure the engine was and by how many of them exist."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean

from wordfreq import zipf_frequency

from ocr.port import ReadWord

COMMON = 2.5  # Zipf frequency: once in 3 million words; "dyspnée" is 2.6, "furosémide" 1.9


def letters_of(text: str) -> str:
    """The word without what stands around it: « (œdème), » → "œdème"; "" when it holds no letter."""
    if text.isalpha():
        return text
    start, end = 0, len(text)
    while start < end and not text[start].isalpha():
        start += 1
    while end > start and not text[end - 1].isalpha():
        end -= 1
    return text[start:end]


@lru_cache(maxsize=20_000)
def exists(word: str) -> bool:
    """Whether a word of three letters or more is of common French or English, elision apart ("l'artère")."""
    folded = unicodedata.normalize("NFC", word).casefold().replace("’", "'")
    _, _, tail = folded.rpartition("'")
    candidates = {folded, tail} if len(tail) >= 3 else {folded}
    return any(zipf_frequency(c, tongue, wordlist="small") >= COMMON for c in candidates for tongue in ("fr", "en"))


def known_share(texts: Sequence[str]) -> float | None:
    """Share of the words of at least three letters that exist, by length; None when fewer than four can be judged."""
    words = [w for w in map(letters_of, texts) if len(w) >= 3]
    if len(words) < 4:
        return None
    return sum(len(w) for w in words if exists(w)) / sum(map(len, words))


def mean_confidence(words: Sequence[ReadWord]) -> float:
    """Mean confidence of the words, each weighing as many as its letters and digits; 0 when there is none."""
    weighed = [(w.confidence, sum(c.isalnum() for c in w.text)) for w in words]
    total = sum(weight for _, weight in weighed)
    return sum(c * weight for c, weight in weighed) / total if total else 0.0


def legibility(words: Sequence[ReadWord]) -> float:
    """Letters and digits read for sure: the quantity that tells one orientation of a picture from the other three."""
    return sum(
        w.confidence * sum(c.isalnum() for c in w.text) for w in words if w.confidence >= 0.5 and len(w.text) > 1
    )


def plain_mean(values: Sequence[float]) -> float:
    """Mean, 0 of nothing."""
    return fmean(values) if values else 0.0
