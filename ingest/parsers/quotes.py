"""Where the words of a structured fact stand in what its parser wrote, and the line to write when they do not."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from ingest.parsers.fact_values import shown_day
from records.fact import Assertion, Fact, FactKind, Quantity, Quote

LONGEST = 300
"""Characters of a row or paragraph that is quoted whole; of a longer one, the words that are meant."""
KINDS = {
    FactKind.ALLERGY: "Allergie",
    FactKind.INTOLERANCE: "Intolérance",
    FactKind.MEDICATION: "Traitement",
    FactKind.CONDITION: "Problème",
    FactKind.PROCEDURE: "Acte",
    FactKind.IMPLANT: "Dispositif",
    FactKind.IMMUNIZATION: "Vaccination",
    FactKind.LAB_RESULT: "Résultat",
    FactKind.VITAL_SIGN: "Mesure",
    FactKind.PREGNANCY: "Grossesse",
    FactKind.BLOOD_GROUP: "Groupe sanguin",
    FactKind.DIRECTIVE: "Directives",
    FactKind.CONTACT: "Contact",
    FactKind.DISPENSING: "Délivrance",
    FactKind.ENCOUNTER: "Venue",
}
_SAID = {
    Assertion.SUSPECTED: " (suspecté)",
    Assertion.PAST: " (passé)",
    Assertion.HYPOTHETICAL: " (prévu)",
}


def placed(fact: Fact, start: int, end: int) -> Fact:
    """`fact` with its quote at these offsets of the text under construction; the page fills in the rest."""
    return dataclasses.replace(fact, quote=Quote(0, start, end, ""))


def in_lines(text: str, start: int, end: int, fact: Fact, blocks: Iterable[tuple[str, str]]) -> Fact | None:
    """`fact` with its words found in text[start:end]; None when no line says what it states.

    blocks  (a line as it was written, the words in it that the entry refers to), the surest first
    """
    for line, said in blocks:
        at = text.find(line, start, end) if line else -1
        if at >= 0 and says(line, fact):
            if len(line) > LONGEST and said and (inside := line.find(said)) >= 0:
                return placed(fact, at + inside, at + inside + len(said))
            return placed(fact, at, at + len(line))
    label = fact.label.lower()
    at = start
    for line in text[start:end].split("\n") if label else ():
        if label in line.lower() and says(line, fact):
            if len(line) > LONGEST and fact.value is None and (inside := line.find(fact.label)) >= 0:
                return placed(fact, at + inside, at + inside + len(fact.label))
            return placed(fact, at, at + len(line))
        at += len(line) + 1
    return None


def says(line: str, fact: Fact) -> bool:
    """Whether a line that names the fact also says its value, in any writing of its figure."""
    value = fact.value
    if value is None:
        return True
    if value.number is None:
        return value.text in line
    return any(re.search(rf"(?<![\d.,]){re.escape(one)}(?![.,]?\d)", line) for one in _writings(value))


def _writings(value: Quantity) -> Sequence[str]:
    """A figure as its author may have written it: "75.0" is 75,0 and 75."""
    texts = [value.text.lstrip("<>=≤≥ ")]
    if value.number is not None and abs(value.number.adjusted()) < 20:
        texts += [f"{value.number:f}", f"{value.number.normalize():f}"]
    return [*texts, *(one.replace(".", ",") for one in texts)]


def line_for(fact: Fact) -> str:
    """The entry as one line, for a narrative that does not hold it."""
    label = fact.label
    if fact.assertion is Assertion.ABSENT:
        label = f"absence de {label}"
    elif fact.assertion is Assertion.FAMILY:
        label = f"antécédent familial ({fact.detail('relation') or 'famille'}) : {label}"
    cells = [f"{KINDS[fact.kind]} : {label}{_SAID.get(fact.assertion, '')}"]
    if fact.value is not None:
        value = fact.value
        cells.append(f"{value.text} {value.unit}".strip())
        cells.append(f"réf. {value.range_text}" if value.range_text else "")
        cells.append(value.flag)
    cells += [fact.detail(name) for name in ("dose", "route", "frequency", "reaction", "severity", "term_date")]
    cells.append(" - ".join(shown_day(day) for day in (fact.when.start, fact.when.end) if day))
    return " | ".join(filter(None, cells))
