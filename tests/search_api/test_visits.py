"""« Nouveau depuis ma dernière visite »: what a visit is, and that it is each professional's own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import text as sql

from records.visitors import APART
from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.world import World

HOUR = timedelta(hours=1)


def new(world: World, who: str = DOCTOR, **body: Any) -> set[str]:
    answer = world.search("consultation OR allergie OR ferritine OR nouveau", world.bearer(who), limit=50, **body)
    assert answer.status_code == 200, answer.text
    names = {document: name for name, document in world.documents.items()}
    hits = answer.json()["hits"]
    return {names[hit["document"]["id"]] for hit in hits if body or hit["document"]["new"]}


def arrives(world: World, name: str) -> None:
    world.deposit(name, "marie", f"Consultation.\n\nNouveau document {name} : allergie au pollen.")
    world.work()
    world.clock.now += timedelta(minutes=1)  # the world's clock stands still while a document is read


def test_what_came_since_the_visit_before(own_world: World) -> None:
    world = own_world
    world.clock.now += HOUR  # after all that there is could be found
    assert new(world) == set(), "at the first visit there is nothing to compare with"
    world.clock.now += HOUR
    arrives(world, "recent")
    assert new(world) == set(), "an hour later it is the same visit, and the first one"
    world.clock.now += APART
    arrives(world, "later")
    world.clock.now += HOUR
    assert new(world) == {"later"}
    world.clock.now += HOUR
    assert new(world) == {"later"}, "it stays new for as long as the visit lasts"
    assert new(world, new_only=True) == {"later"}
    world.clock.now += APART
    assert new(world) == set()
    assert new(world, new_only=True) == set()


def test_another_professionals_visit_changes_nothing(own_world: World) -> None:
    world = own_world
    world.clock.now += HOUR  # after all that there is could be found
    new(world, TRAITANT)
    new(world)
    world.clock.now += 2 * APART
    arrives(world, "later")
    world.clock.now += HOUR
    assert new(world, TRAITANT) == {"later"}
    world.clock.now += 2 * APART
    assert new(world, DOCTOR) == {"later"}


def test_a_look_at_one_document_is_a_visit_too(own_world: World) -> None:
    world = own_world
    world.clock.now += HOUR  # after all that there is could be found
    card = world.url("marie", f"/documents/{world.documents['lettre']}")
    assert world.http.get(card, headers=world.bearer(DOCTOR)).json()["new"] is False
    world.clock.now += 2 * APART
    arrives(world, "later")
    world.clock.now += HOUR
    listed = world.http.get(world.url("marie", "/documents"), headers=world.bearer(DOCTOR)).json()["documents"]
    assert [each["id"] for each in listed if each["new"]] == [world.documents["later"]]


def test_a_first_visit_that_asks_for_what_is_new_gets_everything(own_world: World) -> None:
    assert new(own_world, new_only=True) == new(own_world, sort="relevance")


def test_patients_have_no_visits(own_world: World) -> None:
    world = own_world
    world.clock.now += HOUR  # after all that there is could be found
    world.search("allergie", world.as_patient("marie"))
    world.clock.now += 2 * APART
    arrives(world, "later")
    hits = world.search("allergie", world.as_patient("marie")).json()["hits"]
    assert not any(hit["document"]["new"] for hit in hits)


def test_a_visitor_of_an_earlier_version_has_no_date_yet(own_world: World) -> None:
    world = own_world
    world.clock.now += HOUR  # after all that there is could be found
    new(world)
    with world.services.records.write() as tx:
        tx.session.execute(sql("UPDATE visitors SET seen_at = NULL, before_at = NULL"))
    assert new(world) == set()
    world.clock.now += 2 * APART
    arrives(world, "later")
    world.clock.now += HOUR
    assert new(world) == {"later"}
