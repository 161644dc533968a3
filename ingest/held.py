"""What identity vigilance is shown: the quarantine, and what was refused out of it, with the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from access.identifiers import DocumentId, PatientId
from access.identitovigilance import Vigilance
from access.refusal import Refusal
from ingest.evidence import Shown, from_json
from ingest.set_aside import SetAside, from_words
from records import journal, patients, quarantine, vigilance
from records.blobs import Blobs
from records.content import Verdict
from records.database import Records, Tx
from records.documents import Document
from records.patients import Identity

Which = Literal["quarantined", "refused"]
REFUSED = Refusal(
    "understand",
    "identity-refused",
    "Ce document a été écarté : son identité n'a pas pu être rattachée à ce dossier.",
    "Demandez à son émetteur de l'envoyer avec la bonne identité.",
)


@dataclass(frozen=True, slots=True)
class Stores:
    """What a decision works on. `embedder_fingerprint`: whose vectors go along with a reading; "" for none.
    `restricted_masks`: the policy's setting."""

    records: Records
    blobs: Blobs
    embedder_fingerprint: str
    restricted_masks: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """A quarantined document, as identity vigilance sees it: the evidence and the record's identity, nothing else.

    `set_aside`: by whom, when and why, of one that was refused; None when that was not kept yet."""

    document_id: DocumentId
    patient_id: PatientId
    received_at: datetime
    origin: str
    deposited_for: str
    identity: Identity | None
    evidence: tuple[Shown, ...]
    set_aside: SetAside | None = None
    broken_signature: bool = False  # it was signed, and what came is not what was signed


def queue(
    stores: Stores,
    right: Vigilance,
    *,
    limit: int,
    now: datetime,
    request_id: str,
    after: DocumentId | None = None,
    which: Which = "quarantined",
) -> list[Held]:
    """The quarantine, or what was refused out of it, oldest first. Each record whose documents are shown gets a
    journal entry first."""
    with stores.records.read() as tx:
        if which == "refused":
            found = quarantine.refused_as_without_scope(tx, REFUSED, limit, after)
        else:
            found = quarantine.quarantined_without_scope(tx, limit, after)
        held = [_held(tx, document) for document in found]
    with stores.records.write() as tx:
        for patient_id in dict.fromkeys(one.patient_id for one in held):
            shown = [one.document_id for one in held if one.patient_id == patient_id]
            action = "quarantine-list" if which == "quarantined" else "quarantine-refused"
            journal.append(tx, vigilance.entry(right, patient_id, action, now, request_id, shown=shown))
    return held


def _held(tx: Tx, document: Document) -> Held:
    return Held(
        document_id=document.document_id,
        patient_id=document.patient_id,
        received_at=document.received_at,
        origin=document.origin,
        deposited_for=document.deposited_for,
        identity=patients.identity_without_scope(tx, document.patient_id),
        evidence=from_json(document.evidence),
        set_aside=from_words(document.set_aside),
        broken_signature=any(one.verdict is Verdict.BROKEN for one in document.signatures),
    )
