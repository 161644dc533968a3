"""Key laboratory values on the card: the last one as written, converted, with its trend and its baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from clinical.card_lines import Line, french, line_of
from clinical.drugs import CRITICAL
from clinical.series import IMPLAUSIBLE, Point, Series
from clinical.tables import rows

KIDNEY = (
    "DFG (CKD-EPI 2021)",
    "DFG (CKD-EPI 2009)",
    "DFG (CKD-EPI)",
    "DFG (MDRD)",
    "DFG (formule non précisée)",
    "clairance de la créatinine (Cockcroft)",
)
_TREND = 4  # points


def lab_lines(series: Sequence[Series]) -> list[Line]:
    """The last value of each series of `labs.txt`, in its order."""
    found = {each.name: each for each in series if each.analyte is not None}
    return [line for name, _ in rows(CRITICAL / "labs.txt", 2) for line in _last(found.get(name))]


def lines_named(series: Sequence[Series], names: Iterable[str]) -> list[Line]:
    """The last value of each of these series."""
    found = {each.name: each for each in series if each.analyte is not None}
    return [line for name in names for line in _last(found.get(name))]


def written(point: Point) -> str:
    """The original value, unit, range and flag, as the document has them."""
    stated = point.stated
    comparator = stated.comparator if stated.text.strip()[:1].isdigit() else ""  # « inférieur à 2 » says it itself
    value = f"{comparator}{stated.text} {stated.unit}".strip()
    span = f" [{stated.range_text}]" if stated.range_text else _span(stated.low, stated.high)
    return value + span + (f" ({stated.flag})" if stated.flag else "")


def rounded(value: Decimal) -> Decimal:
    """At three significant digits, or as many as stand before the point: 110.502 is 111, 1234.5 is 1234."""
    if not value:
        return Decimal(0)
    places = max(0, 2 - value.adjusted())
    short = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    return short if short == short.to_integral() and places == 0 else short.normalize() if places else short


def plain_number(value: Decimal | None) -> str | None:
    """For machines: at six significant digits, no exponent, no trailing zeros after the point."""
    if value is None:
        return None
    text = f"{value.quantize(Decimal(1).scaleb(min(0, value.adjusted() - 5))):f}" if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def french_number(value: Decimal) -> str:
    """« 7,18 »; no exponent."""
    return f"{value:f}".replace(".", ",")


def told_value(point: Point, series: Series) -> str:
    """The converted value in the series' unit, or what was written where there is none."""
    if point.value is None:
        return written(point)
    return f"{point.stated.comparator}{french_number(rounded(point.value))} {_unit(series.unit)}".strip()


@lru_cache(maxsize=64)
def _unit(code: str) -> str:
    """A UCUM code as French documents write it."""
    said = {
        "mL/min/{1.73_m2}": "mL/min/1,73 m²",
        "10*9/L": "G/L",
        "10*12/L": "T/L",
        "1": "",
        "mm[Hg]": "mmHg",
        "Cel": "°C",
    }
    plain = said.get(code, code.replace("{FEU}", " FEU").replace("{DDU}", " DDU"))
    return f"µ{plain[1:]}" if plain.startswith(("umol", "ug", "ukat")) else plain


def _last(series: Series | None) -> list[Line]:
    """The last day's points: two that differ on one day are both shown."""
    if series is None:
        return []
    last = series.points[-1].day
    return [_line(series, point) for point in series.points if point.day == last]


def _line(series: Series, point: Point) -> Line:
    remarks = list(point.remarks)
    before = [each for each in series.points if each.day < point.day][-(_TREND - 1) :]
    if before:
        steps = " → ".join(f"{told_value(each, series)} ({french(each.day)})" for each in before)
        remarks.append(f"évolution : {steps} → {told_value(point, series)}")
    baseline = series.baseline(point)
    if baseline is not None and point.value is not None:
        value = f"{french_number(rounded(baseline))} {_unit(series.unit)}".strip()
        remarks.append(f"valeur de base (médiane de 8 à 365 jours avant) : {value}")
    text = f"{series.name} : {written(point)}"
    if point.value is not None and point.is_converted and IMPLAUSIBLE not in point.remarks:
        converted = told_value(point, series)
        if converted.replace(" ", "") not in text.replace(" ", ""):
            text += f" = {converted}"
    line = line_of(point.told, text, day=point.day, remarks=remarks)
    others = dict.fromkeys(each.document_id for each in point.also if each.document_id != point.told.document_id)
    return replace(line, also=tuple(others))


def _span(low: Decimal | None, high: Decimal | None) -> str:
    if low is None and high is None:
        return ""
    if low is None or high is None:
        bound = high if low is None else low
        assert bound is not None
        return f" [{'<' if low is None else '>'} {french_number(bound)}]"
    return f" [{french_number(low)} – {french_number(high)}]"


def age_of(born: date, now: date) -> str:
    """« 41 ans »; under two years, months; under two months, days."""
    months = (now.year - born.year) * 12 + now.month - born.month - (now.day < born.day)
    if months >= 24:
        return f"{months // 12} ans"
    return f"{months} mois" if months >= 2 else f"{(now - born).days} jours"
