"""A Fact as plain values, for what stores it or carries it: compact lists in a fixed order.

The quote stands beside them as start and end: its words are those of the page (`quoted`), so a Fact can never say that
a page holds what it does not.
"""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

from records.content import Page
from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote

_NEVER = Period()
_KINDS = {one.value: one for one in FactKind}
_SOURCES = {one.value: one for one in FactSource}
_ASSERTIONS = {one.value: one for one in Assertion}  # look-ups take a third of the time of an Enum's call


def fact_out(fact: Fact) -> list[Any]:
    """Everything but the quote's page and words."""
    return [
        fact.kind.value,
        fact.label,
        fact.quote.start,
        fact.quote.end,
        fact.source.value,
        fact.assertion.value,
        fact.concept,
        [[one.system, one.code, one.display] for one in fact.codes],
        None if fact.value is None else _value_out(fact.value),
        [fact.when.start, fact.when.end],
        [list(pair) for pair in fact.details],
        fact.confidence,
    ]


def fact_in(value: list[Any], page: int, words: str) -> Fact:
    """Inverse of `fact_out` for what this product stored: `words` of page `page` are the quote's."""
    kind, label, start, end, source, assertion, concept, codes, measured, when, details, confidence = value
    return Fact(
        kind=_KINDS[kind],
        label=label,
        quote=Quote(page, start, end, words),
        source=_SOURCES[source],
        assertion=_ASSERTIONS[assertion],
        concept=concept,
        codes=tuple([Coding(*one) for one in codes]) if codes else (),
        value=None if measured is None else _value_in(measured),
        when=Period(*when) if when[0] or when[1] else _NEVER,
        details=tuple(map(tuple, details)),
        confidence=confidence,
    )


def quoted(page: Page) -> Page:
    """`page` with the quotes of its facts taken from its own number and text."""
    if not page.facts:
        return page
    return dataclasses.replace(page, facts=tuple(_quoted(fact, page) for fact in page.facts))


def _quoted(fact: Fact, page: Page) -> Fact:
    start, end = fact.quote.start, fact.quote.end
    return dataclasses.replace(fact, quote=Quote(page.number, start, end, page.text[start:end]))


def _value_out(value: Quantity) -> list[Any]:
    number, low, high = (None if one is None else str(one) for one in (value.number, value.low, value.high))
    return [value.text, number, value.comparator, value.unit, low, high, value.range_text, value.flag]


def _value_in(value: list[Any]) -> Quantity:
    text, number, comparator, unit, low, high, range_text, flag = value
    return Quantity(text, _decimal(number), comparator, unit, _decimal(low), _decimal(high), range_text, flag)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
