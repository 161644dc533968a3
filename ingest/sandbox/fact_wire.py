"""A Fact that a child sent, rebuilt field by field; its quote is cut from the page that came with it."""

from __future__ import annotations

from typing import Any

from ingest.sandbox import checked
from ingest.sandbox.checked import LONG, TEXT
from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote


def fact_in(value: Any, page: int, text: str) -> Fact:
    """Inverse of `records.fact_format.fact_out`, checked. Raises ValueError or TypeError."""
    kind, label, start, end, source, assertion, concept, codes, measured, when, details, confidence = value
    start, end = checked.span(start, end, len(text))
    return Fact(
        kind=FactKind(kind),
        label=checked.text(label, LONG),
        quote=Quote(page, start, end, text[start:end]),
        source=FactSource(source),
        assertion=Assertion(assertion),
        concept=checked.text(concept, TEXT),
        codes=tuple(_coding(*one) for one in checked.few(codes)),
        value=None if measured is None else _quantity(*measured),
        when=_period(*when),
        details=tuple((checked.text(name, TEXT), checked.text(words, LONG)) for name, words in checked.few(details)),
        confidence=checked.share(confidence),
    )


def _coding(system: Any, code: Any, display: Any) -> Coding:
    return Coding(checked.text(system, TEXT), checked.text(code, TEXT), checked.text(display, LONG))


def _period(start: Any, end: Any) -> Period:
    return Period(checked.text(start, TEXT), checked.text(end, TEXT))


def _quantity(
    text: Any, number: Any, comparator: Any, unit: Any, low: Any, high: Any, range_text: Any, flag: Any
) -> Quantity:
    return Quantity(
        text=checked.text(text, LONG),
        number=checked.number(number),
        comparator=checked.text(comparator, TEXT),
        unit=checked.text(unit, TEXT),
        low=checked.number(low),
        high=checked.number(high),
        range_text=checked.text(range_text, LONG),
        flag=checked.text(flag, TEXT),
    )
