"""Rules 6 and 7: break-glass and Centre 15. No grant is needed; the matrix, masks, closure and oppositions stay."""

from __future__ import annotations

from datetime import datetime

from access.facts import AccessFacts, EmergencyFact, OppositionKind
from access.policy import Policy
from access.refusal import Refusal
from access.refusals import DOOR, NO_EMERGENCY_DOOR
from access.scope import Caller, CallerKind, Purpose


def open_emergency(caller: Caller, facts: AccessFacts, now: datetime, policy: Policy) -> EmergencyFact | None:
    """The emergency access of this caller that is open now and that nothing refuses."""
    if OppositionKind.BREAK_GLASS in facts.oppositions or not _may_knock(caller, policy):
        return None
    longest = policy.break_glass_longest
    opened = [
        each
        for each in facts.emergencies
        if each.practitioner == caller.id
        and each.ended_at is None
        and each.opened_at <= now < min(each.valid_until, each.opened_at + longest)
    ]
    return max(opened, key=lambda each: each.valid_until, default=None)


def regulates(caller: Caller, purpose: Purpose, facts: AccessFacts, policy: Policy) -> bool:
    """Whether the caller looks as a regulating physician whom the patient did not oppose beforehand."""
    physician = policy.matrix.role_of(caller.profession, caller.specialty).regulates
    asked = purpose is Purpose.REGULATION and caller.regulates and physician
    return asked and OppositionKind.CENTRE_15 not in facts.oppositions


def may_break_glass(caller: Caller, facts: AccessFacts, policy: Policy) -> Refusal | None:
    """None when the glass may be broken. What depends on the patient is the door, like a patient who does not exist."""
    if (refusal := emergency_role_refusal(caller, policy)) is not None:
        return refusal
    refused = facts.closed or OppositionKind.BREAK_GLASS in facts.oppositions or block_stops_emergency(facts, policy)
    return DOOR if refused or not facts.exists else None


def emergency_role_refusal(caller: Caller, policy: Policy) -> Refusal | None:
    """What the caller alone decides, before anything about the patient is looked at."""
    professional = caller.kind is CallerKind.PRACTITIONER
    return None if professional and _may_knock(caller, policy) else NO_EMERGENCY_DOOR


def block_stops_emergency(facts: AccessFacts, policy: Policy) -> bool:
    """A block refuses break-glass too, unless a setting says otherwise."""
    return facts.blocked and not policy.break_glass_ignores_blocks


def _may_knock(caller: Caller, policy: Policy) -> bool:
    return policy.matrix.role_of(caller.profession, caller.specialty).breaks_glass
