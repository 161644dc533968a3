"""What the recipe does to records: take a claimed job, end it in one of three ways. Every write carries the fence."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass, field
from datetime import timedelta

from access.document_types import category_of
from access.refusal import Refusal
from clinical.identity import Mismatch
from clinical.text.edition import rules_edition
from ingest.addressee import UNKNOWN, said_of, sent_as
from ingest.evidence import shown_json, to_json
from ingest.meter import timed
from ingest.workbench import Workbench
from records import document_pages, documents, facts, jobs, outbox, patients, readings
from records.content import Metadata, Reading
from records.documents import Document, DocumentState
from records.jobs import Job
from records.patients import Identity

log = logging.getLogger("anamnese.ingest")
AWAY = frozenset(
    {
        "records-unavailable",
        "records-damaged",
        "blobs-unavailable",
        "storage-closed",
        "home-unusable",
        "disk-full",
        "index-unavailable",
        "sandbox-unavailable",
        "embedder-unavailable",
        "weights-missing",
        "weights-damaged",
        "ocr-missing",
        "ocr-language-missing",
    }
)
"""A part of this machine is missing or down: the document waits for it."""
RETRY = timedelta(seconds=30)


OTHER_PATIENT = Refusal(
    "understand",
    "other-patient",
    "Ce document porte l'identité d'un autre patient ; il n'est montré à personne.",
    "La cellule d'identitovigilance doit trancher : le libérer, le réattribuer ou l'écarter.",
)
CANCELLATION = Refusal(
    "understand",
    "cancellation",
    "Ce message annule un document : celui du même émetteur qui porte ce nom n'est plus cherché, ou ne le sera pas "
    "s'il arrive ; celui d'un autre émetteur ne change pas sans la décision d'une personne.",
    "Vérifiez, dans la liste de tous les états, que le document voulu est annulé.",
)
"""The end of a message that only cancels: what it did is done, and it is kept without being a document. One sentence
whether the document is here or not, and whoever sent it: it may be hidden from who reads it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A claimed document, whose it should be, and the numbers of its pages that are kept from before or by now.

    `waits`: nobody knows whose it is; it is in the tray.
    """

    document: Document
    identity: Identity | None
    kept: set[int] = field(default_factory=set)
    waits: bool = False


@timed("take")
def take(job: Job, bench: Workbench) -> Upload:
    """Open the job's document and say, visibly, that it is being read."""
    with bench.records.write() as tx:
        documents.set_state(tx, job.document_id, DocumentState.READING, fence=job.fence)
        document = documents.document_without_scope(tx, job.document_id)
        identity = patients.identity_without_scope(tx, job.patient_id)
        waits = job.patient_id == patients.tray_id(tx.keys)
    if document is None:
        raise Refusal("take", "no-such-document", "Ce document n'existe plus.", "Déposez-le à nouveau.")
    return Upload(document, identity, waits=waits)


def go_on(job: Job, bench: Workbench) -> DocumentState:
    """The turn is over: the job goes back to the queue, and the next turn reads on from what was kept."""
    with bench.records.write() as tx:
        jobs.go_on(tx, job)
    return DocumentState.READING


@timed("store")
def store(job: Job, bench: Workbench, upload: Upload, reading: Reading, vectors: bytes) -> DocumentState:
    """Keep the reading and its vectors; then, in one transaction, what it says, the outbox event, the job's end."""
    _keep(bench, upload, reading, vectors)
    with bench.records.write() as tx:
        _describe(tx, job, upload, reading, restricted_masks=bench.restricted_masks)
        documents.withdraw(tx, job.document_id, reading.metadata)
        outbox.append(tx, job.patient_id, job.document_id, "put", job.fence)
        jobs.finish(tx, job)
    return DocumentState.READING


def withdraw(job: Job, bench: Workbench, metadata: Metadata) -> DocumentState:
    """A message that only cancels documents: they leave every search, and it is kept without being one itself."""
    with bench.records.write() as tx:
        documents.withdraw(tx, job.document_id, metadata)
        jobs.fail(tx, job, CANCELLATION)
    return DocumentState.REFUSED


