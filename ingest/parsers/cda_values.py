"""Data types of CDA R2 as facts state them: codes with their translations, quantities, intervals of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml.etree import _Element

from ingest.parsers.fact_values import day_of, number_of
from ingest.parsers.narrative import NS, clean
from records.fact import Coding, Period, Quantity

TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
MEASURED = frozenset({"PQ", "REAL", "INT", "IVL_PQ", "IVL_REAL", "IVL_INT", "RTO", "RTO_PQ_PQ", "MO"})
_CODED = frozenset({"CD", "CE", "CV", "CO", "CS"})
Words = Callable[[str], str]
"""The words of the narrative that an id names; empty when it names none."""


def one(element: _Element | None, path: str) -> _Element | None:
    """The first descendant at a path of local names, none when there is none."""
    return None if element is None else element.find("/".join(NS + name for name in path.split("/")))


def every(element: _Element | None, path: str) -> list[_Element]:
    """Every descendant at a path of local names."""
    return [] if element is None else element.findall("/".join(NS + name for name in path.split("/")))


def attribute(element: _Element | None, name: str) -> str:
    """An attribute on one line; empty when there is none."""
    return "" if element is None else clean(element.get(name, ""))


def text_of(element: _Element | None) -> str:
    """Everything an element says in words."""
    return "" if element is None else clean("".join(str(part) for part in element.itertext()))


def kind_of(value: _Element | None) -> str:
    """The data type that `xsi:type` names."""
    return "" if value is None else value.get(TYPE, "").rpartition(":")[2]


def anchors(element: _Element | None) -> Iterator[str]:
    """The ids of the narrative to which an element refers, the nearest first. "#id" and a careless "id" are one."""
    for path in ("text", "code/originalText", "value/originalText", "originalText"):
        for reference in every(element, f"{path}/reference"):
            if name := reference.get("value", "").strip().removeprefix("#"):
                yield name


def codings(code: _Element | None) -> tuple[Coding, ...]:
    """A concept's code, then its translations at any depth, each as written."""
    if code is None:
        return ()
    found = [code, *code.iter(NS + "translation")]
    coded = (
        Coding(attribute(part, "codeSystem"), attribute(part, "code"), attribute(part, "displayName"))
        for part in found
        if attribute(part, "code")
    )
    return tuple(dict.fromkeys(coded))


def label_of(code: _Element | None, words: Words) -> str:
    """How a concept is called: its display, the words it refers to, those of a translation, its bare code."""
    if code is None:
        return ""
    if shown := attribute(code, "displayName"):
        return shown
    if said := original(code, words):
        return said
    for part in code.iter(NS + "translation"):
        if shown := attribute(part, "displayName"):
            return shown
    return attribute(code, "code")


def original(code: _Element | None, words: Words) -> str:
    """The originalText of a concept: written there, or in the narrative that it names."""
    element = one(code, "originalText")
    if written := text_of(element):
        return written
    return next((said for name in anchors(code) if (said := words(name))), "")


def quantity(value: _Element | None, words: Words) -> Quantity | None:
    """A value of any data type, exactly as it is stated; None when nothing is."""
    if value is None:
        return None
    kind = kind_of(value)
    if kind.startswith("IVL"):
        return _interval(value)
    if kind.startswith("RTO"):
        return _ratio(value)
    if kind in ("PQ", "REAL", "INT", "MO", "BL", "TS") or value.get("value") is not None:
        text = attribute(value, "value")
        if not text:
            return None
        number = number_of(text)[1] if kind not in ("BL", "TS") else None
        return Quantity(text, number, unit=unit_of(value))
    text = (
        label_of(value, words) if kind in ("CD", "CE", "CV", "CO", "CS") else text_of(value) or original(value, words)
    )
    if not text:
        return None
    sign, number = number_of(text) if kind not in ("CD", "CE", "CV", "CO", "CS") else ("", None)
    return Quantity(text, number, sign)


def unit_of(value: _Element | None) -> str:
    """The unit of a quantity; one that cannot be written in UCUM stands in a translation. "1" is UCUM's for none."""
    unit = attribute(value, "unit")
    if unit and unit != "1":
        return unit
    said = (attribute(part, "displayName") or attribute(part, "code") for part in every(value, "translation"))
    return next(filter(None, said), "")


def bounds(value: _Element | None) -> tuple[str, str, str]:
    """(low, high, unit) of an interval of quantities as written; what is not stated is empty."""
    low, high = one(value, "low"), one(value, "high")
    return attribute(low, "value"), attribute(high, "value"), unit_of(low) or unit_of(high)


def _interval(value: _Element) -> Quantity | None:
    low, high, unit = bounds(value)
    if low and high:
        return Quantity(f"{low} - {high}", unit=unit)
    if not low and not high:
        return None
    end = one(value, "low" if low else "high")
    open_end = attribute(end, "inclusive") == "false"
    sign = (">" if low else "<") + ("" if open_end else "=")
    return Quantity(f"{sign} {low or high}", number_of(low or high)[1], sign, unit)


def _ratio(value: _Element) -> Quantity | None:
    over, under = one(value, "numerator"), one(value, "denominator")
    if not attribute(over, "value"):
        return None
    bottom = " ".join(filter(None, (attribute(under, "value"), unit_of(under))))
    unit = unit_of(over)
    if bottom in ("", "1"):
        return Quantity(attribute(over, "value"), number_of(attribute(over, "value"))[1], unit=unit)
    return Quantity(f"{attribute(over, 'value')} {unit}".strip() + f" / {bottom}")


def period(entry: _Element) -> Period:
    """When an entry holds: its effectiveTime, low and high or one value; a frequency is none."""
    for time in every(entry, "effectiveTime"):
        parts = [time, *every(time, "comp")]
        for part in parts:
            if kind_of(part) in ("PIVL_TS", "EIVL_TS"):
                continue
            at = day_of(attribute(part, "value"))
            low, high = day_of(attribute(one(part, "low"), "value")), day_of(attribute(one(part, "high"), "value"))
            if at or low or high:
                return Period(at or low, high)
    return Period()
