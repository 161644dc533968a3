"""Numbers as French and English documents write them: 1,5 · 12 000 · 1.500 · 1/2 — exactly, or not at all."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

NUMBER = r"(?:\d{1,3}(?: \d{3}){1,3}(?:[.,]\d{1,6})?(?!\d)|\d{1,9}(?:[.,]\d{1,6})?(?!\d))"
"""For plain text, where every kind of space is a space."""
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}([.,])\d{3}")
_DECIMAL = re.compile(r"(?<![\d.,])(?:0([.,])\d+|\d+([.,])(?:\d{1,2}|\d{4,6}))(?![\d.,]|/\d)")


class Mark(StrEnum):
    """What a mark between digits means in a text, as its other numbers show."""

    COMMA = ","
    POINT = "."
    UNKNOWN = ""


def decimal_mark(flat: str) -> Mark:
    """The decimal mark of a text: the one that its unambiguous numbers use. Both or none: unknown."""
    marks = {found[1] or found[2] for found in _DECIMAL.finditer(flat)}
    return Mark(marks.pop()) if len(marks) == 1 else Mark.UNKNOWN


def number(written: str, mark: Mark) -> Decimal | None:
    """The value of `written`; None when it has two readings and the text does not tell which.

    « 12 000 » is 12000 and « 1,5 » is 1.5. « 1.500 » is 1500 where other numbers have a decimal comma, 1.5 where they
    have a decimal point, and nothing where neither is known: a factor of a thousand is not guessed.
    """
    plain = written.replace(" ", "")
    found = _AMBIGUOUS.fullmatch(plain) if " " not in written else None
    if found is not None:
        if mark is Mark.UNKNOWN:
            return None
        return Decimal(plain.replace(found[1], "." if found[1] == mark else ""))
    try:
        return Decimal(plain.replace(",", "."))
    except ArithmeticError:
        return None
