"""Numbers as French and English documents write them: « 1,5 », « 12 000 », « 1.500 », "1,234.5".

    written                          may be
    1,5   1.5   0,500   1234,567     a decimal
    12 000   12.000.000   1.234,5    thousands set apart
    1.500   1,500                    either: three digits after one sign say nothing

Which of two readings is meant is decided by who knows what is measured (`clinical/series.py`), or it stays open.
"""

from __future__ import annotations

import re
from decimal import Decimal

_LONGEST = 40  # characters; no measured value is longer
_BLANKS = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f'](?=\d{3}(?!\d))")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")
_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*$")
_MIXED = re.compile(r"([+-]?\d{1,3}(?:([.,])\d{3})+)([.,])(\d+)$")


def readings_of(text: str) -> tuple[Decimal, ...]:
    """What a written number may be: one value, two for « 1.500 » (the decimal first), none when it is no number.

    Signs of comparison and blanks around are left out; anything else beside the number makes it none.
    """
    if len(text) > _LONGEST:
        return ()
    bare = _BLANKS.sub("", text.strip().lstrip("<>=≤≥~ ").strip()).replace("\u2212", "-")
    if not _NUMBER.fullmatch(bare):
        return ()
    if bare.count(".") + bare.count(",") == 0:
        return (Decimal(bare),)
    mixed = _MIXED.match(bare)
    if mixed and mixed[2] != mixed[3]:
        return (Decimal(mixed[1].replace(mixed[2], "") + "." + mixed[4]),)
    if bare.count(".") + bare.count(",") > 1:
        groups = _GROUPS.match(bare)
        return (Decimal(re.sub("[.,]", "", bare)),) if groups else ()
    decimal = Decimal(bare.replace(",", "."))
    return (decimal, Decimal(re.sub("[.,]", "", bare))) if _GROUPS.match(bare) else (decimal,)
