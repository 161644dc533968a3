"""Whether the glass may be broken, against the oracle's words: one refusal for all that depends on the patient."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings

from access.emergency import emergency_role_refusal, may_break_glass, open_emergency
from access.facts import EmergencyFact
from access.refusals import DOOR, NO_EMERGENCY_DOOR
from tests.access.oracle import EMERGENCY_TRADES, Person, World
from tests.access.test_decide import NOW, a_world, persons, worlds
from tests.access.translate import caller_of, facts_of, policy


@settings(max_examples=300)
@given(worlds, persons)
def test_it_opens_exactly_when_nothing_refuses_it(world: World, person: Person) -> None:
    caller = caller_of(person)
    answer = may_break_glass(caller, facts_of(world, person), policy())
    professional = person.role == "practitioner" and person.trade in EMERGENCY_TRADES
    assert emergency_role_refusal(caller, policy()) == (None if professional else NO_EMERGENCY_DOOR)
    stopped = not world.known or world.closed or person.name in world.blocked or "break_glass" in world.opposed
    assert answer == (NO_EMERGENCY_DOOR if not professional else DOOR if stopped else None)


def test_it_is_open_from_its_first_instant_until_it_ends_or_somebody_ends_it() -> None:
    doctor = Person("practitioner", "r1")
    broken = EmergencyFact("e1", "r1", NOW, NOW + timedelta(minutes=30))
    instant, half = timedelta(microseconds=1), timedelta(minutes=15)

    def opened(fact: EmergencyFact, after: timedelta) -> bool:
        facts = replace(facts_of(a_world(paperwork=[]), doctor), emergencies=(fact,))
        return open_emergency(caller_of(doctor), facts, NOW + after, policy()) is not None

    times = (-instant, timedelta(), half, 2 * half - instant, 2 * half)
    assert [opened(broken, after) for after in times] == [False, True, True, True, False]
    ended = replace(broken, ended_at=NOW + timedelta(minutes=5))
    assert not any(opened(ended, after) for after in times)
