"""Text layers that only look like text: letters without a Unicode value, or a substituted alphabet."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from wordfreq import available_languages, zipf_frequency

from ocr.words import COMMON, exists, letters_of

FEWEST = 25  # words needed to condemn a page
KNOWN = 0.12  # share of words of common French or English below which another language is looked for
UNSPACED = {"zh", "ja", "ko"}  # cut in words by programs that we do not install
ELSEWHERE = 0.3  # share of one other language that clears the page: Turkish, German, Arabic…


def is_garbled(text: str) -> bool:
    """Whether a word holds characters that stand for no letter: no value, private use, unassigned, control."""
    if text.isprintable() and "\ufffd" not in text:  # which no character of these kinds is
        return False
    odd = sum(c == "\ufffd" or unicodedata.category(c) in ("Co", "Cn", "Cc", "Cs") for c in text)
    return odd > 0 and odd * 3 >= len(text)


def is_gibberish(texts: Sequence[str], fewest: int = FEWEST) -> bool:
    """Whether words belong to no language that wordfreq knows. False for fewer than `fewest` words to judge."""
    words = [w for w in map(letters_of, texts) if len(w) >= 3]
    if len(words) < fewest:
        return False
    known = 0
    for word in words:  # a word looked up for the first time costs as much as reading ten: stop at enough
        known += exists(word)
        if known >= KNOWN * len(words):
            return False
    sample = words[:200]
    for language in sorted(set(available_languages("small")) - UNSPACED):
        there = sum(zipf_frequency(w.casefold(), language, wordlist="small") >= COMMON for w in sample)
        if there >= ELSEWHERE * len(sample):
            return False
    return True
