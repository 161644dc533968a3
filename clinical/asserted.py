"""How a sentence states what it names: present, absent, suspected, family, past or hypothetical.

In the manner of ConText: a sign and its scope, for each class, out of `rules/assertions.txt`; denials come from
`clinical/assertion.py`. Where scopes overlap, the first of ABSENT, FAMILY, HYPOTHETICAL, SUSPECTED, PAST holds. Pure;
the cost is bounded by the sentence, which callers keep short (`clinical/text/units.py`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clinical.assertion import Denials, denials, expression
from records.fact import Assertion

Span = tuple[int, int]
FARTHEST = 160
"""Characters that a sign may reach over."""
_RULES = Path(__file__).resolve().parent / "rules" / "assertions.txt"
_CLASSES = ("family", "hypothetical", "suspected", "past")
_BEFORE_NOUN = re.compile(
    r"(?:^\s*|[.,;:(\n]\s?|(?:^|[ '(])(?:une?|la|le|les|l'|d'|de|du|des|d'une?|et|ou|pour|cet?|cette|possible)\s?)$"
)
_NOTHING = "(?!)"


@dataclass(frozen=True, slots=True)
class Asserted:
    """The scopes of a sentence, by class in order of precedence."""

    denied: Denials
    scopes: tuple[tuple[Assertion, tuple[Span, ...]], ...]

    def of(self, start: int, end: int) -> Assertion:
        """How the thing at sentence[start:end] is stated."""
        if self.denied.covers(start, end):
            return Assertion.ABSENT
        for assertion, spans in self.scopes:
            if any(low <= start < high for low, high in spans):
                return assertion
        return Assertion.PRESENT

    def is_of_family(self, start: int) -> bool:
        """Whether what begins at sentence[start] is said of a relative, denied or not."""
        spans = next(spans for assertion, spans in self.scopes if assertion is Assertion.FAMILY)
        return any(low <= start < high for low, high in spans)


def asserted(flat: str) -> Asserted:
    """The scopes of one sentence in plain form (`clinical.text.plain`)."""
    found = []
    for name in _CLASSES:
        signs, ends = _patterns()[name]
        found.append((Assertion(name), tuple(_scopes(flat, signs, ends))))
    return Asserted(denials(flat), tuple(found))


def _scopes(flat: str, signs: re.Pattern[str], ends: re.Pattern[str]) -> list[Span]:
    closings = [found.start() for found in ends.finditer(flat)] + [len(flat)]
    spans: list[Span] = []
    for found in signs.finditer(flat):
        start, end = found.span()
        if found["before"] is not None or (found["either"] is not None and _stands_before(flat, start)):
            stop = closings[bisect_left(closings, end)]
            spans.append((start, min(stop, end + FARTHEST)))
        elif found["pseudo"] is None:
            last = bisect_left(closings, start)
            begin = closings[last - 1] + 1 if last else 0
            if found["wide"] is None:
                begin = max(begin, flat.rfind(",", begin, start) + 1)
            spans.append((max(begin, start - FARTHEST), end))
    return spans


def _stands_before(flat: str, start: int) -> bool:
    """Whether an adjective precedes its noun: nothing or an article stands before it."""
    return _BEFORE_NOUN.search(flat[max(0, start - 16) : start]) is not None


@lru_cache(maxsize=1)
def _patterns() -> dict[str, tuple[re.Pattern[str], re.Pattern[str]]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in _RULES.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1].replace(" ", "").isalpha():
            lines = sections.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            lines.append(expression(line))
    patterns = {}
    for name in _CLASSES:
        parts = {
            kind: "|".join(sections.get(f"{name} {kind}", [_NOTHING]))
            for kind in ("pseudo", "before", "after", "wide", "either")
        }
        signs = (
            rf"(?P<pseudo>\b(?:{parts['pseudo']}))|(?P<before>\b(?:{parts['before']}))"
            rf"|(?P<wide>{parts['wide']})|(?P<after>{parts['after']})|(?P<either>\b(?:{parts['either']}))"
        )
        patterns[name] = (re.compile(signs), re.compile("|".join(sections["end"] + sections.get(f"{name} end", []))))
    return patterns
