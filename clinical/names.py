"""Names of people, compared as people write them: any order, case, accent, hyphen or particle, a letter misread.

A name that differs by one letter is taken for a typing or scanning error, unless both spellings are first names that
French texts attest (Léa and Léo, Lina and Luna are two children; Jeam is a mistyped Jean).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rapidfuzz.distance import OSA
from wordfreq import zipf_frequency

ATTESTED = 2.0
"""Zipf frequency in French from which a spelling is a word of its own: Luna 3.6, Lina 3.3, Maeva 2.5; Jeam 0."""

PARTICLES = frozenset((
    "DE", "DU", "DES", "LA", "LE", "LES", "D", "L", "VAN", "VON", "DER", "DEN", "DA", "DI", "DOS", "DO", "BEN",
    "EL", "AL", "OULD", "BINT", "IBN", "SAINT", "ST", "STE", "SAINTE",
))  # fmt: skip
"""Words that come and go in a name: they never tell two people apart."""

TITLES = frozenset((
    "M", "MR", "MME", "MLLE", "MM", "MRS", "MS", "MONSIEUR", "MADAME", "MADEMOISELLE", "ENFANT", "BEBE",
    "PATIENT", "PATIENTE", "NEE", "NE", "EPOUSE", "EP", "VEUVE", "VVE", "DIT", "DITE", "FEU", "NOUVEAU", "JUMEAU",
    "JUMELLE", "NN", "GARCON", "FILLE",
))  # fmt: skip
_SOUNDS = str.maketrans("KQYZW", "CCISV")
_CONFUSED = str.maketrans("01568|!", "OISGBII")  # digits that Tesseract reads in capitals


class Match(StrEnum):
    """How a stated name stands to the recorded one."""

    SAME = "same"  # family and a first name agree
    OTHER_FAMILY = "other-family"  # the first name agrees: a name by marriage, or somebody else's
    OTHER_GIVEN = "other-given"  # the family name agrees: a twin, a parent, a child
    OTHER = "other"  # neither agrees
    PARTIAL = "partial"  # what is stated agrees, and is not enough to tell
    UNKNOWN = "unknown"  # nothing to compare


@dataclass(frozen=True, slots=True)
class Name:
    """A name as stated. `whole` holds words whose part (family or given) the text does not tell."""

    family: tuple[str, ...] = ()  # every family name stated: of birth, in use
    given: str = ""
    whole: str = ""

    @property
    def is_empty(self) -> bool:
        return not (words(self.given) or words(self.whole) or any(words(one) for one in self.family))

    def __str__(self) -> str:
        return " ".join(part for part in (*self.family, self.given, self.whole) if part)


def fold(text: str) -> str:
    """Capitals without accents, as many characters as `text`: an offset in one is an offset in the other."""
    return "".join(map(_folded, text))


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character)[0].upper()
    return plain if len(plain) == 1 else plain[0]


def words(name: str) -> list[str]:
    """The telling words of a name, folded: no title, no particle."""
    spread = name.replace("œ", "oe").replace("Œ", "OE").replace("æ", "ae").replace("Æ", "AE")
    plain = "".join(one if one.isalnum() or one in "|!" else " " for one in fold(spread)).translate(_CONFUSED)
    every = [word for word in plain.split() if word not in TITLES]
    return [word for word in every if word not in PARTICLES] or every


def match_names(stated: Name, family_names: Sequence[str], given_names: str, *, other_sex: bool = False) -> Match:
    """Compare what is stated with a record's family names (of birth, in use) and first names.

    other_sex   the document states another sex: Louis and Louise are then no spelling of each other
    """
    known = [one for one in family_names if words(one)]
    firsts = words(given_names)
    loose = words(stated.whole)
    families = [one for one in stated.family if words(one)]
    if stated.is_empty or not (known or firsts):
        return Match.UNKNOWN
    family = any(_carried(words(each), one) or _carried(words(one), each) for each in families for one in known)
    if loose:
        carried = max((_carried(loose, one) for one in known), key=lambda found: len("".join(found))) if known else []
        if not carried and len(loose) > 1:
            carried = _part(loose, known) or ([] if family else _near_family(loose, known))
        family = family or bool(carried)
        for word in carried:
            loose.remove(word)
    if not family and not families and not stated.given and len(words(stated.whole)) == 1:
        return Match.PARTIAL  # « Mme LEGRAND »: a family name by a marriage, or a first name; nothing tells
    said = [*words(stated.given), *loose]
    given = _same_given(said, firsts, hyphens=(stated.given or stated.whole, given_names), other_sex=other_sex)
    return _verdict(
        family=family, given=given, family_said=bool(families or len(words(stated.whole)) > 1), firsts=firsts
    )


def _verdict(*, family: bool, given: bool | None, family_said: bool, firsts: list[str]) -> Match:
    if family and given:
        return Match.SAME
    if family:
        return Match.PARTIAL if given is None or not firsts else Match.OTHER_GIVEN
    if not family_said:
        return Match.PARTIAL if given is not False else Match.OTHER_GIVEN
    if given:
        return Match.OTHER_FAMILY
    return Match.PARTIAL if given is None else Match.OTHER


def _same_given(said: list[str], firsts: list[str], *, hyphens: tuple[str, str], other_sex: bool) -> bool | None:
    """Whether a first name agrees; None when none is stated in full (an initial tells nothing)."""
    full = [one for one in said if len(one) > 1]
    if not full or not firsts:
        return None
    if alike(full[0], firsts[0], given=True, other_sex=other_sex):
        return not _other_compound(hyphens, firsts[0])
    found = [one for one in full if any(alike(one, first, given=True, other_sex=other_sex) for first in firsts)]
    if any(alike(one, firsts[0], given=True, other_sex=other_sex) for one in found):
        return True
    if not found:
        return alike("".join(full), "".join(firsts), given=True, other_sex=other_sex)
    # Two first names of which only a later one agrees: Pierre Marie is not Louis Marie.
    return found[0] == full[0]


def _other_compound(hyphens: tuple[str, str], first: str) -> bool:
    """Jean-Pierre and Jean-Paul: both written as one first name, and not the same."""
    ours = next((one for one in hyphens[1].split() if "-" in one), "")
    theirs = next((one for one in hyphens[0].split() if "-" in one and alike(words(one)[0], first)), "")
    if not ours or not theirs or words(ours)[0] != first:
        return False
    return not alike("".join(words(ours)), "".join(words(theirs)))


def alike(one: str, other: str, *, given: bool = False, other_sex: bool = False) -> bool:
    """Whether two folded words are one name: equal, or one or two letters apart by their length.

    given      first names: near spellings that are both attested are two names
    """
    if one == other:
        return True
    shorter = min(len(one), len(other))
    if shorter < 3:
        return False
    distance = OSA.distance(one, other, score_cutoff=2)
    if distance > (2 if shorter >= 8 else 1):
        return False
    if not given:
        return True
    if other_sex:
        return False
    if _sound(one) == _sound(other):
        return True
    return shorter > 3 and not (_attested(one) and _attested(other))


def _sound(word: str) -> str:
    """Spellings of one first name share it: Nathalie and Natalie, Mickaël and Michaël, Elizabeth and Elisabeth."""
    plain = word.replace("PH", "F").replace("H", "").translate(_SOUNDS)
    return re.sub(r"(.)\1+", r"\1", plain)


@lru_cache(maxsize=4096)
def _attested(word: str) -> bool:
    return bool(zipf_frequency(word.lower(), "fr") >= ATTESTED)


def _carried(stated: list[str], name: str) -> list[str]:
    """The stated words that make up a whole name, spaces, hyphens and particles aside; none when it is not there."""
    parts = words(name)
    found = [part if part in stated else next((o for o in stated if alike(o, part)), "") for part in parts]
    if all(found):
        return list(dict.fromkeys(found))
    written = "".join(one for one in fold(name) if one.isalnum())
    for joined in {"".join(parts), written} - {""}:
        if len(joined) < 5:
            continue
        for start in range(len(stated)):
            for end in range(start + 1, min(len(stated), start + 4) + 1):
                if alike("".join(stated[start:end]), joined):
                    return stated[start:end]
    return []


def _part(stated: list[str], known: Sequence[str]) -> list[str]:
    """A word of a compound family name that stands alone."""
    parts = [word for one in known if len(words(one)) > 1 for word in words(one) if len(word) > 2]
    return next(([one] for part in parts for one in stated if alike(one, part)), [])


def _near_family(stated: list[str], known: Sequence[str]) -> list[str]:
    """A stated word that a scan may have made of a family name: three letters of four are right, in place."""
    for one in known:
        joined = "".join(words(one))
        for word in stated:
            if len(joined) >= 6 and OSA.normalized_similarity(word, joined) >= 0.75:
                return [word]
    return []
