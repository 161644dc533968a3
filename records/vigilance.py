"""What identity vigilance saw or decided, as an entry of the journal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from access.decide import POLICY_VERSION
from access.identifiers import DocumentId, PatientId
from access.identitovigilance import Vigilance
from access.scope import Purpose
from records.journal import Entry


def entry(
    right: Vigilance,
    patient_id: PatientId,
    action: str,
    now: datetime,
    request_id: str,
    *,
    shown: Iterable[DocumentId] = (),
    detail: str = "",
) -> Entry:
    """Appended in the transaction that shows or decides. `detail`: the reason a person gave."""
    return Entry(
        patient_id=patient_id,
        caller_kind=right.caller.kind,
        caller=right.caller.id,
        on_behalf="",
        role=right.caller.profession,
        purpose=Purpose.ADMINISTRATION,
        action=action,
        outcome="granted",
        documents=tuple(shown),
        query=None,
        policy_version=POLICY_VERSION,
        request_id=request_id,
        at=now,
        detail=detail,
    )
