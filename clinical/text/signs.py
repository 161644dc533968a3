"""The words that readers of facts look for, out of `rules/facts.txt`: reviewable apart from the code that uses them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).resolve().parent.parent / "rules" / "facts.txt"


def any_of(name: str) -> str:
    """The lines of a section as one non-capturing alternation of regular expressions. KeyError on an unknown name."""
    return f"(?:{'|'.join(_sections()[name])})"


def words_of(name: str) -> frozenset[str]:
    """The words of a section."""
    return frozenset(word for line in _sections()[name] for word in line.split())


@lru_cache(maxsize=1)
def _sections() -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1].replace(" ", "").isalpha():
            lines = sections.setdefault(line[1:-1], [])
        elif line and not line.startswith("# "):
            lines.append(line.replace("~", " ").replace("oe", "(?:oe|œ)"))
    return sections
