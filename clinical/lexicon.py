"""The medical vocabulary as data: `clinical/vocabulary/*.txt` to concepts. Pure; knows nothing of search."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "vocabulary"
_COLUMNS = 6
_CONTEXT = re.compile(r"\(([^)]*)\)")
_COMMA = re.compile(r",\s*(?![^(]*\))")


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """A short form; `context` are words near which it has this meaning ("IVG (cardiaque)")."""

    text: str
    context: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: one concept. `lay` are patients' words and brand names; `broader` preferred names of wider concepts."""

    preferred: str
    synonyms: tuple[str, ...]
    abbreviations: tuple[Abbreviation, ...]
    lay: tuple[str, ...]
    english: tuple[str, ...]
    broader: tuple[str, ...]
    source: str  # file and line


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """Every concept of the shipped files. ValueError names the file and line of a malformed one."""
    return tuple(entry for path in sorted(FOLDER.glob("*.txt")) for entry in read(path))


def read(path: Path) -> Iterator[Entry]:
    """The concepts of one file; lines that start with « # » are remarks."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != _COLUMNS or not cells[0]:
            raise ValueError(f"{path.name}, line {number}: {_COLUMNS} columns and a preferred term are expected")
        preferred, synonyms, short, lay, english, broader = cells
        yield Entry(
            preferred,
            _list(synonyms),
            tuple(_abbreviation(each) for each in _list(short)),
            _list(lay),
            _list(english),
            _list(broader),
            f"{path.name}:{number}",
        )


def _list(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _COMMA.split(cell) if part.strip())


def _abbreviation(text: str) -> Abbreviation:
    found = _CONTEXT.search(text)
    return Abbreviation(_CONTEXT.sub("", text).strip(), _list(found[1]) if found else ())
