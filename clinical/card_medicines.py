"""Medicines on the card. Those that change emergency care never age off it: they are « non confirmé depuis… ».

A class (« sous anticoagulant ») stands behind its substance where a document names one as late, and alone otherwise. A
stop does not remove a medicine: it stands beside the last mention, with its date. Other medicines are shown while one
of the record's last twelve months of prescriptions mentions them, and the number of the older ones is said.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
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
from clinical.drugs import class_of, classes_of, critical_group, critical_groups, medicines_of
from clinical.folding import plain
from records.fact import Assertion, Fact, FactKind, Told

CONFIRMED_DAYS = 90
"""A last mention older than this is said to be unconfirmed: what is delivered at once lasts three months at most."""
OTHERS_DAYS = 365
"""In France a prescription is renewed for twelve months at most: older mentions of other medicines are counted only."""
OTHER = "autre traitement"
_FIRST = date(1900, 1, 1)
_STOPPED, _CURRENT = "arrêt", "en cours"
_AGAINST = frozenset({_STOPPED, Assertion.ABSENT})


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
    lines: list[Line] = []
    for name in groups:
        own = blocks.get(name, {})
        for subject, block in own.items():
            lines += _block(_without_folded(block, own, now), name, now, opposed=_opposed(subject, own, now))
    return lines


def other_lines(blocks: Blocks, now: date) -> tuple[list[Line], int, date]:
    """Medicines in no critical group that were mentioned in the twelve months before the last mention of any medicine;
    how many are older and not shown, and since when one had to be mentioned."""
    lines: list[Line] = []
    older, last = 0, _last_mention(blocks, now)
    for block in blocks.get("", {}).values():
        held = [each for each in block if each.fact.assertion in (Assertion.PRESENT, Assertion.SUSPECTED)]
        if not held:
            continue
        if all(mentioned(each) and older_than(mentioned(each), last, OTHERS_DAYS) for each in held):
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


def _without_folded(block: Sequence[Told], group: Mapping[Hashable, Sequence[Told]], now: date) -> list[Told]:
    """A medicine's facts without those that name its class alone where a substance of it is told as late."""
    return [told for told in block if not _is_folded(told, group, now)]


def _is_folded(told: Told, group: Mapping[Hashable, Sequence[Told]], now: date) -> bool:
    name = class_of(told.fact)
    if not name or _state(told.fact, now) != _CURRENT:
        return False
    return any(
        each.document_id == told.document_id or (mentioned(told) and mentioned(each) >= mentioned(told))
        for each in _of_class(name, group)
        if _state(each.fact, now) == _CURRENT
    )


def _of_class(name: str, group: Mapping[Hashable, Sequence[Told]]) -> Iterator[Told]:
    """What is told of the substances of a class."""
    for block in group.values():
        if any(name in classes_of(each) for each in medicines_of(block[0].fact) if each != name):
            yield from block


def _opposed(subject: Hashable, group: Mapping[Hashable, Sequence[Told]], now: date) -> bool:
    """Whether a class is denied or stopped while a substance of it is in course, for either of the two."""
    for other, block in group.items():
        name = class_of(block[0].fact)
        if not name or not any(_state(each.fact, now) in _AGAINST for each in block):
            continue
        held = [each for each in _of_class(name, group) if _state(each.fact, now) == _CURRENT]
        if held and (other == subject or any(_subject(each.fact) == subject for each in held)):
            return True
    return False


def _block(block: Sequence[Told], group: str, now: date, *, opposed: bool = False) -> list[Line]:
    """The last mention of each state of one medicine: in course, stopped, denied, supposed."""
    states = grouped(block, lambda told: _state(told.fact, now))
    contradicted = opposed or (_CURRENT in states and not _AGAINST.isdisjoint(states))
    lines = []
    for state, same in states.items():
        shown = same[0]
        remarks = _mentions(same)
        if state == _STOPPED and _says_stopped(shown.fact, now):
            remarks.insert(0, "arrêt mentionné")
        elif state == _CURRENT and (unconfirmed := _unconfirmed(same, now)):
            remarks.append(unconfirmed)
        if state == _CURRENT and shown.fact.when.end and shown.fact.kind is FactKind.MEDICATION:
            remarks.append(f"jusqu'au {french(shown.fact.when.end)}")
        if shown.fact.kind is FactKind.DISPENSING:
            remarks.append("délivrance")
        remarks += reading_notes(shown.fact)
        if contradicted:
            remarks.append(CONTRADICTED)
        line = line_of(shown, _text(shown.fact), group=group, remarks=remarks, day=mentioned(shown))
        lines.append(replace(line, contradicted=contradicted, also=others_of(same, shown)))
    return lines


def _mentions(same: Sequence[Told]) -> list[str]:
    """When it was last told: by a dated document, and by one that bears no date, with the day of its deposit."""
    dated = mentioned(same[0])
    remarks = [f"dernière mention le {french(dated)}"] if dated else []
    undated = [each for each in same if not mentioned(each)]
    if undated:
        deposits = [each.deposited for each in undated if each.deposited is not None]
        received = f", déposé le {max(deposits):%d/%m/%Y}" if deposits else ""
        remarks.append(f"{'cité aussi par un ' if dated else ''}document non daté{received}")
    return remarks


def _unconfirmed(same: Sequence[Told], now: date) -> str:
    """« Non confirmé depuis le »; a document without a date neither confirms nor lets one say since when not."""
    if not older_than(mentioned(same[0]), now, CONFIRMED_DAYS):
        return ""
    if all(map(mentioned, same)):
        return f"non confirmé depuis le {french(mentioned(same[0]))}"
    return "non confirmé par un document daté" + (" récent" if mentioned(same[0]) else "")


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
    if class_of(fact) and fact.assertion is Assertion.PRESENT:
        told[-1] += ", substance non précisée"
    if fact.detail("replaced_by"):
        told.append(f"→ remplacé par {fact.detail('replaced_by')}")
    return " ".join(told)
