"""Is what a text names stated as absent? A small rule set for French and English, in the manner of NegEx.

    cue ──────────────► scope ──────────────► end
    « pas de »           fièvre, toux ni…      « mais », a full stop, a semicolon, a line's end

A cue before denies what follows it up to the end of its clause; a cue after (« : négatif », « éliminée », "ruled out")
denies what stands before it in the clause. Phrases that only look like a denial (« ne permet pas d'exclure », « non
compliqué », « sans doute », "not only") are recognised first and deny nothing. Pure; no model.

This serves the order and the label of passages. Facts (issue 8) are another matter.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

VERSION = 4
"""Part of the index's fingerprint: raise it with every change of the rules below."""
Span = tuple[int, int]
FARTHEST = 110
"""Characters that a denial may reach over inside its clause."""

_PLURAL = re.compile(r"^ (?:negati[fv]e?|absente?|eliminee?|ecartee?|exclue?|normale?)s$")
_GOES_ON = re.compile(r"\b(?:ni|ou|et|or|nor|and|aucune?|pas)\b|:")
_NAMES_A_LOSS = ("disparition", "absence")
"""« Disparition de la lamina dura » is a finding; only what is lost is denied."""
_KINDS = ("pseudo", "before", "after", "end")
_RULES_FILE = Path(__file__).resolve().parent / "rules" / "denials.txt"


@dataclass(frozen=True, slots=True)
class Denials:
    """The parts of a text that are stated as absent: offsets into it, in order."""

    spans: tuple[Span, ...]

    def covers(self, start: int, end: int) -> bool:
        """Whether text[start:end] begins inside a denied part."""
        return any(low <= start < high and end <= high + 1 for low, high in self.spans)


def denials(text: str) -> Denials:
    """What `text` states as absent. Any text is accepted."""
    plain = _plain(text)
    signs, closings = _patterns()
    ends = [found.start() for found in closings.finditer(plain)] + [len(plain)]
    spans: list[Span] = []
    for found in signs.finditer(plain):
        if found["before"] is not None:
            stop = min(ends[bisect_left(ends, found.end())], found.end() + FARTHEST)
            begin = found.end() if found[0].startswith(_NAMES_A_LOSS) else found.start()
            spans.append((begin, max(begin + 1, _enumeration_end(plain, found, stop))))
        elif found["after"] is not None:
            last = bisect_left(ends, found.start())
            begin = max(ends[last - 1] + 1 if last else 0, found.start() - FARTHEST)
            if not _PLURAL.search(found[0]):
                begin = _last_comma(plain, begin, found.start())
            spans.append((begin, found.end()))
    return Denials(tuple(sorted(spans)))


def _enumeration_end(plain: str, sign: re.Match[str], stop: int) -> int:
    """Where a denial ends inside its clause.

    « Non » denies up to a comma, every sign up to a colon. After the first comma an enumeration goes on (« pas de toux,
    fièvre ni frissons »); a single last member of several words begins a statement (« pas de toux, fièvre modérée »).
    """
    colon = plain.find(" :", sign.end() + 3, stop)
    stop = colon if colon >= 0 else stop
    comma = plain.find(",", sign.end(), stop)
    if comma < 0:
        return stop
    rest = plain[comma + 1 : stop]
    goes_on = "," in rest or len(rest.split()) < 2 or _GOES_ON.search(rest) is not None
    return stop if goes_on and sign[0] != "non " else comma


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The signs of a denial by kind, and what closes it, out of the rules' file."""
    sections: dict[str, list[str]] = {}
    for line in _RULES_FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1] in _KINDS:
            lines = sections.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            lines.append(expression(line))
    pseudo, before, after, end = ("|".join(sections[kind]) for kind in _KINDS)
    return re.compile(rf"(?P<pseudo>\b(?:{pseudo}))|(?P<before>\b(?:{before}))|(?P<after>{after})"), re.compile(end)


def expression(line: str) -> str:
    """A line of a rules' file as a regular expression: a space stands for blanks, « oe » for its ligature as well."""
    return line.replace(" ?", r"\s*").replace(" ", r"\s+").replace("oe", "(?:oe|œ)")


def _last_comma(plain: str, begin: int, end: int) -> int:
    """A cue after denies what stands in its own member of an enumeration."""
    return max(begin, plain.rfind(",", begin, end) + 1, plain.rfind(" / ", begin, end) + 1)


def _plain(text: str) -> str:
    """Lower case without accents, one character for one, so that offsets stay."""
    return "".join(map(_bare, text))


@lru_cache(maxsize=4096)
def _bare(character: str) -> str:
    bare = unicodedata.normalize("NFD", character.lower())[:1] or " "
    return "'" if bare == "\u2019" else "\n" if bare == "\n" else " " if bare.isspace() else bare
