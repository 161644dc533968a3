"""The door: durable, deduplicated, bounded, and nothing uploaded is lost."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from access.identifiers import PatientId
from access.refusal import Refusal
from ingest.receive import Receipt, receive
from records.blobs import Blobs
from records.database import Records
from records.documents import DocumentState, document_without_scope, documents_of_patient_without_scope
from records.jobs import progress
from records.keys import KeyStore
from records.patients import Identity, create_patient

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LETTER = b"%PDF-1.7\n" + b"lettre " * 30_000


class _Door:
    def __init__(self, home: Path) -> None:
        self.keys = KeyStore.open(home)
        self.records = Records.open(home / "records.db", self.keys)
        self.blobs = Blobs(home / "blobs", self.keys)
        self.home = home
        with self.records.write() as tx:
            self.patients = [
                create_patient(tx, Identity(None, "", f"Martin-{n}", "Anne", date(1980, 1, n), "F", "75056"), NOW)
                for n in (1, 2)
            ]

    def receive(self, data: bytes, patient: PatientId | None = None, name: str = "lettre.pdf") -> Receipt:
        return receive(
            io.BytesIO(data),
            patient_id=patient or self.patients[0],
            file_name=name,
            origin="upload",
            deposited_by="10001234567",
            deposited_for="750000001",
            blobs=self.blobs,
            records=self.records,
            now=NOW,
            limit=1_000_000,
        )

    def files(self) -> list[Path]:
        return [path for path in (self.home / "blobs").rglob("*") if path.is_file()]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[_Door]:
    opened = _Door(tmp_path / "home")
    yield opened
    opened.records.close()
    opened.keys.close()


def test_an_upload_is_stored_and_queued(door: _Door) -> None:
    receipt = door.receive(LETTER)
    assert not receipt.duplicate
    assert receipt.job is not None
    with door.records.read() as tx:
        document = document_without_scope(tx, receipt.document_id)
        assert progress(tx)["queued"] == 1
    assert document is not None
    assert (document.state, document.media_type) == (DocumentState.RECEIVED, "application/pdf")
    assert (document.file_name, document.origin, document.size) == ("lettre.pdf", "upload", len(LETTER))
    (ref,) = door.blobs.walk()
    assert door.blobs.read(ref) == LETTER


def test_nothing_readable_lies_on_the_disk(door: _Door) -> None:
    door.receive(LETTER)
    assert not [path for path in door.home.rglob("*") if path.is_file() and b"lettre lettre" in path.read_bytes()]


def test_the_same_bytes_of_the_same_patient_are_one_document(door: _Door) -> None:
    first, again = door.receive(LETTER), door.receive(LETTER, name="copie.pdf")
    assert (again.document_id, again.duplicate, again.job) == (first.document_id, True, None)
    assert len(door.files()) == 1


def test_the_same_bytes_of_another_patient_are_another_document(door: _Door) -> None:
    first, other = door.receive(LETTER), door.receive(LETTER, door.patients[1])
    assert not other.duplicate
    assert other.document_id != first.document_id
    assert len({path.name for path in door.files()}) == 2


def test_the_same_bytes_at_the_same_time_are_one_document(door: _Door) -> None:
    with ThreadPoolExecutor(8) as threads:
        receipts = list(threads.map(lambda _: door.receive(LETTER), range(8)))
    assert len({receipt.document_id for receipt in receipts}) == 1
    assert sum(not receipt.duplicate for receipt in receipts) == 1
    with door.records.read() as tx:
        assert progress(tx)["queued"] == 1
    (ref,) = door.blobs.walk()
    assert door.blobs.read(ref) == LETTER


def test_an_unsupported_type_is_kept_as_a_refused_document(door: _Door) -> None:
    receipt = door.receive(b"GIF89a" + b"\x01\x00" * 50, name="radio.pdf")
    assert receipt.job is None
    with door.records.read() as tx:
        document = document_without_scope(tx, receipt.document_id)
        assert progress(tx).get("queued", 0) == 0
    assert document is not None
    assert document.state is DocumentState.REFUSED
    assert document.refusal is not None
    assert document.refusal.code == "unsupported-type"
    assert "GIF" in document.refusal.message
    assert len(list(door.blobs.walk())) == 1


@pytest.mark.parametrize(("data", "code"), [(b"", "empty-file"), (b"a" * 1_000_001, "too-large")])
def test_empty_and_too_large_keep_no_byte(door: _Door, data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        door.receive(data)
    assert caught.value.code == code
    assert door.files() == []
    with door.records.read() as tx:
        assert documents_of_patient_without_scope(tx, door.patients[0]) == []


def test_the_limit_itself_is_allowed(door: _Door) -> None:
    assert door.receive(b"a" * 1_000_000).job is not None


def test_an_interrupted_upload_keeps_no_byte(door: _Door) -> None:
    class Cut(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 100_000:
                raise Refusal("receive", "upload-interrupted", "Interrompu.", "Recommencez.")
            return super().read(size)

    with pytest.raises(Refusal):
        receive(
            Cut(LETTER),
            patient_id=door.patients[0],
            file_name="a",
            origin="upload",
            deposited_by="x",
            deposited_for="",
            blobs=door.blobs,
            records=door.records,
            now=NOW,
            limit=1_000_000,
        )
    assert door.files() == []


def test_a_name_that_is_no_text_is_stored_as_text(door: _Door) -> None:
    receipt = door.receive(LETTER, name=os.fsdecode(b"r\xe9sultat\x00\n.pdf"))
    with door.records.read() as tx:
        document = document_without_scope(tx, receipt.document_id)
    assert document is not None
    assert document.file_name == "r?sultat?.pdf"
