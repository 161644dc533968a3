"""When a relation lives and what each kind needs beside: each line dies without its clause."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from access.facts import HEIR_PURPOSES, AccessFacts, OppositionKind, RelationFact, RelationKind
from access.identifiers import PatientId
from access.relations import relations_in_force
from access.scope import Caller, CallerKind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PERSON, CHILD = "p" * 26, PatientId("c" * 26)
PARENT = RelationFact(
    relation_id="r1",
    kind=RelationKind.LEGAL_REPRESENTATIVE,
    person=PERSON,
    valid_from=NOW - DAY,
    valid_until=NOW + DAY,
)
HEIR = dataclasses.replace(PARENT, kind=RelationKind.HEIR, purpose=sorted(HEIR_PURPOSES)[0], approved=True)


def lives(relation: RelationFact, *oppositions: OppositionKind, person: str = PERSON) -> bool:
    facts = AccessFacts(CHILD, exists=True, relations=(relation,), oppositions=frozenset(oppositions))
    return relations_in_force(Caller(CallerKind.PATIENT, person), facts, NOW) == [relation]


@pytest.mark.parametrize(
    ("change", "alive"),
    [
        ({}, True),
        ({"valid_from": NOW}, True),
        ({"valid_from": NOW + timedelta(microseconds=1)}, False),
        ({"valid_until": NOW}, False),
        ({"valid_until": NOW + timedelta(microseconds=1)}, True),
        ({"ended_at": NOW + DAY}, False),  # ended whatever the date of its end, like a revoked grant
        ({"valid_until": None}, False),  # a minor's representation has an end
        ({"kind": RelationKind.GUARDIAN, "valid_until": None}, True),
        ({"kind": RelationKind.CURATOR}, False),
        ({"kind": RelationKind.CURATOR, "consented": True}, True),
        ({"kind": "neighbour"}, False),
    ],
)
def test_a_relation_lives_between_its_dates_and_by_its_kind(change: dict[str, object], alive: bool) -> None:
    assert lives(dataclasses.replace(PARENT, **change)) is alive  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [RelationKind.HEIR, RelationKind.PARTNER])
@pytest.mark.parametrize(
    ("change", "alive"),
    [
        ({}, True),
        ({"approved": False}, False),
        ({"purpose": "curiosity"}, False),
        ({"valid_until": None}, False),
    ],
)
def test_a_succession_is_reviewed_bounded_and_lawful(
    kind: RelationKind, change: dict[str, object], alive: bool
) -> None:
    asked = dataclasses.replace(HEIR, kind=kind, **change)  # type: ignore[arg-type]
    assert lives(asked) is alive
    assert not lives(asked, OppositionKind.HEIRS)


def test_a_relation_is_its_persons_own() -> None:
    assert not lives(PARENT, person="q" * 26)
