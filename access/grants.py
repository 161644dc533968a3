"""Rule 3, authorisation: which recorded grants are in this caller's hands now, and whether they make a traitant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from access.categories import Category
from access.facts import GranteeKind, GrantFact, GrantKind
from access.policy import Policy
from access.scope import Caller

TRAITANT_KINDS = frozenset({GrantKind.MEDECIN_TRAITANT, GrantKind.AS_TRAITANT})


def live(grants: Iterable[GrantFact], caller: Caller, now: datetime, policy: Policy) -> list[GrantFact]:
    """The grants of a known kind that live at `now` and are given to this caller."""
    return [g for g in grants if _alive(g, now) and _held_by(g, caller) and _well_made(g, policy)]


def categories_of(grants: Iterable[GrantFact]) -> frozenset[Category]:
    """What these grants open together."""
    return frozenset[Category]().union(*(frozenset(Category) if g.categories is None else g.categories for g in grants))


def is_traitant(grant: GrantFact) -> bool:
    """Médecin traitant, or with his rights, in person and for the whole record: sees masked documents and the journal.

    A narrower or shared grant of these kinds counts as a plain one: the sources leave it in doubt.
    """
    personal = grant.to_kind == GranteeKind.PRACTITIONER
    return grant.kind in TRAITANT_KINDS and personal and grant.categories is None


def traitants(grants: Iterable[GrantFact], now: datetime) -> list[str]:
    """RPPS of whom the patient named médecin traitant, in person and for the whole record, as it is now. Not those who
    were only given the same rights."""
    named = (g for g in grants if g.kind == GrantKind.MEDECIN_TRAITANT and is_traitant(g))
    return sorted({grant.to for grant in named if _alive(grant, now)})


def _alive(grant: GrantFact, now: datetime) -> bool:
    """valid_from <= now < valid_until. A revoked grant is dead whatever the date of its revocation."""
    if grant.revoked_at is not None or now < grant.valid_from:
        return False
    return grant.valid_until is None or now < grant.valid_until


def _held_by(grant: GrantFact, caller: Caller) -> bool:
    holders = {
        GranteeKind.PRACTITIONER: frozenset({caller.id}),
        GranteeKind.ORGANIZATION: caller.organizations,
        GranteeKind.TEAM: caller.teams,
    }
    return any(grant.to_kind == kind and grant.to in names for kind, names in holders.items())


def _well_made(grant: GrantFact, policy: Policy) -> bool:
    """Whether a grant of this kind can have this form: attested, personal and bounded; of a care team, to a team."""
    if grant.kind == GrantKind.ATTESTED:
        bounded = grant.valid_until is not None and grant.valid_until - grant.valid_from <= policy.attested_longest
        return bounded and grant.to_kind == GranteeKind.PRACTITIONER
    if grant.kind == GrantKind.CARE_TEAM:
        return grant.to_kind == GranteeKind.TEAM
    return grant.kind in frozenset(GrantKind)
