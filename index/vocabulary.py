"""Typos and beginnings of words, expanded over the Scope's own vocabulary and nothing else.

A word of the question that the Scope's passages hold, by its form or a stem, is left alone; so are numbers and words
under four letters. Any other may be a beginning (« cardiol »), unless it is a word of everyday French or English, and
becomes the Scope's forms that start with it; or a typo (« penicilinne »), unless it is a word that people write
(« hydroxyzine » must never become « hydralazine » because only the second is in the record), and becomes the forms at
the least edit distance. The caller is told.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile

from rapidfuzz import process
from rapidfuzz.distance import OSA

from index.analysis import fold, stems
from index.derivation import roots
from index.weights import is_common, is_known

SHORTEST = 4
LONG = 8
"""From this many letters two edits are allowed, one below. An edit: a letter more, less, other, or two swapped."""
LONG_ENOUGH_TO_MISPRINT = 6
MOST = 12
"""Forms that one word may become, the nearest first, then in alphabetical order."""


class Kind(StrEnum):
    TYPO = "typo"
    PREFIX = "prefix"
    MISPRINT = "misprint"


@dataclass(frozen=True, slots=True)
class Expansion:
    """A form of the Scope that a word of the question may stand for, and its share of the weight (0 to 1)."""

    form: str
    kind: Kind
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The Scope's forms, ready to be compared with."""

    forms: frozenset[str]
    stems: frozenset[str]  # "f:" and "e:" tokens
    words: tuple[str, ...]  # alphabetic forms long enough to be expanded to, sorted
    families: Mapping[str, tuple[str, ...]]  # forms by each of their derivational roots

    def holds(self, form: str) -> bool:
        """Whether a question's word is found as it is: its form, or one of its stems."""
        french, english = stems(form)
        return form in self.forms or f"f:{french}" in self.stems or f"e:{english}" in self.stems

    def family(self, form: str) -> tuple[str, ...]:
        """The forms derived from the same root as this one, itself left out; at most MOST, the shortest first."""
        found = {each for root in roots(form) for each in self.families.get(root, ()) if each != form}
        return tuple(sorted(found, key=lambda each: (len(each), each))[:MOST])


@lru_cache(maxsize=16)
def vocabulary(forms: frozenset[str]) -> Vocabulary:
    """Prepare a Scope's forms: 20 ms for 20,000 the first time, then kept for the same set."""
    both = (stems(form) for form in forms)
    tokens = frozenset(token for french, english in both for token in (f"f:{french}", f"e:{english}"))
    words = tuple(sorted(form for form in forms if form.isalpha() and len(form) >= SHORTEST))
    families: defaultdict[str, list[str]] = defaultdict(list)
    for form in words:
        for root in roots(form):
            families[root].append(form)
    return Vocabulary(forms, tokens, words, {family: tuple(found) for family, found in families.items()})


def expand(word: str, known: Vocabulary, medical: frozenset[str] = frozenset()) -> tuple[Expansion, ...]:
    """What a folded word of the question may become; nothing when it must stay as it is.

    medical: words of the medical vocabulary, which are no misspellings however rare they are.
    """
    if len(word) < SHORTEST or not _spelt(word) or word != fold(word):
        return ()
    real = word in medical or is_known(word)
    if known.holds(word):
        return _misprints(word, known, medical) if real and len(word) >= LONG_ENOUGH_TO_MISPRINT else ()
    starting = [] if is_common(word) else _starting(word, known)
    if starting:
        nearest = sorted(starting, key=lambda form: (len(form), form))[:MOST]
        return tuple(Expansion(form, Kind.PREFIX, 0.8) for form in nearest)
    return () if real else _typos(word, known)


def _spelt(word: str) -> bool:
    """A word of letters, or a longer one in which a scan read one letter as a digit (« a1lergie »)."""
    digits = [c for c in word if not c.isalpha()]
    return not digits or (len(word) >= LONG_ENOUGH_TO_MISPRINT and len(digits) == 1 and digits[0] in "01568")


@lru_cache(maxsize=4_096)
def _misprints(word: str, known: Vocabulary, medical: frozenset[str]) -> tuple[Expansion, ...]:
    """Forms of the Scope one edit away that nobody writes: what a scan or a hurried hand made of a word it holds."""
    near = process.extract(word, known.words, scorer=OSA.distance, score_cutoff=1, limit=None)
    own = stems(word)
    other = (form for form, distance, _ in near if distance == 1 and stems(form) != own)
    found = sorted(form for form in other if form not in medical and not is_known(form))
    return tuple(Expansion(form, Kind.MISPRINT, 0.6) for form in found[:MOST])


def suggestion(word: str, known: Vocabulary, medical: tuple[str, ...]) -> str | None:
    """The medical word nearest to one that is in no record and in no list of words: « did you mean ». It depends on
    the vocabulary alone, so it tells nothing of any patient."""
    if len(word) <= SHORTEST or not _spelt(word) or is_known(word) or known.holds(word):
        return None
    allowed = 2 if len(word) >= LONG else 1
    near = process.extract(word, medical, scorer=OSA.distance, score_cutoff=allowed, limit=None)
    best = min(((int(distance), form) for form, distance, _ in near if form[0] == word[0]), default=None)
    return best[1] if best and best[0] else None


def _starting(word: str, known: Vocabulary) -> list[str]:
    first = bisect_left(known.words, word)
    return list(takewhile(lambda form: form.startswith(word), known.words[first:]))


def _typos(word: str, known: Vocabulary) -> tuple[Expansion, ...]:
    """Forms at the least distance. Two edits need the same first letter: people seldom miss it."""
    allowed = 2 if len(word) >= LONG else 1
    near = process.extract(word, known.words, scorer=OSA.distance, score_cutoff=allowed, limit=None)
    kept = sorted((int(distance), form) for form, distance, _ in near if distance < 2 or form[0] == word[0])
    return tuple(
        Expansion(form, Kind.TYPO, 0.8 if distance < 2 else 0.6)
        for distance, form in kept[:MOST]
        if distance == kept[0][0]
    )
