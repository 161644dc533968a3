"""The date that stands beside a fact: « en 2019 », « mars 2019 », « le 12/03/2019 », as exactly as it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clinical.dates import find_dates

_NEAR = 45
_YEAR = re.compile(r"(?<![\d/.,])((?:19|20)\d\d)(?![\d/]|[ ]?(?:mg|ml|g|ui|u/|/))")
_MONTHS = (
    "janvier", "fevrier", "mars", "avril", "mai", "juin", "juillet", "aout", "septembre", "octobre", "novembre",
    "decembre",
)  # fmt: skip
_MONTH = re.compile(rf"(?<![^\W_])({'|'.join(_MONTHS)})[ ]((?:19|20)\d\d)")
_MONTH_NUMBER = re.compile(r"(?<![\d/])(0[1-9]|1[0-2])/((?:19|20)\d\d)(?!\d)")
_STOP = re.compile(r"[.;\n,](?![\d])|\bpuis\b|\bet (?:une?|la|le)\b")


@dataclass(frozen=True, slots=True)
class When:
    """A date, in the form of `records.fact.Period`, and where it ends in the unit."""

    written: str
    end: int


def when(flat: str, text: str, start: int) -> When | None:
    """The date that follows `start` in its clause, if one stands near."""
    stop = _STOP.search(flat, start, min(len(flat), start + _NEAR))
    limit = stop.start() if stop is not None else min(len(flat), start + _NEAR)
    piece = flat[start:limit]
    if not any(map(str.isdigit, piece)):
        return None
    day = next(find_dates(text[start : min(len(text), limit + 1)]), None)
    if day is not None and len(day.days) == 1:
        return When(day.days[0].isoformat(), start + day.end)
    month = _MONTH.search(piece)
    if month is not None:
        return When(f"{month[2]}-{_MONTHS.index(month[1]) + 1:02}", start + month.end())
    numbered = _MONTH_NUMBER.search(piece)
    if numbered is not None:
        return When(f"{numbered[2]}-{numbered[1]}", start + numbered.end())
    year = _YEAR.search(piece)
    return When(year[1], start + year.end()) if year is not None else None
