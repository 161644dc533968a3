"""Rule 5: which documents stay out of a view because of their state, for each kind of viewer."""

from __future__ import annotations

from datetime import datetime

from access.facts import AccessFacts
from access.habilitation import Role
from access.identifiers import DocumentId
from access.policy import Policy

Documents = frozenset[DocumentId]


def is_hidden_from_patient(since: datetime, now: datetime, policy: Policy) -> bool:
    """Whether a document hidden since then is still waiting for a carer to announce it."""
    return now < since + policy.patient_release


def awaiting_announcement(facts: AccessFacts, now: datetime, policy: Policy) -> Documents:
    """Documents hidden from the patient and not yet released by time."""
    return frozenset(d for d, since in facts.hidden_from_patient.items() if is_hidden_from_patient(since, now, policy))


def outside_patient(facts: AccessFacts, now: datetime, policy: Policy) -> Documents:
    """What patients do not see of their own record.

    What they deposited themselves stays theirs, so that depositing a paper does not tell that a carer hid its twin.
    """
    return awaiting_announcement(facts, now, policy) - facts.authored


def outside_representative(facts: AccessFacts, now: datetime, policy: Policy) -> Documents:
    """What who looks for the patient does not see: what is hidden from them, and what the patient does not know yet."""
    return (facts.hidden_from_representatives - facts.authored) | outside_patient(facts, now, policy)


def outside_professional(facts: AccessFacts, role: Role, policy: Policy, *, sees_masked: bool) -> Documents:
    """What a professional does not see: masked documents of others, and types that the matrix keeps from them."""
    masked = frozenset[DocumentId]() if sees_masked else facts.hidden_from_professionals - facts.authored
    unlisted = policy.sees_unlisted_types
    return masked | frozenset(d for d, code in facts.types.items() if not role.sees(code, unlisted=unlisted))
