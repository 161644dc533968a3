"""Results as series: one analyte is one series, whatever the format and unit it came in.

Each point keeps its original value, unit, range and flag. It has a converted value only where a reviewed rule leads
from its unit to the series'. A point without a unit is in the series, unconverted. An implausible value is marked and
never corrected. What was copied from one document to the next (same day, same value) is one point with several sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from statistics import median

from clinical.analyte import Analyte, measured_by
from clinical.folding import plain
from clinical.numerals import readings_of
from clinical.ranges import Bounds, stated_range
from clinical.units import Unit
from records.fact import Assertion, Fact, FactKind, FactSource, Quantity, Told

NO_UNIT = "unité non précisée : valeur non convertie"
OTHER_UNIT = "unité non reconnue pour cet analyte : valeur non convertie"
AMBIGUOUS = "nombre à deux lectures possibles : valeur non convertie"
IMPLAUSIBLE = "valeur invraisemblable, à vérifier ; non corrigée"
_LARGEST = Decimal(10) ** 12
BASELINE_FROM, BASELINE_TO = 8, 365
"""Days before a result: its baseline is the median of what was measured then, as the English AKI algorithm does."""


@dataclass(frozen=True, slots=True)
class Point:
    """One result. `value` is in the series' unit, None where it cannot be; `day` as exact as it is known ("2024-05"),
    empty when it is not. `also`: other documents that say the same."""

    told: Told
    day: str
    value: Decimal | None = None
    remarks: tuple[str, ...] = ()
    also: tuple[Told, ...] = ()

    @property
    def stated(self) -> Quantity:
        """The result as written."""
        return self.told.fact.value or Quantity("")

    @property
    def is_converted(self) -> bool:
        """Whether the series' unit is not the one it was written in."""
        return self.value is not None and self.value != self.stated.number


@dataclass(frozen=True, slots=True)
class Series:
    """The results of one analyte, oldest first. `unit` is a UCUM code; without an analyte, the unit as written."""

    name: str
    unit: str
    points: tuple[Point, ...]
    analyte: Analyte | None = None

    def bounds(self, at: Point, sex: str = "", born: date | None = None) -> Bounds:
        """The range that a point states for a person of this sex and birth date, in the series' unit."""
        analyte, stated = self.analyte, at.stated
        unit = None if analyte is None else analyte.unit_written(stated.unit)
        if analyte is None or unit is None:
            return None, None
        low, high = stated.low, stated.high
        if low is None and high is None:
            day = day_of(at.day)
            age = None if born is None or day is None else years_between(born, day)
            low, high = stated_range(stated.range_text, sex, age, lambda readings: _pick(readings, analyte, unit))
        return _converted(low, analyte, unit), _converted(high, analyte, unit)

    def baseline(self, at: Point) -> Decimal | None:
        """Median of the converted values of 8 to 365 days before a point; None without any."""
        day = day_of(at.day)
        if day is None:
            return None
        before = [
            point.value
            for point in self.points
            if point.value is not None
            and IMPLAUSIBLE not in point.remarks
            and (own := day_of(point.day)) is not None
            and BASELINE_FROM <= (day - own).days <= BASELINE_TO
        ]
        return median(before) if before else None


def series_of(facts: Iterable[Told]) -> list[Series]:
    """Every series of these facts (laboratory results and vital signs that are stated), by name."""
    found: dict[tuple[str, str], list[Point]] = {}
    known: dict[tuple[str, str], Analyte | None] = {}
    for told in facts:
        fact = told.fact
        if fact.kind not in (FactKind.LAB_RESULT, FactKind.VITAL_SIGN) or fact.value is None:
            continue
        if fact.assertion not in (Assertion.PRESENT, Assertion.PAST):
            continue
        measured = measured_by(fact)
        analyte = measured.analyte
        key = (analyte.name, "") if analyte is not None else (_own_name(fact, measured.remark), fact.value.unit)
        known[key] = analyte
        found.setdefault(key, []).append(_point(told, analyte, measured.remark))
    series = (_series(key, points, known[key]) for key, points in found.items())
    return sorted(series, key=lambda each: (plain(each.name), each.unit))


