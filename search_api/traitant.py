"""The médecin traitant is told of an emergency access, as the patient is (R1111-48).

    at the opening   a notification for each who is médecin traitant then and whose address the directory has
    at each sending  judged again: who is so no longer, was blocked or suspended, or whose patient closed the record, is
                     told nothing, and the notification is gone; else the first attempt is journalled before it leaves

The mail names neither the patient nor who looked, why, where or what: only our opaque identifier of the record.
"""

from __future__ import annotations

from datetime import datetime

from access.decide import decide
from access.facts import AccessFacts
from access.grants import traitants
from access.policy import Policy
from access.refusal import Refusal
from access.scope import CallerKind, Purpose
from records import notifications, service_acts
from records.database import Tx
from records.notifications import Waiting
from records.practitioners import practitioner
from records.rights import access_facts
from search_api.bearers import Bearer
from search_api.tokens import caller_of

ACTION = "tell-traitant"
BY = "notifications"


def tell_traitants(tx: Tx, facts: AccessFacts, now: datetime, *, opened_by: str) -> None:
    """Put in the outbox what the médecins traitants of a record are told of its opening by another professional."""
    for rpps in traitants(facts.grants, now):
        known = practitioner(tx, rpps)
        if rpps != opened_by and known is not None and known.mail:
            notifications.notify(tx, facts.patient_id, "break_glass", now, practitioner=rpps)


def may_be_told(tx: Tx, policy: Policy, one: Waiting, now: datetime) -> bool:
    """Whether the professional of a claimed notification still is the médecin traitant, with the record open to them
    and an address. The first attempt is journalled."""
    try:
        caller = caller_of(tx, Bearer(CallerKind.PRACTITIONER, one.practitioner), policy.matrix)
    except Refusal:  # suspended
        return False
    facts = access_facts(tx, caller, one.patient_id, now, policy)
    right = decide(caller, one.patient_id, Purpose.CARE, now, facts, policy)
    if isinstance(right, Refusal) or not right.oversees or one.practitioner not in traitants(facts.grants, now):
        return False
    if not one.address:
        return False
    if one.attempts == 0:
        service_acts.record(tx, ACTION, now, by=BY, patient_id=one.patient_id, detail=one.practitioner)
    return True
