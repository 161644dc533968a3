"""Facts for tests of what is built on them, and a person whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote, Told

NOW = date(2026, 3, 1)
LOINC, ATC, CIM = "2.16.840.1.113883.6.1", "2.16.840.1.113883.6.73", "2.16.840.1.113883.6.3"


@dataclass(frozen=True)
class Person:
    """What records know of somebody."""

    family_name: str = "MARTIN"
    used_name: str = ""
    given_names: str = "MARIE"
    birth_date: date | None = date(1985, 3, 12)
    sex: str = "F"
    ins_status: str = "qualified"


def tell(kind: FactKind, label: str, document: str = "doc1", day: date | None = date(2026, 2, 1), **more: Any) -> Told:
    """A fact read from text unless said otherwise; `details` as keywords of a dict, `codes` as (system, code)."""
    codes = tuple(Coding(system, code) for system, code in more.pop("codes", ()))
    details = tuple(more.pop("details", {}).items())
    when = Period(more.pop("start", ""), more.pop("end", ""))
    quote = Quote(more.pop("page", 1), 0, len(label), more.pop("quote", label))
    source = more.pop("source", FactSource.TEXT)
    return Told(Fact(kind, label, quote, source, codes=codes, details=details, when=when, **more), document, day)


def result(label: str, text: str, unit: str, document: str = "doc1", day: date = date(2026, 2, 1), **more: Any) -> Told:
    """A laboratory result. `number` makes it a structured entry's."""
    value = {name: more.pop(name) for name in ("low", "high", "range_text", "flag", "comparator") if name in more}
    number = more.pop("number", None)
    source = FactSource.TEXT if number is None else FactSource.STRUCTURED
    quantity = Quantity(text, None if number is None else Decimal(number), unit=unit, **value)
    return tell(FactKind.LAB_RESULT, label, document, day, value=quantity, source=source, **more)


def allergy(label: str, assertion: Assertion = Assertion.PRESENT, **more: Any) -> Told:
    return tell(FactKind.ALLERGY, label, assertion=assertion, **more)


def dose(label: str, **more: Any) -> Told:
    """A vaccination."""
    return tell(FactKind.IMMUNIZATION, label, **more)


def medicine(label: str, assertion: Assertion = Assertion.PRESENT, **more: Any) -> Told:
    return tell(FactKind.MEDICATION, label, assertion=assertion, **more)
