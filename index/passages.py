"""A passage's text to what the engines index of it: the one way, for the projection and for evaluation.

A word that its text states as absent (`clinical/assertion.py`) is indexed under DENIED + its tokens: « pas de fièvre »
gives "~=fievre" where « fièvre » gives "=fievre". So a denial is found, by less weight than the statement, and both
engines order the two alike without knowing why.

The title of its document and that of its section are its heads: each holds for every passage under it, whichever
passage says it, and counts once however often it is written.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from access.identifiers import PassageId
from clinical.assertion import denials
from index.analysis import Word, analyse
from index.port import IndexedPassage

DENIED = "~"


def indexed_passage(
    passage_id: PassageId, text: str, vector: bytes | None, titles: Sequence[str] = ()
) -> IndexedPassage:
    """The tokens, forms, length, vector and heads of a passage. titles: of its document and of its section."""
    text = unicodedata.normalize("NFC", text)
    words, denied = analyse(text), denials(text)
    tokens: list[str] = []
    for word in words.words:
        mark = DENIED if denied.covers(word.start, word.end) else ""
        tokens.extend(mark + token for token in word.tokens)
    above = [word for title in titles for word in _stated(unicodedata.normalize("NFC", title))]
    heads = tuple(sorted({token for word in above for token in word.tokens}))
    forms = tuple(sorted({*words.forms, *(word.exact for word in above)}))
    return IndexedPassage(passage_id, tuple(tokens), forms, words.length, vector, heads)


def _stated(title: str) -> Iterator[Word]:
    """The words of a title but those that it denies: « Absence d'allergie » is no title of allergies."""
    denied = denials(title)
    return (word for word in analyse(title).words if not denied.covers(word.start, word.end))


def bare(token: str) -> str:
    """A token without the mark of a denial."""
    return token.removeprefix(DENIED)
