"""Rule 8, others who look as or for the patient: legal representatives, guardians, curators, heirs and partner."""

from __future__ import annotations

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
_SUCCESSION = frozenset({RelationKind.HEIR, RelationKind.PARTNER})


def relation_in_force(caller: Caller, facts: AccessFacts, now: datetime) -> tuple[Basis, RelationFact] | None:
    """The first relation that lets this person read now, and the basis that it gives; None when there is none."""
    for relation in facts.relations:
        if relation.person == caller.id and _alive(relation, now) and _opens(relation, facts):
            return _BASES[RelationKind(relation.kind)], relation
    return None


def relation_categories(relation: RelationFact) -> frozenset[Category]:
    """What it opens: for a succession what the review said, nothing if it said nothing; otherwise all."""
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
