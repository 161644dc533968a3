"""Sentences of the access rules that no other test would miss: what is never granted, never said, never answered."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sqlalchemy import select

from access.refusals import DOOR
from ingest.mllp.reception import Reception
from records import journal, tables
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.test_mllp_reception import BOTH, SENDERS, adt, oru
from tests.search_api.world import World


def test_no_message_and_no_deposit_gives_anybody_a_right(own_world: World) -> None:
    """EX_0.3-1010: consent to look is an act of a person; an admission, a result or a deposit is none."""
    world = own_world

    def rights() -> list[tuple[Any, ...]]:
        with world.services.records.read() as tx:
            tabled = (tables.Grant, tables.Relation, tables.Emergency)
            return [tuple(row) for one in tabled for row in tx.session.execute(select(one.__table__))]

    before = rights()
    door = Reception(world.bench, SENDERS)
    for message in (adt("A01", BOTH), adt("A40", BOTH), oru("1"), oru("2", pid=BOTH)):
        assert b"MSA|AA" in door.take(message)
    for headers in (world.bearer(TRAITANT), world.as_patient("marie")):
        sent = world.http.post(world.url("marie", "/documents"), files={"file": ("a.txt", b"Autre.")}, headers=headers)
        assert sent.status_code == 202
    world.work()
    assert rights() == before
    assert world.search("xanthome", world.bearer(STRANGER)).json()["code"] == "no-access"


@pytest.mark.parametrize("patient", ["marie", "a" * 26])
def test_the_door_says_that_nothing_can_be_shown_and_never_that_nobody_is_known(world: World, patient: str) -> None:
    said = world.http.get(world.url(patient, "/documents"), headers=world.bearer(STRANGER)).json()
    assert said["title"] == "Aucun document accessible pour vous ; cela ne prouve pas qu'il n'en existe pas."
    assert said["title"] == DOOR.message
    assert "inconnu" not in json.dumps(said, ensure_ascii=False)
    assert "présent et d'accord" in said["remedy"]
    assert "urgence vitale" in said["remedy"]


def test_what_the_patient_wrote_is_marked_for_everybody_who_sees_it(own_world: World) -> None:
    """EX_3.1-1040."""
    world, told = own_world, {}
    for name, headers in (("own", world.as_patient("marie")), ("carer", world.bearer(TRAITANT))):
        sent = world.http.post(world.url("marie", "/documents"), files={"file": (name, name.encode())}, headers=headers)
        told[name] = sent.json()["url"]
    world.work()
    for reader in (world.as_patient("marie"), world.bearer(TRAITANT)):
        seen = [world.http.get(told[name], headers=reader).json()["by_patient"] for name in ("own", "carer")]
        assert seen == [True, False]


def test_no_answer_has_a_score_and_no_question_has_a_language_of_the_engine(world: World) -> None:
    names: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            names.update(value.get("properties", {}))
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(world.app.openapi())
    assert {"hits", "coverage", "rank"} <= names, "the walk has seen the answer"
    assert [name for name in sorted(names) if re.search(r"score|explain|weight|similarity|distance", name)] == []
    found = world.search("allergie", world.bearer(DOCTOR)).json()
    assert found["hits"]
    assert re.search(r'"[^"]*(score|explain)[^"]*":', json.dumps(found)) is None
    for more in ({"explain": True}, {"query_string": "*:*"}, {"body": {"query": {"match_all": {}}}}, {"size": 10_000}):
        assert world.search("allergie", world.bearer(DOCTOR), **more).status_code == 422, more
    for words in ("*:*", "_exists_:title", "title:(a OR b)", "/.*/", '{"match_all": {}}'):
        answer = world.search(words, world.bearer(STRANGER))
        assert answer.json()["code"] == "no-access"


def test_every_entry_of_the_journal_says_which_rules_and_which_matrix_decided(own_world: World) -> None:
    world = own_world
    for headers in (world.bearer(DOCTOR), world.bearer(STRANGER), world.as_patient("marie")):
        world.search("allergie", headers)
        world.http.get(world.url("marie", "/documents"), headers=headers)
    world.http.post(world.url("marie", "/break-glass"), json={"reason": "other"}, headers=world.bearer(STRANGER))
    with world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, None, 100)
    assert len(entries) >= 7
    assert {one.policy_version for one in entries} == {world.services.policy.version}
    assert world.services.policy.version.endswith("/" + world.services.policy.matrix.version)


def test_identifiers_of_nobody_share_one_chain(own_world: World) -> None:
    """A chain for each would tell from the heads how many were tried, and which exists."""
    with own_world.services.records.read() as tx:
        before = set(tx.session.scalars(select(tables.JournalHead.chain)))
    for patient in ("a" * 26, "b" * 26, "c" * 26):
        own_world.search("allergie", own_world.bearer(STRANGER), patient=patient)
    with own_world.services.records.read() as tx:
        assert set(tx.session.scalars(select(tables.JournalHead.chain))) == before
        assert journal.verify(tx) == []
