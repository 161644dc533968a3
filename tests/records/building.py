"""A home full of invented people, for tests of records and of whatever stands on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from access.categories import Category
from access.identifiers import DocumentId, Ins, PatientId, ins_key
from access.scope import Caller, CallerKind, Purpose, Scope
from records import documents, patients
from records.blobs import Blobs
from records.content import Metadata
from records.database import Records, Tx
from records.documents import Document, DocumentState
from records.keys import KeyStore
from records.patients import Identity
from records.postgres import Server

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DOCTOR = Caller(CallerKind.PRACTITIONER, "10001234567", profession="10", specialty="SM54")


@dataclass(frozen=True, slots=True)
class Home:
    """The stores of one data directory."""

    path: Path
    keys: KeyStore
    records: Records
    blobs: Blobs
    server: Server | None = None

    def close(self) -> None:
        self.records.close()
        self.keys.close()


@contextmanager
def opened(path: Path, master: Path | None = None, server: Server | None = None) -> Iterator[Home]:
    """Open (or make) the home at `path`; `master`: the file of its master key, elsewhere; `server`: of its records."""
    keys = KeyStore.open(path, master)
    home = Home(path, keys, Records.open(path / "records.db", keys, server=server), Blobs(path / "blobs", keys), server)
    try:
        yield home
    finally:
        home.close()


def ins(number: int) -> Ins:
    """A well-formed INS, another one for each number below 1,000."""
    thirteen = f"18503751{number:05d}"
    return Ins(f"{thirteen}{ins_key(thirteen):02d}")


def identity(number: int = 1, *, with_ins: bool = True) -> Identity:
    """An invented person."""
    return Identity(
        ins=ins(number) if with_ins else None,
        ins_status="validated" if with_ins else "",
        family_name=f"Lemoîne-{number:03d}",
        given_names="Éloïse Marie",
        birth_date=date(1985, 3, 2),
        sex="F",
        birth_place="75056",
    )


def patient(tx: Tx, number: int = 1, *, with_ins: bool = True) -> PatientId:
    """Record an invented person."""
    return patients.create_patient(tx, identity(number, with_ins=with_ins), NOW)


def deposit(
    home: Home,
    tx: Tx,
    patient_id: PatientId,
    content: bytes = b"compte rendu",
    *,
    file_name: str = "compte rendu.pdf",
    by: str = "10009999999",
    masked: bool = False,
    hidden_from_patient: bool = False,
    at: datetime = NOW,
) -> Document:
    """Store bytes and record their document."""
    with home.blobs.create(patient_id, "upload") as writer:
        writer.write(content)
        upload = writer.commit()
    return documents.new_document(
        tx,
        patient_id=patient_id,
        upload=upload,
        content_hash=writer.content_hash,
        size=writer.size,
        media_type="application/pdf",
        file_name=file_name,
        origin="upload",
        deposited_by=by,
        deposited_for="750000001",
        now=at,
        masked=masked,
        hidden_from_patient=hidden_from_patient,
    )


def searchable(
    tx: Tx, document_id: DocumentId, metadata: Metadata | None = None, category: Category = Category.REPORT
) -> None:
    """Take a document to its end without reading it."""
    documents.set_metadata(tx, document_id, metadata or Metadata(), category)
    documents.set_state(tx, document_id, DocumentState.SEARCHABLE, now=NOW)


def scope(*identities: PatientId, categories: frozenset[Category] | None = None, excluded: object = ()) -> Scope:
    """A Scope over these identities, of the first of them."""
    return Scope(
        caller=DOCTOR,
        patient_id=identities[0] if identities else PatientId("a" * 26),
        purpose=Purpose.CARE,
        identities=frozenset(identities),
        categories=frozenset(Category) if categories is None else categories,
        excluded=frozenset(excluded),  # type: ignore[call-overload]
    )
