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

SHORTEST, ATTESTED = 8, 1.5
"""Letters of a name that may be misspelt, and the Zipf frequency in French from which a word is one of its own. Shorter
names are a letter away from too many others (Zyban, Zyvoxid); « ferritine » (2.3) is no drug."""
_WORD = re.compile(rf"[^\W\d_]{{{SHORTEST - 1},24}}")


def misspelt(flat: str, text: str, known: list[Found[Drug]]) -> Iterator[Found[Drug]]:
    """The words of a unit that are one letter away from a single drug's name, outside of what is `known`."""
    for word in _WORD.finditer(flat):
        drug = _nearest(word[0], text[word.start() : word.end()])
        if drug is not None and not any(each.start < word.end() and word.start() < each.end for each in known):
            yield Found(word.start(), word.end(), drug)


@lru_cache(maxsize=20_000)
def _nearest(word: str, written: str) -> Drug | None:
    names = {name for part in _with_one_less(word) for name in _by_part().get(part, ())}
    near = [name for name in names if OSA.distance(word, name, score_cutoff=1) <= 1]
    drugs = {_named()[name].substance for name in near}
    if len(drugs) != 1 or word in near or zipf_frequency(written, "fr") >= ATTESTED:
        return None
    return replace(_named()[near[0]], guessed=True)


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
