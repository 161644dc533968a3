"""Looking up many names in a unit at once: a dictionary by first word, longest name first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from clinical.text.plain import plain

T = TypeVar("T")
_WORD = re.compile(r"[^\W_]+")
_APART = re.compile(r"[,;](?=[ ])|\n\n")
"""What stands between two names, never inside one: « amoxicilline, acide clavulanique bien toléré »."""
_LIGATURES = {"œ": "oe", "æ": "ae"}
_SHORT_FORM = 5
"""A name of at most this many letters with capitals (AVK, Mg) is a short form: its capitals must stand in the text."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A name at unit.flat[start:end], and what it names."""

    start: int
    end: int
    entry: T


class Terms(Generic[T]):
    """Names to entries. The first entry given for a name keeps it."""

    def __init__(self, names: Iterable[tuple[str, T]]) -> None:
        self._by_word: dict[str, dict[tuple[str, ...], tuple[int, T]]] = {}
        self._longest: dict[str, int] = {}
        for name, entry in names:
            for way in _ways(name):
                words = tuple(_WORD.findall(plain(way)))
                if words:
                    self._by_word.setdefault(words[0], {}).setdefault(
                        words, (capitals_of(name) if is_short_form(name) else 0, entry)
                    )
                    self._longest[words[0]] = max(self._longest.get(words[0], 0), len(words))

    def find(self, flat: str, text: str) -> Iterator[Found[T]]:
        """Every name in `flat`, the longest first at each place, without overlap. `text` is what `flat` was made of."""
        places = list(_WORD.finditer(flat))
        words = [place[0] for place in places]
        at = 0
        while at < len(words):
            for first in (words[at], words[at].removesuffix("s")):
                names = self._by_word.get(first)
                found = self._longest_of(names, first, words, places, at, text) if names is not None else None
                if found is not None:
                    yield Found(places[at].start(), places[at + found[0] - 1].end(), found[1])
                    at += found[0] - 1
                    break
            at += 1

    def _longest_of(
        self,
        names: dict[tuple[str, ...], tuple[int, T]],
        first: str,
        words: list[str],
        places: list[re.Match[str]],
        at: int,
        text: str,
    ) -> tuple[int, T] | None:
        for count in range(min(self._longest[first], len(words) - at), 0, -1):
            rest = words[at + 1 : at + count]
            found = names.get((first, *rest))
            if found is None and rest:
                found = names.get((first, *(word.removesuffix("s") for word in rest)))
            if found is None or (rest and _APART.search(text, places[at].end(), places[at + count - 1].start())):
                continue
            written = text[places[at].start() : places[at + count - 1].end()] if found[0] else ""
            if capitals_of(written) >= found[0]:
                return count, found[1]
        return None


def is_short_form(name: str) -> bool:
    """Whether a name is a short form such as AVK, Mg or NT-proBNP."""
    letters = [letter for letter in name if letter.isalpha()]
    capitals = capitals_of(name)
    return len(letters) <= _SHORT_FORM and " " not in name and (capitals >= 2 or (capitals == 1 and len(letters) <= 3))


def capitals_of(text: str) -> int:
    """How many letters of a text are capitals."""
    return sum(map(str.isupper, text))


def _ways(name: str) -> Iterator[str]:
    yield name
    for ligature, letters in _LIGATURES.items():
        if ligature in name:
            yield name.replace(ligature, letters)
