"""Typos and beginnings of words, expanded over the Scope's own vocabulary and nothing else.

A word of the question that the Scope's passages hold, by its form or a stem, is left alone; so are numbers and words
under four letters. Any other may be a beginning (« cardiol »), unless it is a word of everyday French or English, and
becomes the Scope's forms that start with it; or a typo (« penicilinne »), unless it is a word that people write
(« hydroxyzine » must never become « hydralazine » because only the second is in the record), and becomes the forms at
the least edit distance. The caller is told.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import islice, takewhile

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


class Lexicon:
    """Forms of one Scope or of several, ready to be compared with; each part is made when it is first needed.

    What is near a word is kept as long as the lexicon is: a question over many records compares once for all.
    """

    def __init__(self, forms: frozenset[str]) -> None:
        self.forms = forms
        self._near: dict[tuple[str, int], list[tuple[int, str]]] = {}

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Alphabetic forms long enough to be expanded to, sorted."""
        return tuple(sorted(form for form in self.forms if form.isalpha() and len(form) >= SHORTEST))

    @cached_property
    def _by_stem(self) -> tuple[dict[str, str], dict[str, str]]:
        """Forms by their French and by their English stem, several as lines of one string: 10,000 lists would have the
        garbage collector walk through all that the process holds, for twice as long as the rest of it takes."""
        french: dict[str, str] = {}
        english: dict[str, str] = {}
        for form in self.forms:
            of_french, of_english = stems(form)
            french[of_french] = f"{french[of_french]}\n{form}" if of_french in french else form
            english[of_english] = f"{english[of_english]}\n{form}" if of_english in english else form
        return french, english

    def stemmed_as(self, form: str) -> Iterator[str]:
        """The forms that share one of its two stems."""
        for by_stem, stem in zip(self._by_stem, stems(form), strict=True):
            if stem in by_stem:
                yield from by_stem[stem].split("\n")

    def starting(self, beginning: str) -> Iterator[str]:
        """The words that begin so, in their order."""
        first = bisect_left(self.words, beginning)
        return takewhile(lambda form: form.startswith(beginning), islice(self.words, first, None))

    def family(self, form: str) -> set[str]:
        """The words that share a derivational root with it: a root is the beginning of each word that has it."""
        return {each for root in roots(form) for each in self.starting(root) if root in roots(each)}

    def near(self, word: str, most: int) -> list[tuple[int, str]]:
        """Words at most so many edits away, each with how many (optimal string alignment)."""
        if (word, most) not in self._near:
            found = process.extract(word, self.words, scorer=OSA.distance, score_cutoff=most, limit=None)
            self._near[word, most] = [(int(distance), form) for form, distance, _ in found]
        return self._near[word, most]


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The forms of one Scope, and a lexicon of at least these: nothing outside the Scope is ever answered."""

    forms: frozenset[str]
    lexicon: Lexicon

    def holds(self, form: str) -> bool:
        """Whether a question's word is found as it is: its form, or one of its stems."""
        return form in self.forms or any(each in self.forms for each in self.lexicon.stemmed_as(form))

    def family(self, form: str) -> tuple[str, ...]:
        """The forms derived from the same root as this one, itself left out; at most MOST, the shortest first."""
        found = self.lexicon.family(form) & self.forms - {form}
        return tuple(sorted(found, key=lambda each: (len(each), each))[:MOST])

    def starting(self, beginning: str) -> Iterator[str]:
        """The Scope's words that begin so, in their order."""
        return (form for form in self.lexicon.starting(beginning) if form in self.forms)

    def near(self, word: str, most: int) -> list[tuple[int, str]]:
        """The Scope's words at most so many edits away, each with how many."""
        return [(distance, form) for distance, form in self.lexicon.near(word, most) if form in self.forms]


@lru_cache(maxsize=16)
def lexicon_of(forms: frozenset[str]) -> Lexicon:
    """The lexicon of a Scope's forms, the last ones kept: whoever reads a record asks more than once."""
    return Lexicon(forms)


def vocabulary(forms: frozenset[str], lexicon: Lexicon | None = None) -> Vocabulary:
    """A Scope's forms. lexicon: of this Scope and of others asked the same; one of its own otherwise."""
    return Vocabulary(forms, lexicon or lexicon_of(forms))


def expand(word: str, known: Vocabulary, medical: frozenset[str] = frozenset()) -> tuple[Expansion, ...]:
    """What a folded word of the question may become; nothing when it must stay as it is.

    medical: words of the medical vocabulary, which are no misspellings however rare they are.
    """
    if len(word) < SHORTEST or not _spelt(word) or word != fold(word):
        return ()
    real = word in medical or is_known(word)
    if known.holds(word):
        return _misprints(word, known, medical) if real and len(word) >= LONG_ENOUGH_TO_MISPRINT else ()
    starting = [] if is_common(word) else known.starting(word)
    nearest = sorted(starting, key=lambda form: (len(form), form))[:MOST]
    if nearest:
        return tuple(Expansion(form, Kind.PREFIX, 0.8) for form in nearest)
    return () if real else _typos(word, known)


def _spelt(word: str) -> bool:
    """A word of letters, or a longer one in which a scan read one letter as a digit (« a1lergie »)."""
    digits = [c for c in word if not c.isalpha()]
    return not digits or (len(word) >= LONG_ENOUGH_TO_MISPRINT and len(digits) == 1 and digits[0] in "01568")


def _misprints(word: str, known: Vocabulary, medical: frozenset[str]) -> tuple[Expansion, ...]:
    """Forms of the Scope one edit away that nobody writes: what a scan or a hurried hand made of a word it holds."""
    own = stems(word)
    other = (form for distance, form in known.near(word, 1) if distance == 1 and stems(form) != own)
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


def _typos(word: str, known: Vocabulary) -> tuple[Expansion, ...]:
    """Forms at the least distance. Two edits need the same first letter: people seldom miss it."""
    near = known.near(word, 2 if len(word) >= LONG else 1)
    kept = sorted((distance, form) for distance, form in near if distance < 2 or form[0] == word[0])
    return tuple(
        Expansion(form, Kind.TYPO, 0.8 if distance < 2 else 0.6)
        for distance, form in kept[:MOST]
        if distance == kept[0][0]
    )
