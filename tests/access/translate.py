"""A world of the oracle in the words of `access.decide`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from access.categories import Category
from access.decide import AccessFacts, GrantFact, decide
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.scope import Caller, CallerKind, Purpose, Scope
from tests.access.oracle import Paper, Person, World


def caller_of(person: Person) -> Caller:
    return Caller(
        CallerKind(person.role),
        person.name,
        organizations=frozenset(person.works_at),
        teams=frozenset(person.teams),
    )


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
                kind="medecin_traitant" if consent.traitant else "consent",
                to_kind=consent.holder[0],
                to=consent.holder[1],
                categories=None if consent.only is None else frozenset(Category(name) for name in consent.only),
                valid_from=consent.start,
                valid_until=consent.end,
                revoked_at=consent.start if consent.revoked else None,
            )
            for number, consent in enumerate(world.paperwork)
        ),
        hidden_from_professionals=those(lambda paper: paper.masked),
        hidden_from_patient=those(lambda paper: paper.hidden),
        not_default=those(lambda paper: paper.status != "approved"),
        authored=those(lambda paper: paper.author == person.name),
    )


def right_of(world: World, person: Person, now: datetime) -> Scope | Refusal:
    return decide(caller_of(person), PatientId(world.patient), Purpose(person.why), now, facts_of(world, person))


def sees(world: World, right: Scope | Refusal, name: str) -> bool:
    """What the product would show: a document of the record that the Scope admits."""
    if isinstance(right, Refusal) or name not in world.papers:
        return False
    category = Category(world.papers[name].category)
    return right.admits(PatientId(world.patient), DocumentId(name), category)
