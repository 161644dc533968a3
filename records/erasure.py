"""Erasing a patient: the key first, then what lay under it. The legal act, and who may ask for it, is not here.

    1. the ledger       outside the database: from here on a restore honours the erasure
    2. the key          destroyed: columns, blobs and journal words no longer open, here or in any copy without it
    3. the rows         gone in one transaction, with the journal's entry and the outbox events that empty the index
    4. the files        removed

Each step may be run again, so an interrupted erasure is taken up by the same call. The journal's entries stay, as the
law asks (who looked, when, in which role), without what was asked in words. An identifier erased is not used again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Table, delete, or_, select, update

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from records import journal, ledger, outbox, patients, service_acts, tables
from records.blobs import Blobs
from records.database import Records, Tx
from records.keys import KeyStore
from records.statements import among, as_set

KEPT = frozenset({"journal", "journal_heads", "outbox"})
"""Tables that keep a patient's opaque identifier: the accesses, and what the index must forget."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased. Zero when it had been done before."""

    patient_ids: tuple[PatientId, ...]
    documents: int
    files: int

    def as_dict(self) -> dict[str, object]:
        return {"patients": list(self.patient_ids), "documents": self.documents, "files": self.files}


def erase(
    records: Records, blobs: Blobs, keys: KeyStore, ledger_file: Path, patient_id: PatientId, now: datetime, by: str
) -> Erasure:
    """Erase a person: this identity and those merged with it. The index follows by the outbox.

    Refusal "no-such-patient" for who is neither recorded nor erased: their identifier must stay usable.
    """
    with records.read() as tx:
        people = _identities(tx, patient_id)
        known = patients.exists(tx, patient_id)
    if not known and patient_id not in ledger.read(ledger_file, ledger.key_of(keys)):
        raise Refusal("records", "no-such-patient", "Aucun dossier n'a cet identifiant.", "Vérifiez l'identifiant.")
    for person in people:
        ledger.append(ledger_file, ledger.key_of(keys), person, now)
        keys.destroy_patient_key(person)
    with records.write() as tx:
        erased = sum(_forget(tx, person, now, by) for person in people)
    return Erasure(tuple(people), erased, sum(blobs.erase(person) for person in people))


def honour(
    records: Records, blobs: Blobs, keys: KeyStore, ledger_file: Path, people: Iterable[PatientId], now: datetime
) -> list[PatientId]:
    """Erase again those of `people`, named by ledgers, whose key or rows are here. Returns who was.

    Whoever is not here stays erased all the same: their identifier is not used again, as where they were erased.
    """
    done = []
    for person in sorted(people):
        ledger.append(ledger_file, ledger.key_of(keys), person, now)
        with records.read() as tx:
            known = patients.exists(tx, person)
        if known or keys.has_patient_key(person):
            erase(records, blobs, keys, ledger_file, person, now, "ledger")
            done.append(person)
        else:
            keys.destroy_patient_key(person)
    return done


def _identities(tx: Tx, patient_id: PatientId) -> list[PatientId]:
    """The identity asked for and those of the same person; only itself when it is not, or no longer, recorded."""
    merged = select(tables.Patient.merged_into).where(tables.Patient.patient_id == patient_id)
    root = tx.session.scalar(merged) or patient_id
    same = select(tables.Patient.patient_id).where(
        or_(tables.Patient.merged_into == root, tables.Patient.patient_id == root)
    )
    return sorted({patient_id, *(PatientId(found) for found in tx.session.scalars(same))})


def _forget(tx: Tx, patient_id: PatientId, now: datetime, by: str) -> int:
    """Everything of an identity but its journal. Returns how many documents it had."""
    gone = outbox.remove_all(tx, patient_id)
    tx.session.flush()
    tx.session.expunge_all()
    journal.erase_words(tx, patient_id)
    service_acts.record(tx, "erase", now, by=by, patient_id=patient_id)
    tx.session.execute(delete(tables.Merge).where(tables.Merge.other_id == patient_id))
    tx.session.execute(update(tables.Patient).where(tables.Patient.merged_into == patient_id).values(merged_into=None))
    for table in reversed(tables.Base.metadata.sorted_tables):
        if table.name not in KEPT:
            _delete(tx, table, patient_id, gone)
    return len(gone)


def _delete(tx: Tx, table: Table, patient_id: PatientId, gone: list[DocumentId]) -> None:
    if "patient_id" in table.c:
        tx.session.execute(delete(table).where(table.c.patient_id == patient_id))
    elif "document_id" in table.c:
        tx.session.execute(delete(table).where(among(table.c.document_id, "gone")), {"gone": as_set(gone)})
