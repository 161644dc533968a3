"""A world of the oracle in the words of `access.decide`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

import yaml

from access.categories import Category
from access.decide import AccessFacts, GrantFact, decide
from access.document_types import category_of
from access.facts import EmergencyFact, RelationFact
from access.habilitation import parse_matrix
from access.identifiers import DocumentId, PatientId
from access.policy import Policy
from access.refusal import Refusal
from access.scope import Caller, CallerKind, Purpose, Scope
from tests.access.oracle import Paper, Person, World

MATRIX = Path(__file__).resolve().parents[2] / "access" / "matrix" / "2026-1.yaml"
SPECIALTY = {"médecin": "Médecine générale"}


@cache
def policy() -> Policy:
    """The shipped matrix and the default settings."""
    return Policy(parse_matrix(yaml.safe_load(MATRIX.read_text(encoding="utf-8"))))


def caller_of(person: Person) -> Caller:
    return Caller(
        CallerKind(person.role),
        person.name,
        profession=person.trade,
        specialty=SPECIALTY.get(person.trade, ""),
        organizations=frozenset(person.works_at),
        teams=frozenset(person.teams),
        regulates=person.regulates,
    )


def _names(only: set[str] | None) -> frozenset[Category] | None:
    return None if only is None else frozenset(Category(name) for name in only)


def facts_of(world: World, person: Person) -> AccessFacts:
    if not world.known:
        return AccessFacts(PatientId(world.patient))

    def those(test: Callable[[Paper], bool]) -> frozenset[DocumentId]:
        return frozenset(DocumentId(name) for name, paper in world.papers.items() if test(paper))

    return AccessFacts(
        patient_id=PatientId(world.patient),
        exists=True,
        closed=world.closed,
        blocked=person.name in world.blocked,
        identities=frozenset(PatientId(name) for name in {world.patient} | world.also),
        grants=tuple(
            GrantFact(
                grant_id=f"g{number}",
                kind=consent.kind,
                to_kind=consent.holder[0],
                to=consent.holder[1],
                categories=_names(consent.only),
                valid_from=consent.start,
                valid_until=consent.end,
                revoked_at=consent.start if consent.revoked else None,
            )
            for number, consent in enumerate(world.paperwork)
        ),
        relations=tuple(
            RelationFact(
                f"r{number}",
                kin.kind,
                kin.person,
                kin.start,
                kin.end,
                kin.start if kin.ended else None,
                kin.consented,
                kin.approved,
                kin.purpose,
                _names(kin.only),
            )
            for number, kin in enumerate(world.kin)
        ),
        emergencies=tuple(
            EmergencyFact(f"e{number}", glass.person, glass.start, glass.end, glass.start if glass.ended else None)
            for number, glass in enumerate(world.glass)
        ),
        oppositions=frozenset(world.opposed),
        hidden_from_professionals=those(lambda paper: paper.masked),
        hidden_from_patient={
            DocumentId(name): paper.hidden for name, paper in world.papers.items() if paper.hidden is not None
        },
        hidden_from_representatives=those(lambda paper: paper.secret),
        not_default=those(lambda paper: paper.status != "approved"),
        types={DocumentId(name): paper.kind for name, paper in world.papers.items()},
        authored=those(lambda paper: paper.author == person.name),
    )


def right_of(world: World, person: Person, now: datetime, *, all_states: bool = False) -> Scope | Refusal:
    facts = facts_of(world, person)
    asked = PatientId(world.patient)
    return decide(caller_of(person), asked, Purpose(person.why), now, facts, policy(), all_states=all_states)


def sees(world: World, right: Scope | Refusal, name: str) -> bool:
    """What the product would show: a document of the record that the Scope admits."""
    if isinstance(right, Refusal) or name not in world.papers:
        return False
    category = category_of(world.papers[name].kind)
    return right.admits(PatientId(world.patient), DocumentId(name), category)
