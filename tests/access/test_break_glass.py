"""Whether the glass may be broken, against the oracle's words: one refusal for all that depends on the patient."""

from __future__ import annotations

from hypothesis import given, settings

from access.emergency import emergency_role_refusal, may_break_glass
from access.refusals import DOOR, NO_EMERGENCY_DOOR
from tests.access.oracle import EMERGENCY_TRADES, Person, World
from tests.access.test_decide import persons, worlds
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
