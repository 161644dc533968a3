"""The decision: who asks, for whom, why, when and what is recorded come in; a Scope or a Refusal goes out.

    role      an auditor, an administrator and a system without a practitioner read no document
    patient   patients read their own record, others for them by a relation in force          relations.py
    matrix    a profession or specialty that the matrix does not know sees nothing           habilitation.py
    closed    a closed record is invisible to every professional
    block     a professional whom the patient blocked gets nothing, whatever grants they hold
    grant     a live grant to the professional, their organisation or team says what opens   grants.py
    urgency   without one, break-glass or Centre 15 may open                                 emergency.py
    states    masked, hidden, archived and deprecated documents stay out                     states.py
                                                              (ACCESS.md, "Who may look", 1 to 10)

Default deny: each rule can only refuse or narrow. Pure: no I/O, no clock. Time limits are half-open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from access.categories import Category
from access.emergency import block_stops_emergency, open_emergency, regulates
from access.facts import AccessFacts, GranteeKind, GrantFact, GrantKind
from access.grants import categories_of, is_traitant, live
from access.identifiers import DocumentId, PatientId
from access.policy import POLICY_VERSION, Policy
from access.refusal import Refusal
from access.refusals import DOOR, NO_READING_ROLE, NOT_HABILITATED, SYSTEM_ALONE
from access.relations import basis_of, relation_categories, relations_in_force
from access.scope import Basis, Caller, CallerKind, Purpose, Scope
from access.states import outside_patient, outside_professional, outside_representative

__all__ = [
    "DOOR",
    "NO_READING_ROLE",
    "POLICY_VERSION",
    "SYSTEM_ALONE",
    "AccessFacts",
    "GrantFact",
    "GrantKind",
    "GranteeKind",
    "decide",
]

_EVERYTHING = frozenset(Category)


@dataclass(frozen=True, slots=True)
class _Right:
    """What a rule opened, before it is compiled. `words` are what the caller may know of it."""

    basis: Basis
    purpose: Purpose
    categories: frozenset[Category]
    words: tuple[str, ...]
    until: datetime | None = None


def decide(
    caller: Caller,
    patient_id: PatientId,
    purpose: Purpose,
    now: datetime,
    facts: AccessFacts,
    policy: Policy,
    *,
    all_states: bool = False,
) -> Scope | Refusal:
    """The right of `caller` in the record of `patient_id` at `now` (aware), or the Refusal to answer with.

    `facts` are those of this caller and this patient; facts of another patient give the door. `all_states`: archived
    and deprecated documents are asked for (EX_3.1-1030).
    """
    if (refusal := role_refusal(caller, policy)) is not None:
        return refusal
    if facts.patient_id != patient_id or not facts.exists or patient_id not in facts.identities:
        return DOOR
    if caller.kind is CallerKind.PATIENT:
        return _person(caller, purpose, now, facts, policy, all_states=all_states)
    if facts.closed:
        return DOOR
    return _professional(caller, purpose, now, facts, policy, all_states=all_states)


def role_refusal(caller: Caller, policy: Policy) -> Refusal | None:
    """What the caller alone decides, before anything about the patient is looked at."""
    if caller.kind in (CallerKind.AUDITOR, CallerKind.ADMINISTRATOR):
        return NO_READING_ROLE
    if caller.kind is CallerKind.SYSTEM:
        return SYSTEM_ALONE  # with a practitioner asserted, the caller is that practitioner and `system` says who spoke
    if caller.kind is CallerKind.PRACTITIONER and not policy.matrix.role_of(caller.profession, caller.specialty).types:
        return NOT_HABILITATED
    return None


def _person(
    caller: Caller, purpose: Purpose, now: datetime, facts: AccessFacts, policy: Policy, *, all_states: bool
) -> Scope | Refusal:
    """Patients see their own record, closed or not; another person what a relation in force opens."""
    if purpose is not Purpose.SELF:
        return DOOR
    if caller.id in facts.identities:
        right = _Right(Basis.SELF, Purpose.SELF, _EVERYTHING, ("self",))
        return _scope(caller, right, facts, policy, outside_patient(facts, now, policy), all_states=all_states)
    related = relations_in_force(caller, facts, now)
    categories = relation_categories(related)
    if not categories:
        return DOOR
    words = tuple(sorted(relation.relation_id for relation in related))
    right = _Right(basis_of(related[0]), Purpose.REPRESENTATION, categories, words)
    return _scope(caller, right, facts, policy, outside_representative(facts, now, policy), all_states=all_states)


def _professional(
    caller: Caller, purpose: Purpose, now: datetime, facts: AccessFacts, policy: Policy, *, all_states: bool
) -> Scope | Refusal:
    """What grants open; when that is not the whole, what urgency does. The matrix narrows either."""
    right = None if facts.blocked else _granted(caller, purpose, now, facts, policy)
    whole = right is not None and right.categories == _EVERYTHING
    if not whole and not block_stops_emergency(facts, policy):
        right = _urgent(caller, purpose, now, facts, policy) or right
    if right is None:
        return DOOR
    role = policy.matrix.role_of(caller.profession, caller.specialty)
    broke = right.basis is Basis.BREAK_GLASS and policy.break_glass_opens_masked
    sees_masked = right.basis is Basis.TRAITANT or broke
    outside = outside_professional(facts, role, policy, sees_masked=sees_masked)
    return _scope(caller, right, facts, policy, outside, all_states=all_states)


def _granted(caller: Caller, purpose: Purpose, now: datetime, facts: AccessFacts, policy: Policy) -> _Right | None:
    """The union of the categories of live grants; None when that is nothing."""
    held = live(facts.grants, caller, now, policy)
    categories = categories_of(held)
    if purpose is not Purpose.CARE or not categories:
        return None
    basis = Basis.TRAITANT if any(is_traitant(grant) for grant in held) else Basis.GRANT
    return _Right(basis, Purpose.CARE, categories, tuple(sorted(grant.grant_id for grant in held)))


def _urgent(caller: Caller, purpose: Purpose, now: datetime, facts: AccessFacts, policy: Policy) -> _Right | None:
    """Centre 15 when the caller asks as its physician; an open emergency access otherwise."""
    if regulates(caller, purpose, facts, policy) and not facts.blocked:
        return _Right(Basis.REGULATION, Purpose.REGULATION, _EVERYTHING, ("regulation",))
    opened = open_emergency(caller, facts, now, policy) if purpose is Purpose.CARE else None
    if opened is None:
        return None
    until = min(opened.valid_until, opened.opened_at + policy.break_glass_longest)
    return _Right(Basis.BREAK_GLASS, Purpose.EMERGENCY, _EVERYTHING, (opened.emergency_id,), until)


def _scope(
    caller: Caller,
    right: _Right,
    facts: AccessFacts,
    policy: Policy,
    outside: frozenset[DocumentId],
    *,
    all_states: bool,
) -> Scope:
    """Compile. The version follows what the caller may know: an excluded document that arrives must not change it."""
    excluded = outside if all_states else outside | facts.not_default
    return Scope(
        caller=caller,
        patient_id=facts.patient_id,
        purpose=right.purpose,
        identities=facts.identities,
        categories=right.categories,
        excluded=excluded,
        oversees=right.basis in (Basis.SELF, Basis.TRAITANT),
        basis=right.basis,
        until=right.until,
        policy_version=policy.version,
        grant_version=_version(caller, right, facts, policy, "all" if all_states else "approved"),
    )


def _version(caller: Caller, right: _Right, facts: AccessFacts, policy: Policy, states: str) -> str:
    known: Iterable[str] = (
        policy.version,
        caller.kind,
        caller.id,
        caller.profession,
        caller.specialty,
        facts.patient_id,
        right.purpose,
        right.basis,
        states,
        *sorted(right.categories),
        *right.words,
    )
    return hashlib.sha256("\x1f".join(known).encode()).hexdigest()[:16]