def day_of(text: str) -> date | None:
    """The day of a full date."""
    try:
        return date.fromisoformat(text[:10]) if len(text) >= 10 else None
    except ValueError:
        return None


def years_between(born: date, day: date) -> int:
    """Whole years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def when_of(told: Told) -> str:
    """When a fact holds, as exactly as it is known: its own date, else its document's."""
    own = told.fact.when.start or told.fact.when.end
    return own or ("" if told.event_date is None else told.event_date.isoformat())


def _own_name(fact: Fact, remark: str) -> str:
    """A result that is on no line keeps the words it came with; two that differ in them are two series."""
    words = fact.label or (fact.codes[0].code if fact.codes else "")
    specimen = fact.detail("specimen")
    name = f"{words} ({specimen})" if specimen and not remark.startswith("le code") else words
    return f"{name} [{fact.codes[0].code}]" if remark.startswith("le code") and fact.codes else name


def _series(key: tuple[str, str], points: list[Point], analyte: Analyte | None) -> Series:
    kept: dict[tuple[str, str], Point] = {}
    for point in points:
        stated = point.stated
        value = f"{stated.text.strip()} {stated.unit}" if point.value is None else str(point.value.normalize())
        same = (point.day, stated.comparator + value)
        first = kept.get(same)
        kept[same] = point if first is None else replace(first, also=(*first.also, point.told))
    ordered = sorted(kept.values(), key=lambda point: (point.day or "0", point.told.document_id))
    return Series(key[0], key[1] if analyte is None else analyte.unit.code, tuple(ordered), analyte)


def _point(told: Told, analyte: Analyte | None, remark: str) -> Point:
    stated = told.fact.value or Quantity("")
    point = Point(told, when_of(told), remarks=(remark,) if remark else ())
    if analyte is None:
        return point
    unit = analyte.unit_written(stated.unit)
    if unit is None:
        return replace(point, remarks=(*point.remarks, OTHER_UNIT if stated.unit.strip() else NO_UNIT))
    number = _number(told.fact, stated, analyte, unit)
    if number is not None and not (number.is_finite() and abs(number) < _LARGEST):
        return replace(point, remarks=(*point.remarks, IMPLAUSIBLE))
    if number is None:
        ambiguous = len(readings_of(stated.text)) > 1
        return replace(point, remarks=(*point.remarks, AMBIGUOUS)) if ambiguous else point
    value = analyte.convert(number, unit)
    marks = () if value is None or analyte.is_plausible(value) else (IMPLAUSIBLE,)
    return Point(told, point.day, value, (*point.remarks, *marks))


def _number(fact: Fact, stated: Quantity, analyte: Analyte, unit: Unit) -> Decimal | None:
    """A structured entry's number is what it says; one read from text may have two readings."""
    if fact.source is FactSource.STRUCTURED and stated.number is not None:
        return stated.number
    readings = readings_of(stated.text)
    return _pick(readings, analyte, unit) if readings else stated.number


def _pick(readings: Sequence[Decimal], analyte: Analyte, unit: Unit) -> Decimal | None:
    """Which reading is meant: cells are counted in whole numbers; else the one that can be, if only one can."""
    if len(readings) < 2:
        return next(iter(readings), None)
    if unit.code.startswith("/"):
        return readings[-1]
    plausible = [
        each for each in readings if (value := analyte.convert(each, unit)) is not None and analyte.is_plausible(value)
    ]
    return plausible[0] if len(plausible) == 1 else None


def _converted(bound: Decimal | None, analyte: Analyte, unit: Unit) -> Decimal | None:
    finite = bound is not None and bound.is_finite() and abs(bound) < _LARGEST
    return analyte.convert(bound, unit) if finite and bound is not None else None
