"""Settling quarantined documents: the queue with its evidence, and a person's decision.

    release    it is this patient's: searchable, and not doubted again for the same evidence
    reassign   it is another patient's: read again under the other's key, and gone from the first record
    refuse     it is nobody's here: refused, shown to nobody; who did so, when and why is kept with it
    reopen     it was refused and should not have been: in quarantine again, for another decision

A decision is journalled in the transaction that makes it: without its entry it does not happen. Whatever is killed,
the document has one owner: blobs are copied before that transaction and deleted after it. The same decision sent
again answers the same.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from access.document_types import category_of
from access.identifiers import DocumentId, PatientId
from access.identitovigilance import Vigilance
from access.refusal import Refusal
from clinical.identity import Mismatch, compare
from ingest.evidence import from_json
from ingest.held import REFUSED, Held, Stores, Which, queue
from ingest.receive import BUSY
from ingest.set_aside import SetAside, take_up, to_words
from ingest.steps import CANCELLATION, completed
from records import documents, facts, journal, masks, outbox, patients, quarantine, readings, vigilance
from records.content import Reading
from records.database import Tx
from records.documents import Document, DocumentState
from records.shelf import BlobRef

Kind = Literal["release", "reassign", "refuse", "reopen"]
NOT_QUARANTINED = Refusal(
    "settle",
    "not-quarantined",
    "Ce document n'est pas en quarantaine, ou une autre décision a été prise.",
    "Reprenez la liste de la quarantaine.",
)
NO_SUCH_PATIENT = Refusal(
    "settle",
    "no-such-patient",
    "Aucun dossier de ce patient.",
    "Vérifiez l'identité ; créez d'abord son dossier, puis recommencez.",
)
SAME_PATIENT = Refusal(
    "settle", "same-patient", "Ce document est déjà dans ce dossier.", "Libérez-le, ou choisissez un autre dossier."
)
OTHER_TOO = Refusal(
    "settle",
    "other-patient-too",
    "Ce document contredit aussi l'identité de ce patient.",
    "Vérifiez l'identité ; si elle est sûre, confirmez la réattribution.",
)
NOBODYS = Refusal(
    "settle",
    "no-patient-yet",
    "Ce document attend de savoir à qui il est : il ne peut pas être libéré.",
    "Réattribuez-le au dossier du patient, ou écartez-le.",
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided and why. `to`: the other patient; `confirmed`: even if the document contradicts them."""

    kind: Kind
    reason: str
    to: PatientId | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the document is now."""

    document_id: DocumentId
    patient_id: PatientId
    state: DocumentState


def settle(
    stores: Stores, right: Vigilance, document_id: DocumentId, decision: Decision, now: datetime, request_id: str
) -> Settled:
    """Carry out a decision. Refusals of stage "settle"; "lease-lost" when the document moved on meanwhile."""
    made = _Settling(stores, right, document_id, decision, now, request_id)
    with stores.records.read() as tx:
        before = made.already(tx)
        document = documents.document_without_scope(tx, document_id)
        reading = None if document is None else readings.reading_without_scope(stores.blobs, tx, document_id)
        tray = patients.tray_id(tx.keys)
    if before is not None:
        return before
    if document is None or reading is None or not made.concerns(document):
        raise NOT_QUARANTINED
    if decision.kind == "release" and document.patient_id == tray:
        raise NOBODYS
    match decision.kind:
        case "reassign":
            settled = made.reassign(document, reading)
        case "release":
            settled = made.release(document, reading)
        case "refuse":
            settled = made.refuse(document)
        case "reopen":
            settled = made.reopen(document, reading)
    quarantine.sweep(stores.records, stores.blobs)
    return settled


@dataclass(frozen=True, slots=True)
class _Settling:
    stores: Stores
    right: Vigilance
    document_id: DocumentId
    decision: Decision
    now: datetime
    request_id: str

    def already(self, tx: Tx) -> Settled | None:
        """What the same decision, made before, came to."""
        if self.decision.kind == "reassign":
            if self.decision.to is None or not patients.exists(tx, self.decision.to):
                raise NO_SUCH_PATIENT
            there = documents.document_without_scope(tx, quarantine.moved_id(tx, self.document_id, self.decision.to))
            return None if there is None else _settled(there)
        document = documents.document_without_scope(tx, self.document_id)
        if document is None:
            return None
        match self.decision.kind:
            case "release":
                done = bool(document.released) and document.state in (DocumentState.READING, DocumentState.SEARCHABLE)
            case "refuse":
                done = _refused(document)
            case "reopen":
                done = document.state is DocumentState.QUARANTINED
        return _settled(document) if done else None

    def concerns(self, document: Document) -> bool:
        """Whether the document is where this decision finds its documents."""
        if self.decision.kind == "reopen":
            return _refused(document)
        return document.state is DocumentState.QUARANTINED

    def release(self, document: Document, reading: Reading) -> Settled:
        keys = [one.key for one in from_json(document.evidence)]
        with self.stores.records.write() as tx:
            self._begin(tx, document)
            quarantine.release_evidence(tx, document.document_id, keys)
            _describe(tx, document, reading, self.now, restricted_masks=self.stores.restricted_masks)
            fence = documents.next_fence(tx, document.document_id)
            state = _take_effect(tx, document, reading, fence)
        return Settled(document.document_id, document.patient_id, state)

    def refuse(self, document: Document) -> Settled:
        with self.stores.records.write() as tx:
            self._begin(tx, document)
            fence = documents.next_fence(tx, document.document_id)
            said = SetAside(self.right.caller.id, self.now, self.decision.reason)
            documents.set_state(
                tx,
                document.document_id,
                DocumentState.REFUSED,
                refusal=REFUSED,
                evidence=document.evidence,
                set_aside=to_words(said),
                fence=fence,
            )
            outbox.append(tx, document.patient_id, document.document_id, "remove", fence)
        return Settled(document.document_id, document.patient_id, DocumentState.REFUSED)

    def reopen(self, document: Document, reading: Reading) -> Settled:
        with self.stores.records.write() as tx:
            self._begin(tx, document)
            take_up(tx, document, reading, documents.next_fence(tx, document.document_id))
        return Settled(document.document_id, document.patient_id, DocumentState.QUARANTINED)

    def reassign(self, document: Document, reading: Reading) -> Settled:
        assert self.decision.to is not None
        if self.decision.to == document.patient_id:
            raise SAME_PATIENT
        with self.stores.records.read() as tx:
            doubt = compare(patients.identity_without_scope(tx, self.decision.to), reading.metadata, reading.pages)
            arrived_id = quarantine.moved_id(tx, document.document_id, self.decision.to)
        if doubt is not None and not self.decision.confirmed:
            raise OTHER_TOO
        arrived = self._copy(document, arrived_id, reading)
        try:
            return self._moved(document, arrived, reading, doubt)
        except Refusal:
            with self.stores.records.write() as tx:
                if documents.document_without_scope(tx, arrived_id) is None:
                    quarantine.leave(tx, self._blobs_of(arrived, reading))
            quarantine.sweep(self.stores.records, self.stores.blobs)
            raise

    def _moved(self, document: Document, arrived: Document, reading: Reading, doubt: Mismatch | None) -> Settled:
        """The one transaction in which the document changes its owner."""
        copied, left = self._blobs_of(arrived, reading), self._blobs_of(document, reading)
        with self.stores.records.write() as tx:
            self._begin(tx, document)
            if not quarantine.take_up(tx, self.stores.blobs, copied):
                raise BUSY
            twin = quarantine.twin_without_scope(tx, arrived.patient_id, arrived.content_hash)
            if twin is not None:
                self._note(tx, twin.patient_id, "quarantine-receive", twin.document_id)
                waited = document.patient_id == patients.tray_id(tx.keys)
                keys_to = twin.document_id if waited else None
                quarantine.remove(tx, document, left=[*left, *copied], keys_to=keys_to)
            else:
                self._note(tx, arrived.patient_id, "quarantine-receive", arrived.document_id)
                keys = [] if doubt is None else [one.key for one in doubt.evidence]
                quarantine.move(tx, document, arrived, released=keys, left=left)
                _describe(tx, arrived, reading, self.now, restricted_masks=self.stores.restricted_masks)
                _take_effect(tx, arrived, reading, arrived.fence)
            outbox.append(tx, document.patient_id, document.document_id, "remove", document.fence + 1)
        return _settled(twin or arrived)

    def _begin(self, tx: Tx, document: Document) -> None:
        """The journal's entry, after a last look that nobody else decided meanwhile."""
        current = documents.document_without_scope(tx, document.document_id)
        if current is None or (current.state, current.fence) != (document.state, document.fence):
            raise NOT_QUARANTINED
        self._note(tx, document.patient_id, f"quarantine-{self.decision.kind}", document.document_id)

    def _note(self, tx: Tx, patient_id: PatientId, action: str, document_id: DocumentId) -> None:
        reason = self.decision.reason
        said = vigilance.entry(
            self.right, patient_id, action, self.now, self.request_id, shown=[document_id], detail=reason
        )
        journal.append(tx, said)

    def _copy(self, document: Document, arrived_id: DocumentId, reading: Reading) -> Document:
        """Bytes, reading and vectors under the other patient's key. Named by what they are: a repeat replaces them."""
        blobs, to = self.stores.blobs, self.decision.to
        assert to is not None
        with blobs.open(document.upload) as source, blobs.create(to, document.upload.kind) as writer:
            while chunk := source.read(1024 * 1024):
                writer.write(chunk)
            upload, content_hash = writer.commit(), writer.content_hash
        arrived = dataclasses.replace(
            document,
            document_id=arrived_id,
            patient_id=to,
            upload=upload,
            content_hash=content_hash,
            state=DocumentState.READING,
            refusal=None,
            evidence="",
            fence=1,
            reading_fence=None,
        )
        readings.save_reading(blobs, arrived, reading)
        if self.stores.embedder_fingerprint:
            with self.stores.records.read() as tx:
                vectors = readings.vectors_without_scope(
                    blobs, tx, document.document_id, self.stores.embedder_fingerprint
                )
            if vectors:
                readings.save_vectors(blobs, arrived, self.stores.embedder_fingerprint, vectors)
        return arrived

    def _blobs_of(self, document: Document, reading: Reading) -> list[BlobRef]:
        return readings.blobs_of(self.stores.blobs, document, self.stores.embedder_fingerprint, reading.recipe)


