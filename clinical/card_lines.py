"""The emergency card as values: sections in a fixed order, lines that each name their source, and how they are worded.

A line says what one document says. What several say alike is one line, its newest source shown and the others counted;
what they say differently is several lines, side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from clinical.series import when_of
from records.fact import Assertion, Fact, FactSource, Told

CONTRADICTED = "contradictoire : les documents ne disent pas tous la même chose"
LAST_LINE = "Liste possiblement incomplète: demander au patient, à ses proches."
"""Ends every card, whatever it holds."""

_ASSERTIONS = {
    Assertion.PRESENT: "",
    Assertion.ABSENT: "dit absent",
    Assertion.SUSPECTED: "suspecté",
    Assertion.FAMILY: "chez un proche",
    Assertion.PAST: "passé",
    Assertion.HYPOTHETICAL: "hypothétique",
}
_CERTAINTIES = {
    FactSource.STRUCTURED: "donnée structurée",
    FactSource.TEXT: "lu dans le texte",
    FactSource.OCR: "lu sur une image",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `told` is None only for what the record itself knows (identity). `day` is as exact as it is known."""

    text: str
    told: Told | None = None
    day: str = ""
    certainty: str = ""
    assertion: str = ""
    group: str = ""
    remarks: tuple[str, ...] = ()
    contradicted: bool = False
    also: tuple[str, ...] = ()  # other documents that say it

    @property
    def documents(self) -> tuple[str, ...]:
        """Every document behind the line, the one shown first."""
        return self.also if self.told is None else (self.told.document_id, *self.also)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the card. `empty` is said when there is no line: what was read, never that there is nothing."""

    key: str
    title: str
    lines: tuple[Line, ...]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """Sections in the order of their reading. `last_line` is constant."""

    sections: tuple[Section, ...]
    last_line: str = LAST_LINE

    @property
    def lines(self) -> list[Line]:
        """Every line, in order."""
        return [line for section in self.sections for line in section.lines]


def line_of(told: Told, text: str, *, group: str = "", remarks: Iterable[str] = (), day: str | None = None) -> Line:
    """A line with its source, date, certainty and assertion."""
    said = _ASSERTIONS[told.fact.assertion]
    return Line(
        text=text,
        told=told,
        day=when_of(told) if day is None else day,
        certainty=certainty_of(told),
        assertion=told.fact.assertion.value,
        group=group,
        remarks=(*((said,) if said else ()), *remarks),
    )


def reading_notes(fact: Fact) -> tuple[str, ...]:
    """What the reader of a text adds to it: a name one letter away, a pause. Notes of entries are not shown."""
    note = fact.detail("note") if fact.source is not FactSource.STRUCTURED else ""
    return (note,) if note else ()


def certainty_of(told: Told) -> str:
    """How far the reading is to be trusted, in words."""
    fact = told.fact
    word = _CERTAINTIES[fact.source]
    if fact.source is not FactSource.OCR or fact.confidence is None:
        return word
    return f"{word}, confiance {round(fact.confidence * 100)} %"


def mentioned(told: Told) -> str:
    """When a document last said it: its event date, which is younger than the beginning of what it tells."""
    return told.event_date.isoformat() if told.event_date is not None else when_of(told)


def newest(facts: Iterable[Told]) -> list[Told]:
    """Newest mention first, undated last (of these the last received first); structured before text; by place.

    The order in which every function of the card takes its facts.
    """
    placed: list[Told] = []
    for _, same in groupby(sorted(facts, key=_place), key=_place):
        alike = list(same)  # several readings of the same words: any order, as long as it is always the same
        placed += alike if len(alike) == 1 else sorted(alike, key=lambda told: repr(told.fact))
    return sorted(placed, key=_newness, reverse=True)


def _newness(told: Told) -> tuple[str, date]:
    mention = mentioned(told)
    return mention, date.min if mention or told.deposited is None else told.deposited


def _place(told: Told) -> tuple[bool, str, int, int, str]:
    quote = told.fact.quote
    return told.fact.source is not FactSource.STRUCTURED, told.document_id, quote.page, quote.start, told.fact.label


def grouped(facts: Iterable[Told], key: Callable[[Told], Hashable]) -> dict[Hashable, list[Told]]:
    """Facts by key, in order of first appearance."""
    found: dict[Hashable, list[Told]] = {}
    for told in facts:
        found.setdefault(key(told), []).append(told)
    return found


def others_of(facts: Iterable[Told], shown: Told) -> tuple[str, ...]:
    """The documents that say the same as the one shown, each once."""
    return tuple(dict.fromkeys(each.document_id for each in facts if each.document_id != shown.document_id))


def french(day: str) -> str:
    """« 12/03/2025 », « 03/2025 », « 2025 »; « date inconnue »."""
    parts = day[:10].split("-")
    return "/".join(reversed(parts)) if day else "date inconnue"


def older_than(day: str, now: date, days: int) -> bool:
    """Whether a date, taken at its latest possible day, is that far behind."""
    if not day:
        return True
    year, month, number = (*day[:10].split("-"), *("", "12", "28")[day[:10].count("-") + 1 :])[:3]
    try:
        last = date(int(year), int(month), int(number))
    except ValueError:
        return True
    return (now - last).days > days