@timed("store")
def quarantine(
    job: Job, bench: Workbench, upload: Upload, reading: Reading, vectors: bytes, doubt: Mismatch
) -> DocumentState:
    """The document names another patient: nobody finds it until a person decides (`ingest.quarantine`).

    What was read is kept. What the document says of itself is not recorded with it: that is another patient's, and
    would show in lists and counts, or mix its versions with this patient's.
    """
    return _held(job, bench, upload, reading, vectors, OTHER_PATIENT, to_json(doubt, reading.pages))


def _held(
    job: Job, bench: Workbench, upload: Upload, reading: Reading, vectors: bytes, refusal: Refusal, evidence: str
) -> DocumentState:
    _keep(bench, upload, reading, vectors)
    with bench.records.write() as tx:
        document_pages.set_read(tx, job.document_id, reading.pages, fence=job.fence)
        documents.set_signatures(tx, job.document_id, reading.metadata, fence=job.fence)
        documents.set_state(
            tx, job.document_id, DocumentState.QUARANTINED, refusal=refusal, evidence=evidence, fence=job.fence
        )
        outbox.append(tx, job.patient_id, job.document_id, "remove", job.fence)
        jobs.finish(tx, job)
    return DocumentState.QUARANTINED


@timed("store")
def hold(job: Job, bench: Workbench, upload: Upload, reading: Reading, vectors: bytes) -> DocumentState:
    """A document of the tray waits for a person to say whose it is (`ingest.addressee`)."""
    return _held(
        job,
        bench,
        upload,
        reading,
        vectors,
        UNKNOWN,
        shown_json((*said_of(reading), *sent_as(upload.document.submitted))),
    )


def refuse(job: Job, bench: Workbench, refusal: Refusal) -> DocumentState:
    """End the job with the reason, which its document shows. What is not the document's fault is raised again, or
    gives the job back with its attempt."""
    if refusal.code == "lease-lost":
        raise refusal
    if refusal.code in AWAY:
        log.warning("job %s waits: %s", job.job_id, refusal.code)
        with bench.records.write() as tx:
            jobs.release(tx, job, refund=True, not_before=bench.clock() + RETRY)
        return DocumentState.READING
    log.info("job %s refused: %s/%s", job.job_id, refusal.stage, refusal.code)
    with bench.records.write() as tx:
        jobs.fail(tx, job, refusal)
    return DocumentState.REFUSED


def _describe(tx: documents.Tx, job: Job, upload: Upload, reading: Reading, *, restricted_masks: bool) -> None:
    """What the document says of itself, completed by what its sender declared; and how much of it was read."""
    metadata = completed(reading.metadata, upload.document)
    documents.set_metadata(
        tx,
        job.document_id,
        metadata,
        category_of(metadata.type_code),
        fence=job.fence,
        restricted_masks=restricted_masks,
    )
    document_pages.set_read(tx, job.document_id, reading.pages, fence=job.fence)
    facts.keep(tx, job.document_id, reading.pages, fence=job.fence, rules=rules_edition())


def _keep(bench: Workbench, upload: Upload, reading: Reading, vectors: bytes) -> None:
    readings.save_reading(bench.blobs, upload.document, reading)
    if vectors:
        readings.save_vectors(bench.blobs, upload.document, bench.embedder.fingerprint, vectors)


def completed(stated: Metadata, declared: Document) -> Metadata:
    """What a document says of itself; where it says nothing, what its sender declared."""
    fields = (
        "unique_id",
        "set_id",
        "type_code",
        "title",
        "author",
        "organization",
        "event_date",
        "confidentiality",
        "replaces",
        "appends",
    )
    missing = {name: getattr(declared, name) for name in fields if not getattr(stated, name)}
    return dataclasses.replace(stated, **missing)
