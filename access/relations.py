"""Rule 8, others who look as or for the patient: legal representatives, guardians, curators, heirs and partner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from access.categories import Category
from access.facts import HEIR_PURPOSES, AccessFacts, OppositionKind, RelationFact, RelationKind
from access.scope import Basis, Caller

_BASES = {
    RelationKind.LEGAL_REPRESENTATIVE: Basis.LEGAL_REPRESENTATIVE,
    RelationKind.GUARDIAN: Basis.GUARDIAN,
    RelationKind.CURATOR: Basis.CURATOR,
    RelationKind.HEIR: Basis.SUCCESSION,
    RelationKind.PARTNER: Basis.SUCCESSION,
}
"""Strongest first: who holds several relations acts by the first."""
_SUCCESSION = frozenset({RelationKind.HEIR, RelationKind.PARTNER})


def relations_in_force(caller: Caller, facts: AccessFacts, now: datetime) -> list[RelationFact]:
    """The relations that let this person read now, strongest first."""
    mine = [r for r in facts.relations if r.person == caller.id and _alive(r, now) and _opens(r, facts)]
    return sorted(mine, key=lambda relation: list(_BASES).index(RelationKind(relation.kind)))


def basis_of(relation: RelationFact) -> Basis:
    """The basis that a relation in force gives."""
    return _BASES[RelationKind(relation.kind)]


def relation_categories(relations: Iterable[RelationFact]) -> frozenset[Category]:
    """What they open together: a succession what its review said, nothing if it said nothing; the others all."""
    return frozenset[Category]().union(*map(_categories, relations))


def _categories(relation: RelationFact) -> frozenset[Category]:
    if relation.kind in _SUCCESSION:
        return relation.categories or frozenset()
    return frozenset(Category)


def _alive(relation: RelationFact, now: datetime) -> bool:
    if relation.ended_at is not None or now < relation.valid_from:
        return False
    return relation.valid_until is None or now < relation.valid_until


def _opens(relation: RelationFact, facts: AccessFacts) -> bool:
    """What each kind needs beside being alive.

    A minor's representation has an end, the eighteenth birthday: one recorded without gives nothing. A succession is
    reviewed, bounded, states a purpose of the law, and yields to an opposition.
    """
    if relation.kind == RelationKind.LEGAL_REPRESENTATIVE:
        return relation.valid_until is not None
    if relation.kind == RelationKind.GUARDIAN:
        return True
    if relation.kind == RelationKind.CURATOR:
        return relation.consented
    if relation.kind in _SUCCESSION:
        lawful = relation.purpose in HEIR_PURPOSES and relation.valid_until is not None
        return relation.approved and lawful and OppositionKind.HEIRS not in facts.oppositions
    return False
