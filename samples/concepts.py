"""The concepts that stories state and questions ask for: `concepts.txt`, one a line.

    apixaban : apixaban, éliquis < anticoagulant

Names find passing mentions: a document that holds one without a mark states at least that. A name without a capital
matches whatever the case and the accents, plural allowed; one with a capital (EP, FA, INR) matches exactly. `<` gives
the broader concepts: a question about anticoagulants is answered by what is said of apixaban.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CONCEPTS = Path(__file__).parent / "concepts.txt"


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing a clinician may ask about."""

    key: str
    names: tuple[str, ...]
    broader: tuple[str, ...]


@cache
def concepts() -> dict[str, Concept]:
    """Every concept by key. Raises ValueError on a broader concept that is not listed."""
    found: dict[str, Concept] = {}
    for line in CONCEPTS.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        left, _, broader = line.partition("<")
        key, _, names = left.partition(":")
        if key.strip() in found:
            raise ValueError(f"{key.strip()} is listed twice")
        found[key.strip()] = Concept(key.strip(), _split(names), _split(broader))
    for concept in found.values():
        if unknown := [key for key in concept.broader if key not in found]:
            raise ValueError(f"{concept.key}: unknown broader concepts {unknown}")
    return found


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def fold(text: str) -> str:
    """Lower case without accents or ligatures, typographic apostrophes straightened."""
    text = text.replace("’", "'").replace("œ", "oe").replace("Œ", "OE")
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))


@cache
def _pattern(name: str) -> tuple[re.Pattern[str], bool]:
    exact = name != name.lower()
    words = [re.escape(word) for word in (name if exact else fold(name)).split()]
    plural = "" if exact else "s?"
    return re.compile(r"(?<!\w)" + r"\s+".join(word + plural for word in words) + r"(?!\w)"), exact


def mentioned(text: str) -> frozenset[str]:
    """The keys of the concepts whose names stand in `text`."""
    folded = fold(text)
    return frozenset(
        concept.key for concept in concepts().values() if any(holds(name, text, folded) for name in concept.names)
    )


def holds(name: str, text: str, folded: str) -> bool:
    """Whether `name` stands in `text`; `folded` is fold(text), passed in because it is needed for every name."""
    pattern, exact = _pattern(name)
    return pattern.search(text if exact else folded) is not None


@cache
def narrower(key: str) -> frozenset[str]:
    """`key` and every concept below it. Raises KeyError on an unknown key."""
    table = concepts()
    keys = {table[key].key}
    while more := {c.key for c in table.values() if c.key not in keys and keys & set(c.broader)}:
        keys |= more
    return frozenset(keys)
