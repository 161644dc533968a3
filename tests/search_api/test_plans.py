"""What one patient is asked for costs what that patient holds, not what everybody does.

Every statement of every endpoint under a patient, whoever asks, is answered by an index: SQLite's plan of it reads no
table that grows with patients from end to end. A table read whole is not seen in a home of two patients, and is a
second of every request in one of a million.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from records import tables
from tests.search_api.conftest import DOCTOR, STRANGER
from tests.search_api.test_door import AT_THE_DOOR, REQUESTS, ask
from tests.search_api.world import World, before_statements
from tests.services.crowd import FEW

WHOLE = re.compile(r"^SCAN (\w+?)(?:_\d+)?(?: |$)")  # "patients_1" is an alias of patients
GROWING = set(tables.Base.metadata.tables) - FEW

AT_WORK: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/me", None),
    ("GET", "/searches", None),
    ("POST", "/search", {"query": "allergie pénicilline"}),
    ("POST", "/search", {"query": "créatinine > 100"}),
)


@contextmanager
def plans(world: World) -> Iterator[dict[str, set[str]]]:
    """Each statement that runs in the block with what its plan reads whole."""
    read: dict[str, set[str]] = {}
    busy = False

    def explain(_conn: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        nonlocal busy
        if busy or not re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)\b", statement) or statement in read:
            return
        busy = True
        try:
            rows = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        finally:
            busy = False
        read[statement] = {found.group(1) for row in rows if (found := WHOLE.match(row[3]))} & GROWING

    with before_statements(world, explain):
        yield read


def whole(read: dict[str, set[str]]) -> dict[str, set[str]]:
    assert read
    return {statement: tables for statement, tables in read.items() if tables}


@pytest.mark.parametrize("name", REQUESTS | AT_THE_DOOR)
def test_no_request_about_a_patient_reads_a_whole_table(world: World, name: str) -> None:
    with plans(world) as read:
        for headers in (world.bearer(DOCTOR), world.bearer(STRANGER), world.as_patient("marie")):
            ask(world, name, world.patients["marie"], headers, world.documents["lettre"])
    assert whole(read) == {}


def test_no_step_of_a_document_reads_a_whole_table(own_world: World) -> None:
    with plans(own_world) as read:
        own_world.deposit("neuf", "marie", "Compte rendu. Allergie à l'arachide. Créatinine 92 µmol/L.", by="test")
        own_world.work()
    assert len(read) > 20
    assert whole(read) == {}


def test_no_request_of_a_practitioner_at_work_reads_a_whole_table(world: World) -> None:
    """Who they are, what they kept, and a question to all of their patients."""
    with plans(world) as read:
        for method, path, body in AT_WORK:
            answer = world.http.request(method, f"/v1{path}", headers=world.bearer(DOCTOR), json=body)
            assert answer.status_code == 200, answer.text
    assert whole(read) == {}
