"""Text made comparable, one character for one, so that offsets stay those of the page."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

_OPEN_END = re.compile(r"[\w,'(/%-]\s*$")
_LONG, _FULL, _OF_WIDEST = 45, 75, 0.85
"""A line that ends no sentence goes on in the next: from 45 characters when that begins with a small letter, and from
75 when it is nearly as long as the longest of the page (a line of a list may be long and end by itself)."""

_SAME = frozenset("₀₁₂₃₄₅₆₇₈₉⁺")
"""Written on the line they are the same name: SpO₂, HbA₁c, K⁺. An exponent is not: 10⁹ is not 109."""


class _Bare(dict[int, str]):
    """Lower case without accents, computed once a character."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        form: Literal["NFKD", "NFD"] = "NFKD" if character in _SAME else "NFD"
        bare = unicodedata.normalize(form, character.lower())[:1]
        if bare in "\u2019\u02bc`\u2018":
            bare = "'"
        elif not bare or (bare.isspace() and bare not in "\n\t"):
            bare = " "
        self[code] = bare
        return bare


_TABLE = _Bare()


def plain(text: str) -> str:
    """Lower case, no accents, straight apostrophes, plain spaces; as long as `text`. Tabs and line ends stay."""
    return text.translate(_TABLE)


def joined(flat: str, text: str) -> str:
    """`flat`, the plain form of `text`, in which the line ends inside a sentence have become spaces."""
    lines = flat.split("\n")
    widest = min(max(map(len, lines)), 200) * _OF_WIDEST
    at = 0
    for number, line in enumerate(lines[:-1]):
        at += len(line) + 1
        small = text[at : at + 1].islower()
        long_enough = len(line) >= _LONG if small else len(line) >= max(_FULL, widest)
        goes_on = (
            long_enough
            and "\t" not in line
            and "\t" not in lines[number + 1]
            and (text[at : at + 1].isalnum() or text[at : at + 1] == "(")
            and _OPEN_END.search(line[-3:]) is not None
        )
        lines[number] = line + (" " if goes_on else "\n")
    return "".join(lines)
