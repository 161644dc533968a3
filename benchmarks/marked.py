"""Sentences with marks (`tests/cases/assertion`) to texts and spans, and which of them are held out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from records.fact import Assertion

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "cases" / "assertion"
_MARK = re.compile(r"\[([-+?~<^])([^\]]+)\]")
_OF = {
    "+": Assertion.PRESENT,
    "-": Assertion.ABSENT,
    "?": Assertion.SUSPECTED,
    "~": Assertion.FAMILY,
    "<": Assertion.PAST,
    "^": Assertion.HYPOTHETICAL,
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A thing that a sentence names: text[start:end], and how the sentence states it."""

    text: str
    start: int
    end: int
    assertion: Assertion


def read(name: str) -> list[Marked]:
    """The marked things of a file, in order. ValueError on a sentence without a mark."""
    things: list[Marked] = []
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("# "):
            continue
        text, spans, last = "", [], 0
        for found in _MARK.finditer(line):
            text += line[last : found.start()]
            spans.append((len(text), len(text) + len(found[2]), _OF[found[1]]))
            text += found[2]
            last = found.end()
        text += line[last:]
        if not spans:
            raise ValueError(f"{name}: no mark in {line!r}")
        things.extend(Marked(text, *span) for span in spans)
    return things


def held_out(text: str) -> bool:
    """Whether a sentence is of the third that is never looked at while rules change."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 3 == 0
