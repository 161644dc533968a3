"""The doubtful points, each behind its setting: what it changes, for whom, and that it changes nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from access.decide import decide
from access.identifiers import PatientId
from access.scope import Purpose
from tests.access.oracle import Glass, Paper, Paperwork, Person, World
from tests.access.test_decide import NOW
from tests.access.translate import caller_of, facts_of, policy, sees

HOUR = timedelta(hours=1)
PAPERS = {"lettre": Paper(), "vih": Paper("11502-2", masked=True), "inconnu": Paper("99999-9")}
GLASS = [Glass("r1", NOW - HOUR / 2, NOW + HOUR / 2)]
CONSENT = [Paperwork(("practitioner", "r1"), None, NOW - HOUR)]


def seen(person: Person, papers: Any = PAPERS, *, world: dict[str, Any], **settings: Any) -> list[str]:
    record = World("p1", papers=papers, **world)
    right = decide(
        caller_of(person),
        PatientId("p1"),
        Purpose(person.why),
        NOW,
        facts_of(record, person),
        replace(policy(), **settings),
    )
    return sorted(name for name in papers if sees(record, right, name))


DOCTOR, NURSE = Person("practitioner", "r1"), Person("practitioner", "r1", trade="infirmier")
CENTRE_15 = Person("practitioner", "r1", why="regulation", regulates=True)


def test_break_glass_opens_masked_documents_only_when_set_and_only_then() -> None:
    assert seen(DOCTOR, world={"glass": GLASS}) == ["lettre"]
    assert seen(DOCTOR, world={"glass": GLASS}, break_glass_opens_masked=True) == ["lettre", "vih"]
    assert seen(DOCTOR, world={"paperwork": CONSENT}, break_glass_opens_masked=True) == ["lettre"]
    assert seen(CENTRE_15, world={}, break_glass_opens_masked=True) == ["lettre"]


def test_break_glass_ignores_a_block_only_when_set_and_nothing_else_does() -> None:
    blocked = {"blocked": {"r1"}}
    assert seen(DOCTOR, world=blocked | {"glass": GLASS}) == []
    assert seen(DOCTOR, world=blocked | {"glass": GLASS}, break_glass_ignores_blocks=True) == ["lettre"]
    assert seen(DOCTOR, world=blocked | {"paperwork": CONSENT}, break_glass_ignores_blocks=True) == []
    assert seen(CENTRE_15, world=blocked, break_glass_ignores_blocks=True) == []


def test_unlisted_types_show_to_who_sees_every_type_only_when_set() -> None:
    world = {"paperwork": CONSENT}
    assert seen(DOCTOR, world=world) == ["lettre"]
    assert seen(DOCTOR, world=world, sees_unlisted_types=True) == ["inconnu", "lettre"]
    assert seen(NURSE, world=world, sees_unlisted_types=True) == ["lettre"]


def test_lengths_of_time_are_those_set() -> None:
    patient = Person("patient", "p1", why="self")
    hidden = {"lettre": Paper(hidden=NOW - timedelta(days=10))}
    assert seen(patient, hidden, world={}) == []
    assert seen(patient, hidden, world={}, patient_release=timedelta(days=10)) == ["lettre"]
    attested = {"paperwork": [Paperwork(("practitioner", "r1"), None, NOW, NOW + 2 * HOUR, kind="attested")]}
    assert seen(DOCTOR, world=attested) == ["lettre"]
    assert seen(DOCTOR, world=attested, attested_longest=HOUR) == []
    opened = {"glass": [Glass("r1", NOW - HOUR, NOW + HOUR)]}
    assert seen(DOCTOR, world=opened) == ["lettre"]
    assert seen(DOCTOR, world=opened, break_glass_longest=HOUR) == []


def test_an_open_emergency_takes_nothing_from_who_holds_the_whole_record() -> None:
    traitant = [Paperwork(("practitioner", "r1"), None, NOW - HOUR, kind="medecin_traitant")]
    assert seen(DOCTOR, world={"paperwork": traitant, "glass": GLASS}) == ["lettre", "vih"]
