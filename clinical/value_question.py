"""Questions about values: « créatinine > 150 depuis 2023 », « dernière HbA1c », "potassium over 5.5 since 03/2024".

Only a question that names an analyte of `laboratory/analytes.txt` and asks for a comparison or the last value is one;
everything else stays words. « DFG » and « troponine » ask about every series of that family, each for itself. A number
without a unit is meant in the unit that most of the series' results are written in, and the answer says which.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from clinical.analyte import UNSPECIFIED, Analyte, analyte_called, analytes
from clinical.folding import plain
from clinical.numerals import readings_of
from clinical.series import Point, Series
from clinical.units import Unit

_LAST = re.compile(r"\b(derniere?s?|dernier|last|latest|plus recente?s?)\b")
_SINCE = re.compile(
    r"\b(?:depuis|since|a partir de)\s+(?:le\s+|the\s+)?(\d{1,2}/\d{1,2}/\d{4}|\d{1,2}/\d{4}|\d{4}(?:-\d{2}){0,2})\b"
)
_COMPARED = re.compile(
    r"(?P<sign><=|>=|<|>|≤|≥|=|\b(?:sup(?:erieure?)?s? a|inf(?:erieure?)?s? a|plus de|moins de)\b"
    r"|\b(?:over|above|under|below)\b)"
    r"\s*(?P<number>\d[\d .,\u202f]*)\s*(?P<unit>[%°\w*/^.,²³⁹µμ·-]*(?:\s?/\s?[\w²³,.]+)*)"
)
_SIGNS = {"≤": "<=", "≥": ">=", "plus de": ">", "over": ">", "above": ">", "moins de": "<", "under": "<", "below": "<"}
_FILLERS = frozenset(
    ("la", "le", "les", "un", "une", "de", "du", "des", "d", "l", "valeur", "taux", "resultat", "the", "of")
)


@dataclass(frozen=True, slots=True)
class ValueQuestion:
    """`comparator` is "" when only the last value is asked; `since` an ISO date or its beginning; `unit` as typed."""

    analytes: tuple[Analyte, ...]
    comparator: str = ""
    value: Decimal | None = None
    unit: str = ""
    since: str = ""
    last: bool = False


@dataclass(frozen=True, slots=True)
class ValueAnswer:
    """The points of one series that answer, newest first, and the unit in which the question's number was meant."""

    series: Series
    unit: str
    points: tuple[Point, ...]


def parse_value_question(text: str) -> ValueQuestion | None:
    """The question, or None when it is not about a value of a known analyte."""
    lowered = "".join(plain(one) or one for one in text.lower())  # without accents; signs stay
    since = _SINCE.search(lowered)
    rest = lowered if since is None else lowered[: since.start()] + " " + lowered[since.end() :]
    compared, last = _COMPARED.search(rest), _LAST.search(rest) is not None
    if compared is None and not last:
        return None
    name = rest if compared is None else rest[: compared.start()]
    words = [word for word in plain(_LAST.sub(" ", name)).split() if word not in _FILLERS]
    analyte = analyte_called(" ".join(words))
    if analyte is None:
        return None
    day = "" if since is None else _iso(since[1])
    if compared is None:
        return ValueQuestion(_family(analyte), since=day, last=True)
    readings = readings_of(compared["number"].strip(" .,"))
    if not readings:
        return None
    return ValueQuestion(_family(analyte), _sign(compared["sign"]), readings[0], compared["unit"].strip(), day, last)


def answer_value_question(question: ValueQuestion, series: Iterable[Series]) -> list[ValueAnswer]:
    """One answer a series of the question's analytes. A value that could not be converted meets no comparison."""
    return [
        _answer(question, each) for each in series if each.analyte is not None and each.analyte in question.analytes
    ]


def _answer(question: ValueQuestion, series: Series) -> ValueAnswer:
    assert series.analyte is not None
    unit = series.analyte.unit_written(question.unit) if question.unit else _usual(series, series.analyte)
    wanted = None if unit is None or question.value is None else series.analyte.convert(question.value, unit)
    points = [
        point
        for point in reversed(series.points)
        if _since(point, question.since) and (not question.comparator or _meets(point, question.comparator, wanted))
    ]
    return ValueAnswer(series, "" if unit is None else unit.code, tuple(points[:1] if question.last else points))


def _usual(series: Series, analyte: Analyte) -> Unit | None:
    """The unit that most of the series' results are written in; the series' own when none has one."""
    written = Counter(unit for point in series.points if (unit := analyte.unit_written(point.stated.unit)) is not None)
    return max(written, key=lambda unit: (written[unit], unit.code), default=analyte.unit)


def _meets(point: Point, sign: str, wanted: Decimal | None) -> bool:
    held, stated = point.value, point.stated.comparator
    if held is None or wanted is None or (stated and stated[0] != sign[0]):
        return False  # « < 0,5 » is not known to be above anything
    return {"<": held < wanted, "<=": held <= wanted, ">": held > wanted, ">=": held >= wanted, "=": held == wanted}[
        sign
    ]


def _family(analyte: Analyte) -> tuple[Analyte, ...]:
    """« Troponine » without a type is a question about each of them."""
    if UNSPECIFIED not in analyte.name:
        return (analyte,)
    family = analyte.name.partition(" (")[0]
    return tuple(each for each in analytes().values() if each.name.startswith(family))


def _since(point: Point, since: str) -> bool:
    return not since or (bool(point.day) and f"{point.day}-12-31"[: max(10, len(point.day))] >= since)


def _sign(text: str) -> str:
    if text in _SIGNS:
        return _SIGNS[text]
    return ">" if text.startswith("sup") else "<" if text.startswith("inf") else text


def _iso(text: str) -> str:
    return "-".join(part.zfill(2) for part in reversed(text.split("/")))
