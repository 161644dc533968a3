"""Words as compared: lower case, no accents, letters and digits only."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "µ": "u", "μ": "u"})


@lru_cache(maxsize=16_384)
def plain(text: str) -> str:
    """The words of a text, separated by one blank: « Œdème de Quincke » is "oedeme de quincke"."""
    bare = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    letters = (one for one in bare if not unicodedata.combining(one))
    return " ".join("".join(one if one.isalnum() else " " for one in letters).split())


def holds(text: str, words: str) -> bool:
    """Whether plain `text` has plain `words` in it, word by word."""
    return bool(words) and f" {words} " in f" {text} "
