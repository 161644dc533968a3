"""How a sentence states what it names: present, absent, suspected, family, past or hypothetical.

In the manner of ConText: a sign and its scope, for each class, out of `rules/assertions.txt`; denials come from
`clinical/assertion.py`. Where scopes overlap, the first of ABSENT, FAMILY, HYPOTHETICAL, SUSPECTED, PAST holds. Pure;
the cost is bounded by the sentence, which callers keep short (`clinical/text/units.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clinical.assertion import Denials, denials
from records.fact import Assertion

Span = tuple[int, int]
FARTHEST = 160
"""Characters that a sign may reach over."""
_RULES = Path(__file__).resolve().parent / "rules" / "assertions.txt"
_CLASSES = ("family", "hypothetical", "suspected", "past")
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
        if found["before"] is not None:
            stop = next(closing for closing in closings if closing >= end)
            spans.append((start, min(stop, end + FARTHEST)))
        elif found["after"] is not None or found["wide"] is not None:
            begin = max((closing + 1 for closing in closings if closing < start), default=0)
            if found["after"] is not None:
                begin = max(begin, flat.rfind(",", begin, start) + 1)
            spans.append((max(begin, start - FARTHEST), end))
    return spans


@lru_cache(maxsize=1)
def _patterns() -> dict[str, tuple[re.Pattern[str], re.Pattern[str]]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in _RULES.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1].replace(" ", "").isalpha():
            lines = sections.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            lines.append(line.replace(" ", "[ \t]+") if not line.startswith("[.;") else line)
    patterns = {}
    for name in _CLASSES:
        parts = {
            kind: "|".join(sections.get(f"{name} {kind}", [_NOTHING])) for kind in ("pseudo", "before", "after", "wide")
        }
        signs = (
            rf"(?P<pseudo>\b(?:{parts['pseudo']}))|(?P<before>\b(?:{parts['before']}))"
            rf"|(?P<wide>{parts['wide']})|(?P<after>{parts['after']})"
        )
        patterns[name] = (re.compile(signs), re.compile("|".join(sections["end"] + sections.get(f"{name} end", []))))
    return patterns
