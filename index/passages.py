"""A passage's text to what the engines index of it: the one way, for the projection and for evaluation.

A word that its text states as absent (`clinical/assertion.py`) is indexed under DENIED + its tokens: « pas de fièvre »
gives "~=fievre" where « fièvre » gives "=fievre". So a denial is found, by less weight than the statement, and both
engines order the two alike without knowing why.
"""

from __future__ import annotations

import unicodedata

from access.identifiers import PassageId
from clinical.assertion import denials
from index.analysis import analyse
from index.port import IndexedPassage

DENIED = "~"


def indexed_passage(passage_id: PassageId, text: str, vector: bytes | None) -> IndexedPassage:
    """The tokens, forms, length and vector of a passage."""
    text = unicodedata.normalize("NFC", text)
    words, denied = analyse(text), denials(text)
    tokens: list[str] = []
    for word in words.words:
        mark = DENIED if denied.covers(word.start, word.end) else ""
        tokens.extend(mark + token for token in word.tokens)
    return IndexedPassage(passage_id, tuple(tokens), words.forms, words.length, vector)


def bare(token: str) -> str:
    """A token without the mark of a denial."""
    return token.removeprefix(DENIED)
