"""What a raised figure is: an exponent behind ten, a length or seconds, the mark of a note behind anything else.

One rule for all formats (docs/decisions/098): « 10⁹/L » is not 109/L, « pénicilline³ » is still pénicilline, and a
result of « 4,5¹ » is not 4,51. Exponents are written as Unicode superscripts; marks too, with a blank before them.
"""

from __future__ import annotations

import re

EXPONENTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"

_SUPER = str.maketrans("0123456789+-−", EXPONENTS + "⁺⁻⁻")
_SUB = str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋")
_SHIFTED = re.compile(r"[0-9+\-−]+")
_TAKES = re.compile(r"(?:(?<![\d,])10|(?<![^\W\d_])(?:[kdcmnµμ]?m|s))$", re.IGNORECASE)
_HOUR = re.compile(r"\dh$")
_MARK = re.compile(rf"(?<=[^\W{EXPONENTS}])[{EXPONENTS}]+(?![{EXPONENTS}⁺⁻])")
_LONGEST = 4  # characters that decide what a figure is an exponent of: « 10 », « mm », and what stands before


def shifted(text: str, name: str) -> str:
    """Text that markup raises ("sup") or lowers ("sub"): figures as exponents or indices."""
    return text.translate(_SUPER if name == "sup" else _SUB) if _SHIFTED.fullmatch(text) else text


def takes_exponent(written: str) -> bool:
    """Whether raised figures behind this are its exponent."""
    return _TAKES.search(written) is not None


def is_hour(written: str) -> bool:
    """« 8h30 » with its minutes raised is a time."""
    return _HOUR.search(written) is not None


def marks_apart(line: str) -> str:
    """A line in which raised figures that are no exponent stand apart from the word or number before them.

    A charge (Ca²⁺), and figures that begin a word (¹⁸F), are none.
    """

    def apart(found: re.Match[str]) -> str:
        before = line[max(0, found.start() - _LONGEST) : found.start()]
        return found[0] if takes_exponent(before) or is_hour(before) else f" {found[0]}"

    return _MARK.sub(apart, line)
