"""The reference range that a result states, for a person of this sex and age: « H : 13 – 17 ; F : 12 – 16 ».

Only what is stated counts; no range is known here. When the statement does not single one out for the person (sex
unknown, several that fit), there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from clinical.folding import plain
from clinical.numerals import readings_of

Pick = Callable[[tuple[Decimal, ...]], Decimal | None]
Bounds = tuple[Decimal | None, Decimal | None]
"""Low and high in the result's own unit; None where the statement is open."""

_N = r"\d[\d.,\u00a0\u202f]*(?: \d{3}(?!\d))*"
_AGES = re.compile(
    r"(?:de\s+)?(?P<from>\d+)\s*(?:-|–|à|a)\s*(?P<to>\d+)\s*ans"
    r"|(?:>|≥|>=|plus de|à partir de|après)\s*(?P<over>\d+)\s*ans"
    r"|(?:<|≤|<=|moins de|avant|jusqu'à)\s*(?P<under>\d+)\s*ans",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"(?P<low>{_N})\s*(?:-|–|—|à|to|/)\s*(?P<high>{_N})"
    rf"|(?:<|≤|<=|inf(?:érieure?)?\.?\s*à)\s*=?\s*(?P<most>{_N})"
    rf"|(?:>|≥|>=|sup(?:érieure?)?\.?\s*à)\s*=?\s*(?P<least>{_N})",
    re.IGNORECASE,
)
_MEN = frozenset(["h", "homme", "hommes", "m", "masculin", "male", "men", "garcon", "garcons"])
_WOMEN = frozenset(["f", "femme", "femmes", "feminin", "female", "women", "fille", "filles"])


@dataclass(frozen=True, slots=True)
class _Stated:
    bounds: Bounds
    sex: str  # "", "M", "F"
    ages: tuple[int, int] | None

    def fits(self, sex: str, age: int | None) -> bool:
        if self.sex and self.sex != sex:
            return False
        return self.ages is None or (age is not None and self.ages[0] <= age <= self.ages[1])


def stated_range(text: str, sex: str, age: int | None, pick: Pick) -> Bounds:
    """The bounds stated for this person; (None, None) when there are none, or several.

    sex: "M", "F" or anything else for unknown; age in whole years at the time of the result; pick: which reading of an
    ambiguous number is meant.
    """
    fitting = [each for each in _statements(text, pick) if each.fits(sex, age)]
    own = [each for each in fitting if each.sex or each.ages] or fitting
    return own[0].bounds if len(own) == 1 else (None, None)


def _statements(text: str, pick: Pick) -> list[_Stated]:
    ages = [(found.start(), _span(found)) for found in _AGES.finditer(text)]
    masked = _AGES.sub(lambda found: " " * len(found[0]), text)
    stated: list[_Stated] = []
    behind = 0
    for found in _RANGE.finditer(masked):
        words = set(plain(masked[behind : found.start()]).split())
        sex = "M" if words & _MEN else "F" if words & _WOMEN else ""
        own = [span for start, span in ages if behind <= start < found.start()]
        stated.append(_Stated(_bounds(found, pick), sex, own[-1] if own else None))
        behind = found.end()
    return stated


def _span(found: re.Match[str]) -> tuple[int, int]:
    if found["from"]:
        return int(found["from"]), int(found["to"])
    return (int(found["over"]), 200) if found["over"] else (0, int(found["under"]))


def _bounds(found: re.Match[str], pick: Pick) -> Bounds:
    def number(text: str | None) -> Decimal | None:
        return pick(readings_of(text.strip(" .,"))) if text else None

    return number(found["low"] or found["least"]), number(found["high"] or found["most"])
