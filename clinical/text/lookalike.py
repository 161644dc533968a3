"""The word « allergie » as scanners and hurried hands leave it: « Al1ergie », « AIIergie », « allergei »."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from rapidfuzz.distance import OSA

_WORDS = ("allergie", "allergies", "allergique", "allergiques", "allergic")
_ALIKE = str.maketrans(
    {"i": "l", "1": "l", "|": "l", "!": "l", "j": "l", "0": "o", "6": "g", "9": "g", "3": "e", "5": "s"}
)
_WORD = re.compile(r"(?<![^\W_])[a4][\w|!]{5,11}(?![^\W_])")
_REAL = frozenset(("allergene", "allergenes", "allergen", "allergens"))
"""Words one letter away that are other words."""


def cue_lookalikes(flat: str) -> Iterator[tuple[int, int]]:
    """Where a word stands that is one letter, or look-alike letters, away from « allergie » or « allergique »."""
    for word in _WORD.finditer(flat):
        if word[0] not in _WORDS and _is_alike(word[0]):
            yield word.span()


@lru_cache(maxsize=20_000)
def _is_alike(word: str) -> bool:
    if word in _REAL:
        return False
    shape = word.translate(_ALIKE)
    return any(OSA.distance(word, each, score_cutoff=1) <= 1 or shape == each.translate(_ALIKE) for each in _WORDS)
