"""The other facts of a unit: conditions, procedures, implants, vaccines, pregnancy, blood group, directives…"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clinical.text.sections import Context
from clinical.text.units import Unit
from records.fact import Assertion, Coding, FactKind, Quantity


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact as a unit states it; offsets into the unit. `assertion` None: as the sentence states it."""

    kind: FactKind
    start: int
    end: int
    quote_start: int
    quote_end: int
    concept: str = ""
    codes: tuple[Coding, ...] = ()
    when: str = ""
    value: Quantity | None = None
    assertion: Assertion | None = None
    details: tuple[tuple[str, str], ...] = ()


def read(unit: Unit, text: str, context: Context, taken: list[tuple[int, int]]) -> Iterator[Statement]:
    """The statements of a unit; what lies in `taken` belongs to another fact."""
    del unit, text, context, taken
    yield from ()
