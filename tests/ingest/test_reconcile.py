"""`verify`: each way in which a home can disagree with itself is found, and mended when something true is left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import apsw
import pytest
from sqlalchemy import text

from access.identifiers import DocumentId, PatientId
from cli.compose import Home, open_home, resolve_patient
from cli.settings import load_settings
from index.embedded import EmbeddedGenerations
from ingest.receive import receive
from ingest.reconcile import Reconciliation, reconcile
from ingest.worker import drain
from records import documents, jobs
from records.documents import DocumentState
from records.shelf import BlobRef
from records.survey import SETTLED
from tests.records.building import ins


@dataclass
class Shop:
    """A home with three documents, all searchable."""

    home: Home
    patient: PatientId
    ids: list[DocumentId]

    def give(self, content: bytes) -> DocumentId:
        return receive(
            BytesIO(content),
            patient_id=self.patient,
            file_name="a.txt",
            origin="upload",
            deposited_by="test",
            deposited_for="",
            blobs=self.home.bench.blobs,
            records=self.home.bench.records,
            now=self.home.clock(),
            limit=10**6,
        ).document_id

    def blob(self, kind: str, number: int = 0) -> Path:
        """The file of a blob of one of the three."""
        with self.home.bench.records.read() as tx:
            document = documents.document_without_scope(tx, self.ids[number])
        assert document is not None
        if kind == "upload":
            return self.home.bench.blobs.shelf.path(document.upload)
        key = f"{document.document_id}/{document.reading_fence}"
        return self.home.bench.blobs.shelf.path(self.home.bench.blobs.named(self.patient, kind, key))

    def verify(self, **named: object) -> Reconciliation:
        return reconcile(self.home.bench, **({"repair": True, "everything": False} | named))  # type: ignore[arg-type]

    def sql(self, statement: str, **values: object) -> None:
        with self.home.bench.records.write() as tx:
            tx.session.execute(text(statement), values)

    def index(self) -> apsw.Connection:
        """The index file, opened as a vandal who has its key would."""
        (path,) = (self.home.settings.home / "index").glob("*.index")
        connection = apsw.Connection(str(path))
        connection.pragma("cipher", "chacha20")
        connection.pragma("key", f"raw:{self.home.services.keys.service_key('index').hex()}")
        return connection

    def states(self) -> list[DocumentState]:
        with self.home.bench.records.read() as tx:
            return [d.state for d in documents.documents_of_patient_without_scope(tx, self.patient)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    settings = load_settings(home=tmp_path / "home", embedder="none", ocr="none", reserve=0)
    with open_home(settings) as home:
        made = Shop(home, resolve_patient(home, ins(1).matricule, create=True), [])
        made.ids = [made.give(b"Allergie num\xc3\xa9ro %d." % n + b" " * 90_000) for n in range(3)]  # more than a chunk
        drain(home.bench)
        yield made


def test_a_home_that_agrees_is_clean(shop: Shop) -> None:
    report = shop.verify(everything=True)
    assert report.clean
    assert (report.index.documents, report.found.documents, report.found.blobs) == (3, 3, 6)
    assert (report.found.damage, report.found.spare, report.found.orphans, report.reread) == (0, (), (), ())


@pytest.mark.parametrize("repair", [True, False])
@pytest.mark.parametrize(
    ("statement", "field"),
    [
        ("DELETE FROM documents WHERE number = 1", "missing"),
        ("UPDATE documents SET digest = 'x' WHERE number = 1", "different"),
        ("UPDATE documents SET document_id = 'extra' || substr(document_id, 6) WHERE number = 1", "extra"),
    ],
)
def test_the_index_is_made_to_agree(shop: Shop, statement: str, field: str, repair: bool) -> None:
    connection = shop.index()
    connection.execute(statement)
    connection.close()
    report = shop.verify(repair=repair)
    assert len(getattr(report.index, field)) == 1
    assert report.clean == repair
    assert shop.verify(repair=False).clean == repair


def test_a_damaged_index_is_built_again(shop: Shop) -> None:
    shop.home.services.index.current().close()
    (path,) = (shop.home.settings.home / "index").glob("*.index")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(os.urandom(path.stat().st_size))
    report = shop.verify()
    assert report.rebuilt
    assert report.clean
    assert shop.verify(repair=False).clean


def test_a_reading_that_is_gone_or_altered_is_made_again(shop: Shop) -> None:
    shop.blob("reading", 0).unlink()
    flip(shop.blob("reading", 1))
    report = shop.verify()
    assert set(report.reread) == set(shop.ids[:2])
    assert report.clean
    assert shop.states() == [DocumentState.SEARCHABLE] * 3
    assert shop.verify(repair=False).clean


def flip(path: Path, place: int = -40) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(("damage", "field"), [(Path.unlink, "lost"), (flip, "altered"), (cut, "altered")])
def test_an_upload_that_is_gone_or_altered_is_told_and_not_touched(
    shop: Shop, damage: Callable[[Path], None], field: str
) -> None:
    damage(shop.blob("upload"))
    for _ in range(2):
        report = shop.verify()
        assert getattr(report.left, field) == (shop.ids[0],)
        assert not report.clean
        assert any(shop.ids[0] in line and "restaurer" in line for line in report.lines())
    assert shop.states() == [DocumentState.SEARCHABLE] * 3


def test_a_byte_in_the_middle_is_found_by_reading_everything(shop: Shop) -> None:
    flip(shop.blob("upload"), 1000)
    assert shop.verify().clean
    assert shop.verify(everything=True).found.altered == (shop.ids[0],)


@pytest.mark.parametrize("state", ["received", "reading"])
@pytest.mark.parametrize("job", ["gone", "done"])
def test_a_document_that_nobody_moves_is_read_again(shop: Shop, state: str, job: str) -> None:
    shop.sql("UPDATE documents SET state = :state WHERE document_id = :id", state=state, id=shop.ids[0])
    if job == "gone":
        shop.sql("DELETE FROM jobs WHERE document_id = :id", id=shop.ids[0])
    assert not shop.verify(repair=False).clean
    report = shop.verify()
    assert report.reread == (shop.ids[0],)
    assert report.clean
    assert shop.states() == [DocumentState.SEARCHABLE] * 3


def test_work_in_progress_is_not_a_fault(shop: Shop) -> None:
    shop.give(b"en attente")
    with shop.home.bench.records.write() as tx:
        held = shop.home.bench.records.presence.holder()
        assert jobs.claim(tx, held, shop.home.clock(), shop.home.bench.lease) is not None
    report = shop.verify()
    assert (report.clean, report.reread) == (True, ())


def test_an_upload_without_a_record_is_kept_adopted_or_deleted(shop: Shop) -> None:
    with shop.home.bench.blobs.create(shop.patient, "upload") as writer:
        writer.write(b"Allergie au latex, jamais inscrite.")
        ref = writer.commit()
    report = shop.verify()
    assert (report.left.orphans, report.clean) == ((ref,), False)
    shop.verify(orphans="delete")
    assert shop.home.bench.blobs.exists(ref), "deleted while its sender may be about to record it"
    assert shop.verify(orphans="adopt").clean
    assert shop.states() == [DocumentState.SEARCHABLE] * 4
    with shop.home.bench.blobs.create(shop.patient, "upload") as writer:
        writer.write(b"Une autre.")
        ref = writer.commit()
    old(shop, ref)
    assert shop.verify(orphans="delete").clean
    assert not shop.home.bench.blobs.exists(ref)


def old(shop: Shop, ref: BlobRef) -> None:
    path = shop.home.bench.blobs.shelf.path(ref)
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 2 * SETTLED))


def test_what_lost_leases_left_behind_is_removed_once_old(shop: Shop) -> None:
    with shop.home.bench.blobs.create(shop.patient, "reading", "autre/1") as writer:
        writer.write(b"{}")
        ref = writer.commit()
    report = shop.verify()
    assert (report.found.spare, report.clean) == ((ref,), True)
    old(shop, ref)
    shop.verify()
    assert not shop.home.bench.blobs.exists(ref)


def test_a_damaged_page_of_the_database_is_told(shop: Shop) -> None:
    path = shop.home.settings.home / "records.db"
    shop.home.bench.records.close()  # what is in the log goes into the file
    flip(path, path.stat().st_size // 2)
    assert shop.home.bench.records.damage() > 0


def test_generations_know_their_file(shop: Shop) -> None:
    generations = EmbeddedGenerations(shop.home.settings.home / "index", shop.home.services.keys.service_key("index"))
    assert generations.serving() is not None
    (path,) = (shop.home.settings.home / "index").glob("*.index")
    path.unlink()
    assert generations.serving() is None
    generations.close()
