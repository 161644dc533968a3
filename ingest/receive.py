"""The door: bytes come in, are stored encrypted and durably, then recorded with a job. Nothing is read here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from access.document_types import category_of
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from ingest.media_type import HEAD, media_type_of
from ingest.meter import timed
from records import receipts
from records.blobs import Blobs, BlobWriter
from records.content import Metadata
from records.database import Records, Tx
from records.deposit_keys import document_of_key, keep_key
from records.documents import (
    Document,
    DocumentState,
    document_without_scope,
    new_document,
    same_content_without_scope,
    set_metadata,
    set_state,
)
from records.jobs import USUAL, Job, enqueue
from records.receipts import Way
from records.shelf import BlobRef

UPLOAD = "upload"
"""Kind of the blobs that hold uploaded bytes."""
UNKNOWN_TYPE = "application/octet-stream"
BUSY = Refusal("receive", "busy", "Ce dossier est en cours de modification.", "Réessayez dans un instant.")
_CHUNK = 64 * 1024


class Stream(Protocol):
    """A file opened for reading in binary, or the file part of a request."""

    def read(self, size: int, /) -> bytes | None:
        """At most `size` bytes; b"" at the end."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an upload. No job: the document was known, or is refused for its type."""

    document_id: DocumentId
    duplicate: bool
    job: Job | None


@timed("receive")
def receive(
    stream: Stream,
    *,
    patient_id: PatientId,
    file_name: str,
    origin: str,
    deposited_by: str,
    deposited_for: str,
    blobs: Blobs,
    records: Records,
    now: datetime,
    limit: int,
    declared: Metadata = Metadata(),
    admit: Callable[[Document], bool] = lambda _: True,
    key: str = "",
    priority: int = USUAL,
    submitted: str = "",
) -> Receipt:
    """Store an upload of at most `limit` bytes for a patient that exists, and queue its reading.

    On return the bytes and the document would survive a power cut. The same bytes of the same patient are one document,
    if the depositor may know of the one that is there (`admit`); otherwise they are one more, hidden like its twin, so
    that the reply does not tell what is there. `declared` is what the sender says of it; what the document says of
    itself wins once it is read. A type that nothing reads is kept too, as a refused document with its reason.
    `priority` is that of its reading (`records.jobs`). `key` is the depositor's idempotency key: sent again with the
    same bytes it is the same deposit. `submitted` is the FHIR that came with it, kept as JSON. Raises Refusal (stage
    "receive"): "empty-file", "too-large" and "idempotency-key-reused" record nothing.
    """
    way = Way(origin, deposited_by, deposited_for)
    with blobs.create(patient_id, UPLOAD) as writer:
        media_type, refusal = _type(_copy(stream, writer, limit))
        with records.read() as tx:
            known = same_content_without_scope(tx, patient_id, writer.content_hash, admit)
            already = known is not None and receipts.is_known(tx, known.document_id, way)
        if known is not None and already and not key:
            return Receipt(known.document_id, True, None)
        upload = writer.commit()
    with records.write() as tx:
        known = _of_key(tx, deposited_by, key, upload, writer.content_hash)
        known = known or same_content_without_scope(tx, patient_id, writer.content_hash, admit)
        if known is not None:  # a request sent again, or the same bytes twice at once
            _keep(tx, deposited_by, key, known.document_id)
            receipts.add(tx, known.document_id, patient_id, way, now)
            return Receipt(known.document_id, True, None)
        if not blobs.exists(upload):  # deleted with a document that just went to another record, see quarantine.sweep
            raise BUSY
        document = _record(
            tx,
            upload,
            writer,
            media_type=media_type,
            file_name=_shown(file_name),
            origin=origin,
            deposited_by=deposited_by,
            deposited_for=deposited_for,
            now=now,
            submitted=submitted,
        )
        _keep(tx, deposited_by, key, document.document_id)
        receipts.add(tx, document.document_id, patient_id, way, now)
        set_metadata(tx, document.document_id, declared, category_of(declared.type_code))
        if refusal is not None:
            set_state(tx, document.document_id, DocumentState.REFUSED, refusal=refusal)
            return Receipt(document.document_id, False, None)
        return Receipt(
            document.document_id, False, enqueue(tx, document.document_id, patient_id, now, priority=priority)
        )


def _of_key(tx: Tx, depositor: str, key: str, upload: BlobRef, content_hash: str) -> Document | None:
    """The document of an idempotency key; a key that came with other bytes or for another record is refused."""
    document_id = document_of_key(tx, depositor, key) if key else None
    if document_id is None:
        return None
    document = document_without_scope(tx, document_id)
    if document is None or (document.patient_id, document.content_hash) != (upload.patient_id, content_hash):
        raise Refusal(
            "receive",
            "idempotency-key-reused",
            "Cette clé d'idempotence a déjà servi à un autre dépôt.",
            "Envoyez chaque document sous une clé neuve.",
        )
    return document


def _keep(tx: Tx, depositor: str, key: str, document_id: DocumentId) -> None:
    if key and document_of_key(tx, depositor, key) is None:
        keep_key(tx, depositor, key, document_id)


def _copy(stream: Stream, writer: BlobWriter, limit: int) -> bytes:
    """Write all of `stream`; returns its first HEAD bytes."""
    head = b""
    while chunk := stream.read(_CHUNK):
        if writer.size + len(chunk) > limit:
            raise Refusal(
                "receive",
                "too-large",
                f"Le fichier dépasse la taille permise ({limit // (1024 * 1024)} Mio).",
                "Divisez le document ou réduisez-le.",
            )
        if len(head) < HEAD:
            head += chunk[: HEAD - len(head)]
        writer.write(chunk)
    return head


def _type(head: bytes) -> tuple[str, Refusal | None]:
    try:
        return media_type_of(head), None
    except Refusal as refusal:
        if refusal.code == "empty-file":
            raise
        return UNKNOWN_TYPE, refusal


def _record(
    tx: Tx,
    upload: BlobRef,
    writer: BlobWriter,
    *,
    media_type: str,
    file_name: str,
    origin: str,
    deposited_by: str,
    deposited_for: str,
    now: datetime,
    submitted: str,
) -> Document:
    return new_document(
        tx,
        patient_id=upload.patient_id,
        upload=upload,
        content_hash=writer.content_hash,
        size=writer.size,
        media_type=media_type,
        file_name=file_name,
        origin=origin,
        deposited_by=deposited_by,
        deposited_for=deposited_for,
        now=now,
        submitted=submitted,
    )


def _shown(file_name: str) -> str:
    """A file name as text that can be stored and shown: undecodable bytes of a file system are lone surrogates."""
    clean = file_name.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return "".join(one if one.isprintable() else "?" for one in clean)[:255]
