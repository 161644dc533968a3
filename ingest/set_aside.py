"""A document that a person set aside: who did, when and why, kept with it; and what it waits for when taken up again.

What was read of it and its evidence stay, so taking it up again costs no reading and shows what was shown before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from access.refusal import Refusal
from clinical.identity import compare
from ingest.addressee import UNKNOWN, said_of, sent_as
from ingest.evidence import shown_json, to_json
from ingest.steps import OTHER_PATIENT
from records import documents, patients
from records.content import Reading
from records.database import Tx
from records.documents import Document, DocumentState


@dataclass(frozen=True, slots=True)
class SetAside:
    """`by`: the person's identifier, as the journal has it."""

    by: str
    at: datetime
    reason: str


def to_words(one: SetAside) -> str:
    """For the sealed column of the document."""
    return json.dumps({"by": one.by, "at": one.at.isoformat(), "reason": one.reason})


def from_words(text: str) -> SetAside | None:
    """Inverse of `to_words`; None for a document set aside before this was kept: the journal alone tells it."""
    if not text:
        return None
    value = json.loads(text)
    return SetAside(value["by"], datetime.fromisoformat(value["at"]), value["reason"])


def take_up(tx: Tx, document: Document, reading: Reading, fence: int) -> None:
    """Put a document back in quarantine, for the reason for which it was there."""
    why = UNKNOWN if document.patient_id == patients.tray_id(tx.keys) else OTHER_PATIENT
    evidence = document.evidence or _evidence_anew(tx, document, reading, why)
    documents.set_state(
        tx, document.document_id, DocumentState.QUARANTINED, refusal=why, evidence=evidence, fence=fence
    )


def _evidence_anew(tx: Tx, document: Document, reading: Reading, why: Refusal) -> str:
    """Of a document set aside before its evidence was kept with it."""
    if why == UNKNOWN:
        return shown_json((*said_of(reading), *sent_as(document.submitted)))
    doubt = compare(patients.identity_without_scope(tx, document.patient_id), reading.metadata, reading.pages)
    return "" if doubt is None else to_json(doubt, reading.pages)
