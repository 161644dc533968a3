"""Dates as French documents write them, with their place: 12/03/1950, 12.03.50, 1er mars 1950, 1950-03-12, 19500312."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from clinical.names import fold

_MONTHS = {
    "JANVIER": 1, "JANV": 1, "JAN": 1, "JANUARY": 1, "FEVRIER": 2, "FEVR": 2, "FEV": 2, "FEBRUARY": 2, "FEB": 2,
    "MARS": 3, "MAR": 3, "MARCH": 3, "AVRIL": 4, "AVR": 4, "APRIL": 4, "APR": 4, "MAI": 5, "MAY": 5, "JUIN": 6,
    "JUNE": 6, "JUN": 6, "JUILLET": 7, "JUIL": 7, "JULY": 7, "JUL": 7, "AOUT": 8, "AOU": 8, "AUGUST": 8, "AUG": 8,
    "SEPTEMBRE": 9, "SEPT": 9, "SEP": 9, "SEPTEMBER": 9, "OCTOBRE": 10, "OCT": 10, "OCTOBER": 10, "NOVEMBRE": 11,
    "NOV": 11, "NOVEMBER": 11, "DECEMBRE": 12, "DEC": 12, "DECEMBER": 12,
}  # fmt: skip
_D = r"[0-9OIL]"  # OCR reads O for 0, I and l for 1
_NAMED = "|".join(sorted(_MONTHS, key=len, reverse=True))
_SEPARATOR = r"[ ]?[/.\-–][ ]?"
_DATE = re.compile(
    rf"(?<![\w/])(?:"
    rf"(?P<y1>{_D}{{4}})-(?P<m1>{_D}{{2}})-(?P<d1>{_D}{{2}})"
    rf"|(?P<d2>{_D}{{1,2}}){_SEPARATOR}(?P<m2>{_D}{{1,2}}){_SEPARATOR}(?P<y2>{_D}{{4}}|{_D}{{2}})"
    rf"|(?P<d3>{_D}{{1,2}})(?:ER|RE)?[ ]+(?P<m3>{_NAMED})\.?[ ]+(?P<y3>{_D}{{4}})"
    rf"|(?P<y4>(?:19|20)\d\d)(?P<m4>[01]\d)(?P<d4>[0-3]\d)"
    rf"|(?P<d5>{_D}{{2}})[ ](?P<m5>{_D}{{2}})[ ](?P<y5>{_D}{{4}})"
    rf"|(?P<d6>[0-3]\d)(?P<m6>[01]\d)(?P<y6>(?:19|20)\d\d)"
    rf")(?![\w]|[/][0-9])"
)
_DIGITS = str.maketrans("OIL", "011")


@dataclass(frozen=True, slots=True)
class Dated:
    """A date at text[start:end]. Two days when the year has two digits: of this century and of the last."""

    days: tuple[date, ...]
    start: int
    end: int

    def says(self, day: date) -> bool:
        """Whether this may be `day`."""
        return day in self.days


def find_dates(text: str) -> Iterator[Dated]:
    """Every date, in order. What has the form of one and is none (31/02) is left out."""
    for found in _DATE.finditer(fold(text)):
        parts = {name[0]: value for name, value in found.groupdict().items() if value is not None}
        month = _MONTHS.get(parts["m"]) or _number(parts["m"])
        days = tuple(day for year in _years(parts["y"]) if (day := _day(year, month, _number(parts["d"]))) is not None)
        if days:
            yield Dated(days, found.start(), found.end())


def one_digit_apart(one: date, other: date) -> bool:
    """Whether two dates, written with eight digits, differ by a single one: what a scan misreads."""
    return sum(a != b for a, b in zip(f"{one:%Y%m%d}", f"{other:%Y%m%d}", strict=True)) == 1


def _years(text: str) -> tuple[int, ...]:
    year = _number(text)
    return (year,) if len(text) == 4 else (1900 + year, 2000 + year)


def _number(text: str) -> int:
    plain = text.translate(_DIGITS)
    return int(plain) if plain.isdigit() else 0


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1860 <= year <= 2100 else None
    except ValueError:
        return None
