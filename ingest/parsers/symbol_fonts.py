"""Characters of the fonts Symbol and Wingdings, which letters use for Greek, comparison signs and boxes to tick.

They stand at U+F020 to U+F0FF, or as bytes of those fonts: without this « β-bloquant » is a sign of private use.
"""

from __future__ import annotations

import re

_GREEK = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ"
_SMALL = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ"
_SYMBOL = {
    **{0x41 + at: one for at, one in enumerate(_GREEK)},
    **{0x61 + at: one for at, one in enumerate(_SMALL)},
    0x2D: "−",
    0xA3: "≤", 0xA5: "∞", 0xAB: "↔", 0xAC: "←", 0xAD: "↑", 0xAE: "→", 0xAF: "↓",
    0xB0: "°", 0xB1: "±", 0xB2: "″", 0xB3: "≥", 0xB4: "×", 0xB7: "•", 0xB8: "÷", 0xB9: "≠", 0xBA: "≡", 0xBB: "≈",
    0xC6: "∅", 0xD6: "√", 0xD7: "⋅",
}  # fmt: skip
_WINGDINGS = {
    0x6F: "☐", 0x78: "☒", 0xA8: "☐", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
    0x6C: "●", 0x6E: "■", 0x9F: "•", 0xA7: "▪", 0xD8: "➢", 0xE0: "→",
}  # fmt: skip
_PRIVATE = re.compile("[\uf020-\uf0ff]")


def symbol(code: int, font: str = "") -> str:
    """The character at a place of a symbol font (0x20 to 0xFF); ASCII signs and figures are themselves."""
    table = _WINGDINGS if "wingdings" in font.lower() else _SYMBOL
    return table.get(code) or (chr(code) if 0x20 <= code < 0x41 and table is _SYMBOL else "•")


def without_private(text: str, font: str = "") -> str:
    """`text` with its characters of symbol fonts as everybody's characters."""
    return _PRIVATE.sub(lambda found: symbol(ord(found[0]) - 0xF000, font), text)
