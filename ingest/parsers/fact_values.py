"""Values of structured entries as facts state them: figures, dates of any precision. Shared by CDA, HL7 v2 and FHIR."""

from __future__ import annotations

import re
from decimal import Decimal

_FIGURE = re.compile(r"\s*([<>]=?|[≤≥])?\s*([+-]?\d{1,30}(?:[.,]\d{1,30})?(?:[eE][+-]?\d{1,2})?)\s*")
_COMPARATORS = {"≤": "<=", "≥": ">="}
_STAMP = re.compile(r"(\d{4})(?:-?(\d\d)(?:-?(\d\d))?)?")


def number_of(text: str) -> tuple[str, Decimal | None]:
    """(comparator, figure) of text that is one figure and nothing else; ("", None) otherwise. A comma is a point."""
    found = _FIGURE.fullmatch(text)
    if found is None:
        return "", None
    sign = found[1] or ""
    return _COMPARATORS.get(sign, sign), Decimal(found[2].replace(",", "."))


def day_of(stamp: str) -> str:
    """A time stamp of HL7 v2, CDA (20240224…) or FHIR (2024-02-24…) to the day at most; what is not stated, or cannot
    be a month or a day, is left out, and what is no date gives the empty string."""
    found = _STAMP.match(stamp.strip())
    if found is None:
        return ""
    year, month, day = found[1], found[2], found[3]
    if year < "1800":
        return ""  # « 0000 » is how some senders say that they do not know
    if month is None or not 1 <= int(month) <= 12:
        return year
    return f"{year}-{month}" if day is None or not 1 <= int(day) <= 31 else f"{year}-{month}-{day}"


def shown_day(day: str) -> str:
    """A day, month or year in French writing."""
    return "/".join(reversed(day.split("-")))
