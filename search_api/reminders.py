"""Reminders of the vaccination calendar: what waits for a patient who asked for them, put in the notifications' outbox.

    contact with reminders ─ the patient's own Scope ─ standings ─ due? ─ outbox + journal, in one transaction

What counts is what the patient may see: a document hidden from them neither makes nor stops a reminder. The mail says
that a reminder waits in the record, never which; the record shows it at `/immunizations`. Only where a document proves
a dose and a later one is missing (`Status.DUE`) is there a reminder, never for a silence of the documents.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from access.decide import decide
from access.identifiers import PatientId
from access.policy import Policy
from access.refusal import Refusal
from access.scope import Caller, CallerKind, Purpose, Scope
from clinical.vaccines import Status, standings
from records import facts, notifications, patients, service_acts, will
from records.database import Records, Tx
from records.fact import FactKind
from records.rights import access_facts
from search_api.marks import PARIS

EVERY = 6 * 3600.0  # seconds between two looks
AGAIN = timedelta(days=180)
"""A patient is reminded twice a year at most, whatever is due."""
AT_ONCE = 200
SEASON = frozenset({10, 11, 12, 1})
"""Months in which a seasonal vaccine is reminded of: French campaigns run from mid-October to the end of January."""
BY = "rappels"


def remind(records: Records, policy: Policy, now: datetime) -> int:
    """Put a reminder in the outbox of each patient who asked for them and has something due; how many."""
    done, after = 0, PatientId("")
    while True:
        with records.read() as tx:
            batch = notifications.to_remind_without_scope(tx, now - AGAIN, after, AT_ONCE)
        for patient_id in batch.wanted:
            done += _remind(records, policy, patient_id, now)
        if batch.last is None:
            return done
        after = batch.last


def _remind(records: Records, policy: Policy, patient_id: PatientId, now: datetime) -> bool:
    with records.read() as tx:
        scope = _own_scope(tx, policy, patient_id, now)
        if scope is None or will.is_closed(tx, scope) or not _is_due(tx, scope, now):
            return False
    with records.write() as tx:
        if notifications.reminded_since(tx, patient_id, now - AGAIN):  # by another process, meanwhile
            return False
        notifications.notify(tx, patient_id, "reminder", now)
        service_acts.record(tx, "remind", now, by=BY, patient_id=patient_id)
    return True


def _own_scope(tx: Tx, policy: Policy, patient_id: PatientId, now: datetime) -> Scope | None:
    """What the patient may see of their own record."""
    caller = Caller(CallerKind.PATIENT, patient_id)
    right = decide(caller, patient_id, Purpose.SELF, now, access_facts(tx, caller, patient_id, now, policy), policy)
    return None if isinstance(right, Refusal) else right


def _is_due(tx: Tx, scope: Scope, now: datetime) -> bool:
    born, today = patients.identity_of(tx, scope).birth_date, now.astimezone(PARIS).date()
    found = standings(facts.told(tx, scope, (FactKind.IMMUNIZATION,)), born, today)
    return any(each.status is Status.DUE and (not each.vaccine.seasonal or today.month in SEASON) for each in found)
