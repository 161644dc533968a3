"""Which section a unit stands in: out of the page's titled parts, or out of lines that are or begin with a title."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from clinical.text.plain import plain

_FILE = Path(__file__).resolve().parent.parent / "rules" / "sections.txt"
_TITLE = re.compile(r"[\s#*•·\-–>0-9.)]*([^:\t\n]{2,60}?)[ \t]*(?::|\n|$)")
_SPACES = re.compile(r"\s+")
_SHORT = re.compile(r"\batcds?\b")
_OWN_HISTORY = re.compile(
    r"(?:autres? |principaux )?(?:antecedents?|atcds?)(?: (?:et|du|de|la|patiente?|perso\w*|medica\w+|chirurgica\w+"
    r"|medico-? ?chirurgica\w+|gyneco\S*|obstetrica\w+|psychiatriques?|cardio\w+|notables?|principaux|connus|autres))*"
)
"""However it is put together: a list of the patient's own under « ATCD familiaux » would be given to the family."""
_PARENTHESIS = re.compile(r"\s*\([^()]*\)")


class Context(StrEnum):
    """What a section's title says of what stands under it."""

    NONE = ""
    ALLERGY = "allergy"
    FAMILY = "family"
    HISTORY = "history"
    TREATMENT = "treatment"
    STOPPED = "stopped"
    LABORATORY = "laboratory"
    VACCINES = "vaccines"
    PLAN = "plan"
    OTHER = "other"


def context_of(title: str) -> Context:
    """The context that a title opens; NONE when it is none that is known."""
    words = _SPACES.sub(" ", _PARENTHESIS.sub("", plain(title))).strip(" :.-–#*")
    known = _titles().get(words) or _titles().get(_SHORT.sub("antecedents", words))
    if known is not None:
        return known
    return Context.HISTORY if _OWN_HISTORY.fullmatch(words) else Context.NONE


def title_of(flat: str) -> tuple[str, int] | None:
    """The known title that a unit is or begins with, and where it ends; None when it has none."""
    found = _TITLE.match(flat)
    if found is None or context_of(found[1]) is Context.NONE:
        return None
    return found[1], found.end()


@lru_cache(maxsize=1)
def _titles() -> dict[str, Context]:
    titles: dict[str, Context] = {}
    context = Context.NONE
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            context = Context(line[1:-1])
        elif line and not line.startswith("#"):
            titles.update((plain(title.strip()), context) for title in line.split(","))
    return titles
