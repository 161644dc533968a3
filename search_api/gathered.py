"""The same fact from several documents is one, with its sources: copied text counts once.

Two facts are the same when kind, name, codes, statement, value, dates, dose, reaction and side are. A result that does
not say when it was measured is of its document's day: the same figure of two undated days is two results.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clinical.text.plain import plain
from records.fact import Fact, FactKind, Period, Told

_MEASURED = frozenset({FactKind.LAB_RESULT, FactKind.VITAL_SIGN, FactKind.DISPENSING})

_OWN = ("dose", "frequency", "reaction", "severity", "side", "site", "stopped", "replaced_by", "disproved")
"""Details that make another fact: two doses of one drug, the fistulas of two arms, an allergy and its shock."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A fact, and where it is told: newest document first."""

    fact: Fact
    sources: tuple[Told, ...]

    @property
    def day(self) -> str:
        """Its own date, else that of the newest document that tells it; empty when neither is known."""
        own = self.fact.when.start or self.fact.when.end
        day = self.sources[0].event_date
        return own or ("" if day is None else day.isoformat())


def gathered(told: Iterable[Told]) -> list[Gathered]:
    """Newest first, undated last; of one day in the order of `told`."""
    groups: dict[tuple[object, ...], list[Told]] = {}
    for one in told:
        groups.setdefault(sameness(one), []).append(one)
    found = [Gathered(group[0].fact, tuple(group)) for group in groups.values()]
    return sorted(found, key=lambda each: each.day, reverse=True)


def sameness(one: Told) -> tuple[object, ...]:
    """What two facts have in common that are the same."""
    fact = one.fact
    undated = fact.kind in _MEASURED and fact.when == Period()
    name = plain(" ".join(fact.label.split()))
    own = tuple(fact.detail(each) for each in _OWN)
    return fact.kind, name, fact.codes, fact.assertion, fact.value, fact.when, one.event_date if undated else None, *own
