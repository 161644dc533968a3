"""Vaccination reminders: asked for, told once, out of what the patient may see, and a mail that says nothing of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from records import journal, notifications
from records.fact import Assertion
from search_api.notifier import message_of
from search_api.reminders import AGAIN, remind
from tests.clinical.telling import dose
from tests.search_api.telling import say
from tests.search_api.test_will import act
from tests.search_api.world import World


def run(world: World) -> int:
    return remind(world.services.records, world.services.policy, world.clock.now)


def ask(world: World, *, reminders: bool = True, mail: str = "marie@exemple.test") -> Any:
    return act(world, "PUT", "/contact", world.as_patient("marie"), mail=mail, reminders=reminders)


@pytest.fixture
def late(own_world: World) -> World:
    """A dose of 2004 and none at the rendezvous of 25 years."""
    say(own_world, "lettre", dose("Revaxis", start="2004-05-03"))
    return own_world


def test_who_asked_is_reminded_once_and_again_after_half_a_year(late: World) -> None:
    assert run(late) == 0, "nobody asked"
    ask(late)
    assert act(late, "GET", "/record", late.as_patient("marie")).json()["reminders"] is True
    assert [run(late), run(late)] == [1, 0]
    late.clock.now += AGAIN + timedelta(days=1)
    assert run(late) == 1
    with late.services.records.read() as tx:
        entry = journal.entries_for_audit_without_scope(tx, late.patients["marie"], 1)[0]
    assert (entry.action, entry.caller, entry.documents) == ("remind", "rappels", ())
    act(late, "PUT", "/contact", late.as_patient("marie"), mail="marie@ailleurs.test")
    assert act(late, "GET", "/record", late.as_patient("marie")).json()["reminders"] is True, "an address alone"
    ask(late, reminders=False)
    assert act(late, "GET", "/record", late.as_patient("marie")).json()["reminders"] is False
    late.clock.now += AGAIN + timedelta(days=1)
    assert run(late) == 0


def test_the_mail_says_neither_what_nor_of_whom(late: World) -> None:
    ask(late)
    run(late)
    with late.services.records.read() as tx:
        (one,) = notifications.due_without_scope(tx, late.clock.now, 9)
    message = message_of(one, "anamnese@exemple.test")
    whole = f"{message['Subject']} {message.get_content()}".lower()
    assert "rappel" in whole
    assert [word for word in ("vaccin", "tétanos", "revaxis", "martin", "dose") if word in whole] == []


def test_a_dose_that_was_given_since_or_none_at_all_reminds_of_nothing(own_world: World) -> None:
    ask(own_world)
    assert run(own_world) == 0, "a silence is no reason"
    say(own_world, "lettre", dose("Revaxis", assertion=Assertion.ABSENT, start="2004-05-03"))
    assert run(own_world) == 0
    say(own_world, "lettre", dose("Revaxis", start="2004-05-03"))
    say(own_world, "bilan", dose("Repevax", start="2011-02-01"))
    assert run(own_world) == 0


def test_what_the_patient_may_not_see_stops_no_reminder(late: World) -> None:
    ask(late)
    say(late, "bilan", dose("Repevax", start="2011-02-01"))
    assert run(late) == 0
    late.hide("bilan", hidden_from_patient=True)
    assert run(late) == 1


def test_what_the_patient_may_not_see_makes_no_reminder(late: World) -> None:
    ask(late)
    late.hide("lettre", hidden_from_patient=True)
    assert run(late) == 0


def test_a_closed_record_and_no_address_are_left_alone(late: World) -> None:
    ask(late, mail="")
    assert run(late) == 0
    ask(late)
    act(late, "POST", "/closure", late.as_patient("marie"))
    assert run(late) == 0


@pytest.mark.parametrize(("day", "reminded"), [("2026-06-15", 0), ("2026-11-15", 1)])
def test_a_seasonal_vaccine_is_reminded_of_in_its_season(own_world: World, day: str, reminded: int) -> None:
    say(own_world, "lettre", dose("Vaxigrip", start="2024-11-02"))
    own_world.clock.now = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    ask(own_world)
    assert run(own_world) == reminded
