"""The day on which a value was measured, where its sentence or the heading above it says so.

    « Créatinine le 12/03/2024 : 150 »        inside the value
    « créatinine à 150 µmol/L (12/03/2024) »  right after it, before the next value
    « Le 12/03/2024, créatinine à 150 »       at the head of its sentence: of every value that follows
    « Biologie du 12/03/2024 : »              a heading: of the lines under it, as long as they hold values

A date anywhere else in a sentence (« hospitalisé le… ») is of something else, and dates nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from clinical.dates import Dated, find_dates
from clinical.text.signs import any_of

_HEAD = re.compile(rf"[ \t•*\-–]*(?:(?:{any_of('dated report')})[ ]?){{0,4}}(?:(?:le|du|au|en date du|:)[ ])?[ (]*$")
_HEAD_END = re.compile(r"(?:[ ]?(?:a )?\d{1,2} ?[h:] ?\d{0,2})?[ )]*(?:[,:]|\s*$|[-–][ ]|[ ]on (?:note|retrouve))")
_REST = re.compile(r"(?:[ ]?(?:a )?\d{1,2} ?[h:] ?\d{0,2})?[ )\t\n:,.\-–]*")
_AFTER = re.compile(r"[ ,]*(?:\(|le |du |au |en date du |ce )?[ (]*")
_NEAR = 16


@dataclass(frozen=True, slots=True)
class Days:
    """The dates of a unit. `head` is the one that its values without another have; empty when there is none."""

    dates: tuple[Dated, ...]
    head: str
    is_heading: bool

    def of(self, flat: str, start: int, end: int, following: int) -> str:
        """The day of the value at flat[start:end]; `following` is where the next value begins."""
        for each in self.dates:
            if start <= each.start < end:
                return _day(each)
            if end <= each.start < min(following, end + _NEAR) and _AFTER.fullmatch(flat, end, each.start):
                return _day(each)
        return self.head


def days_of(flat: str, text: str, standing: str = "") -> Days:
    """The dates of a unit, `standing` the one of the heading above it. `text` is the unit as written."""
    if "/" not in text and "." not in text and "-" not in text and not re.search(r"\d{4}", text):
        return Days((), standing, is_heading=False)
    dates = tuple(find_dates(text))
    first = dates[0] if dates else None
    if first is None or not _HEAD.match(flat[: first.start]) or not _HEAD_END.match(flat, first.end):
        return Days(dates, standing, is_heading=False)
    return Days(dates, _day(first), is_heading=_REST.fullmatch(flat, first.end) is not None)


def _day(dated: Dated) -> str:
    """A year of two digits is of this century: a result is younger than its patient."""
    return max(dated.days).isoformat()
