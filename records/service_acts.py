"""What the operator does to the service itself (keys, backups, restores, erasures), in the journal like any access."""

from __future__ import annotations

from datetime import datetime

from access.decide import POLICY_VERSION
from access.identifiers import PatientId
from access.scope import CallerKind
from records import journal
from records.database import Tx
from records.journal import Entry
from records.opaque import random_id

NOBODY = PatientId("")
"""The patient of an act on the whole service: it stands in the chain of those who are no patient here."""


def record(tx: Tx, action: str, now: datetime, *, by: str, patient_id: PatientId = NOBODY, detail: str = "") -> None:
    """Append an act, in the transaction that does it where it has one."""
    journal.append(
        tx,
        Entry(
            patient_id=patient_id,
            caller_kind=CallerKind.ADMINISTRATOR.value,
            caller=by,
            on_behalf="",
            role="administrator",
            purpose="administration",
            action=action,
            outcome="granted",
            documents=(),
            query=None,
            policy_version=POLICY_VERSION,
            request_id=random_id(),
            at=now,
            detail=detail,
        ),
    )
