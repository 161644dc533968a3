"""Medicines on the card. Those that change emergency care never age off it: they are « non confirmé depuis… ».

A stop does not remove a medicine: it stands beside the last mention, with its date. Other medicines are shown while one
of the record's last twelve months of prescriptions mentions them, and the number of the older ones is said.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from clinical.card_lines import (
    CONTRADICTED,
    Line,
    french,
    grouped,
    line_of,
    mentioned,
    older_than,
    others_of,
    reading_notes,
)
from clinical.drugs import critical_group, critical_groups, medicines_of
from clinical.folding import plain
from records.fact import Assertion, Fact, FactKind, Told

CONFIRMED_DAYS = 90
"""A last mention older than this is said to be unconfirmed: what is delivered at once lasts three months at most."""
OTHERS_DAYS = 365
"""In France a prescription is renewed for twelve months at most: older mentions of other medicines are counted only."""
OTHER = "autre traitement"
_FIRST = date(1900, 1, 1)
_STOPPED, _CURRENT = "arrêt", "en cours"


Blocks = dict[str, dict[Hashable, list[Told]]]
"""Critical group ("" for none) → medicine → what is told of it, newest first."""


def medicine_blocks(facts: Iterable[Told]) -> Blocks:
    """The medicines and dispensings among facts in `newest` order; a relative's are not the patient's."""
    kinds = (FactKind.MEDICATION, FactKind.DISPENSING)
    blocks: Blocks = {}
    for told in facts:
        fact = told.fact
        if fact.kind in kinds and fact.assertion is not Assertion.FAMILY:
            group = critical_group(fact)
            name = "" if group is None else group.name
            blocks.setdefault(name, {}).setdefault(_subject(fact), []).append(told)
    return blocks


def critical_lines(blocks: Blocks, section: str, now: date) -> list[Line]:
    """The lines of one section of `critical/drugs.txt`, group by group."""
    groups = [group.name for group in critical_groups() if group.section == section]
    return [line for name in groups for block in blocks.get(name, {}).values() for line in _block(block, name, now)]


def other_lines(blocks: Blocks, now: date) -> tuple[list[Line], int, date]:
    """Medicines in no critical group that were mentioned in the twelve months before the last mention of any medicine;
    how many are older and not shown, and since when one had to be mentioned."""
    lines: list[Line] = []
    older, last = 0, _last_mention(blocks, now)
    for block in blocks.get("", {}).values():
        held = [each for each in block if each.fact.assertion in (Assertion.PRESENT, Assertion.SUSPECTED)]
        if not held:
            continue
        if mentioned(held[0]) and older_than(mentioned(held[0]), last, OTHERS_DAYS):
            older += 1
            continue
        lines += _block(block, OTHER, now)
    return lines, older, last - timedelta(days=OTHERS_DAYS)


def _last_mention(blocks: Blocks, now: date) -> date:
    """The youngest day on which a document names a medicine, not after today; today when none is dated."""
    told = (each for group in blocks.values() for block in group.values() for each in block)
    days = [each.event_date for each in told if each.event_date is not None and each.event_date <= now]
    return max(*days, _FIRST) if days else now


def _subject(fact: Fact) -> str:
    return " + ".join(medicines_of(fact)) or plain(fact.concept or fact.detail("substance") or fact.label)


def _block(block: Sequence[Told], group: str, now: date) -> list[Line]:
    """The last mention of each state of one medicine: in course, stopped, denied, supposed."""
    states = grouped(block, lambda told: _state(told.fact, now))
    contradicted = _CURRENT in states and bool({_STOPPED, Assertion.ABSENT} & set(states))
    lines = []
    for state, same in states.items():
        shown = same[0]
        remarks = [f"dernière mention le {french(mentioned(shown))}"]
        if state == _STOPPED and _says_stopped(shown.fact, now):
            remarks.insert(0, "arrêt mentionné")
        elif state == _CURRENT and older_than(mentioned(shown), now, CONFIRMED_DAYS):
            remarks.append(f"non confirmé depuis le {french(mentioned(shown))}")
        if shown.fact.kind is FactKind.DISPENSING:
            remarks.append("délivrance")
        remarks += reading_notes(shown.fact)
        if contradicted:
            remarks.append(CONTRADICTED)
        line = line_of(shown, _text(shown.fact), group=group, remarks=remarks, day=mentioned(shown))
        lines.append(replace(line, contradicted=contradicted, also=others_of(same, shown)))
    return lines


def _state(fact: Fact, now: date) -> str:
    if fact.assertion in (Assertion.ABSENT, Assertion.SUSPECTED, Assertion.HYPOTHETICAL):
        return fact.assertion
    return _STOPPED if fact.assertion is Assertion.PAST or _says_stopped(fact, now) else _CURRENT


def _says_stopped(fact: Fact, now: date) -> bool:
    """Whether the document says that it ended; one that only tells of the past says no stop."""
    ended = bool(fact.when.end) and older_than(fact.when.end, now, 0) and fact.kind is FactKind.MEDICATION
    return ended or bool(fact.detail("stopped") or fact.detail("replaced_by"))


def _text(fact: Fact) -> str:
    """The label, and whatever of substance, dose, frequency and route it does not hold already."""
    told = [fact.label]
    medicines = ", ".join(medicines_of(fact))
    said = plain(fact.label)
    for more in (fact.detail("brand"), fact.detail("substance") or medicines):
        if more and plain(more) not in said:
            told.append(f"({more})")
            said += f" {plain(more)}"
    for name in ("dose", "frequency", "route"):
        if (more := fact.detail(name)) and plain(more) not in said:
            told.append(more)
    if fact.detail("replaced_by"):
        told.append(f"→ remplacé par {fact.detail('replaced_by')}")
    return " ".join(told)