def _describe(tx: Tx, document: Document, reading: Reading, now: datetime, *, restricted_masks: bool) -> None:
    """What a document says of itself counts only now: in quarantine it would have told of another patient."""
    metadata = completed(reading.metadata, document)
    kind = category_of(metadata.type_code)
    documents.set_metadata(tx, document.document_id, metadata, kind, restricted_masks=restricted_masks)
    masks.wait_anew(tx, document.document_id, now)
    facts.keep(tx, document.document_id, reading.pages)


def _take_effect(tx: Tx, document: Document, reading: Reading, fence: int) -> DocumentState:
    """What it cancels is withdrawn in the record that it belongs to; a message that only cancels ends there."""
    documents.withdraw(tx, document.document_id, reading.metadata)
    if reading.metadata.cancels and not reading.pages:
        documents.set_state(tx, document.document_id, DocumentState.REFUSED, refusal=CANCELLATION, fence=fence)
        return DocumentState.REFUSED
    documents.set_state(tx, document.document_id, DocumentState.READING, fence=fence)
    outbox.append(tx, document.patient_id, document.document_id, "put", fence)
    return DocumentState.READING


def _refused(document: Document) -> bool:
    """Whether a person refused it. A reading, a cancellation are refused for other reasons, and stay so."""
    return document.refusal is not None and document.refusal.code == REFUSED.code


def _settled(document: Document) -> Settled:
    return Settled(document.document_id, document.patient_id, document.state)


__all__ = ["REFUSED", "Decision", "Held", "Kind", "Settled", "Stores", "Which", "queue", "settle"]
