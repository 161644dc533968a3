"""The specialty that a document comes from, told by its title, author or organisation, else by its kind. Pure.

`specialties.txt` is data to be reviewed: a name, and the beginnings of words that say it. What documents state is free
text (« Service de cardiologie », « Dr X, cardiologue »); a code of practice setting is rare in what is received.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from clinical.folding import plain

_FILE = Path(__file__).with_name("specialties.txt")
_KINDS = {"11502-2": "biologie médicale", "60568-3": "anatomie pathologique", "18748-4": "radiologie"}
_SHORT = 4
"""Letters up to which a word is meant whole: « ORL » is not Orléans."""


@lru_cache(maxsize=1)
def specialties() -> dict[str, tuple[str, ...]]:
    """name → what says it in plain words, behind a blank; a short word is between two."""
    lines = (line for line in _FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    cells = (line.split("|") for line in lines)
    return {name.strip(): tuple(_sought(each.strip()) for each in said.split(",")) for name, said in cells}


def _sought(words: str) -> str:
    return f" {words} " if len(words) <= _SHORT else f" {words}"


@lru_cache(maxsize=4_096)
def specialties_in(text: str) -> tuple[str, ...]:
    """The specialties that a text names, the first named first."""
    spaced = f" {plain(text)} "
    found = {
        name: min(places)
        for name, said in specialties().items()
        if (places := [place for each in said if (place := spaced.find(each)) >= 0])
    }
    return tuple(sorted(found, key=lambda name: (found[name], name)))


def specialty_of(type_code: str, *said: str) -> str:
    """The specialty of a document of this type whose title, author and organisation say this, the first that names one
    deciding; else that of its kind; "" when nothing tells it."""
    for text in said:
        if found := specialties_in(text):
            return found[0]
    return _KINDS.get(type_code, "")
