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
from records.blobs import BlobRef, Blobs, BlobWriter
from records.content import Metadata
from records.database import Records, Tx
from records.documents import (
    Document,
    DocumentState,
    new_document,
    same_content_without_scope,
    set_metadata,
    set_state,
)
from records.jobs import Job, enqueue

UPLOAD = "upload"
"""Kind of the blobs that hold uploaded bytes."""
UNKNOWN_TYPE = "application/octet-stream"
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
) -> Receipt:
    """Store an upload of at most `limit` bytes for a patient that exists, and queue its reading.

    On return the bytes and the document would survive a power cut. The same bytes of the same patient are one
    document, if the depositor may know of the one that is there (`admit`); otherwise they are one more, hidden like
    its twin, so that the reply does not tell what is there. `declared` is what the sender says of it; what the
    document says of itself wins once it is read. A type that nothing reads is kept too, as a refused document with
    its reason. Raises Refusal (stage "receive"): "empty-file" and "too-large" keep no byte.
    """
    with blobs.create(patient_id, UPLOAD) as writer:
        media_type, refusal = _type(_copy(stream, writer, limit))
        with records.read() as tx:
            known = same_content_without_scope(tx, patient_id, writer.content_hash, admit)
        if known is not None:
            return Receipt(known.document_id, True, None)
        upload = writer.commit()
    with records.write() as tx:
        known = same_content_without_scope(tx, patient_id, writer.content_hash, admit)
        if known is not None:  # the same bytes came in twice at once
            return Receipt(known.document_id, True, None)
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
        )
        set_metadata(tx, document.document_id, declared, category_of(declared.type_code))
        if refusal is not None:
            set_state(tx, document.document_id, DocumentState.REFUSED, refusal=refusal)
            return Receipt(document.document_id, False, None)
        return Receipt(document.document_id, False, enqueue(tx, document.document_id, patient_id, now))


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
    )


def _shown(file_name: str) -> str:
    """A file name as text that can be stored and shown: undecodable bytes of a file system are lone surrogates."""
    clean = file_name.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return "".join(one if one.isprintable() else "?" for one in clean)[:255]
