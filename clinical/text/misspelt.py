"""Names of drugs with one letter wrong: « isofosfamide », « vécuronum ». A word that French texts attest is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from rapidfuzz.distance import OSA
from wordfreq import zipf_frequency

from clinical.text.plain import plain
from clinical.text.terms import Found
from clinical.text.vocabulary import Drug, drug_names

_NAMELIKE = 6
SHORTEST, ATTESTED = 8, 1.5
"""Letters of a name that may be misspelt, and the Zipf frequency in French from which a word is one of its own. Shorter
names are a letter away from too many others (Zyban, Zyvoxid); « ferritine » (2.3) is no drug."""
_WORD = re.compile(rf"(?<![^\W_])(?=[^\W\d_]{{2}})[^\W_]{{{SHORTEST - 1},24}}(?![^\W_])")
_LETTERS = (str.maketrans("1053", "lose"), str.maketrans("1053", "iose"))
"""What scanners read for letters: « PENICILL1NE », « penici11ine »."""


def misspelt(flat: str, text: str, known: list[Found[Drug]]) -> Iterator[Found[Drug]]:
    """The words of a unit that are one letter away from a single drug's name, outside of what is `known`."""
    for word in _WORD.finditer(flat):
        drug = _with_letters(word[0], text[word.start() : word.end()])
        if drug is not None and not any(each.start < word.end() and word.start() < each.end for each in known):
            yield Found(word.start(), word.end(), drug)


def _with_letters(word: str, written: str) -> Drug | None:
    """The drug that a word names, its digits read as letters. A word is no name for more than two digits."""
    digits = sum(map(str.isdigit, word))
    if not digits:
        return _nearest(word, written)
    if digits > 2:
        return None
    for letters in _LETTERS:
        read = word.translate(letters)
        if read in _named():
            return replace(_named()[read], guessed=True)
    return None


@lru_cache(maxsize=20_000)
def _nearest(word: str, written: str) -> Drug | None:
    names = {name for part in _with_one_less(word) for name in _by_part().get(part, ())}
    near = [name for name in names if OSA.distance(word, name, score_cutoff=1) <= 1]
    drugs = {_named()[name].substance for name in near}
    if len(drugs) != 1 or word in near or zipf_frequency(written, "fr") >= ATTESTED:
        return None
    return replace(_named()[near[0]], guessed=True)


def is_no_word(word: str) -> bool:
    """Whether a word of some length is attested in no French text: beside « allergie » it is a name, or misspelt."""
    return len(word) >= _NAMELIKE and word.isalpha() and zipf_frequency(word, "fr") < ATTESTED


@lru_cache(maxsize=1)
def _named() -> dict[str, Drug]:
    """Single words that name a drug, in plain form."""
    names: dict[str, Drug] = {}
    for name, drug in drug_names():
        word = plain(name)
        if len(word) >= SHORTEST and word.isalpha():
            names.setdefault(word, drug)
    return names


@lru_cache(maxsize=1)
def _by_part() -> dict[str, tuple[str, ...]]:
    parts: dict[str, tuple[str, ...]] = {}
    for name in _named():
        for part in _with_one_less(name):
            parts[part] = (*parts.get(part, ()), name)
    return parts


def _with_one_less(word: str) -> set[str]:
    """The word, and the word without one of its letters: two words one letter apart share one of them."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}
