"""A shelf keeps what it is given, in a folder and in a bucket of a real object store; what goes wrong there is a
Refusal that says so."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from access.identifiers import PatientId
from access.refusal import Refusal
from records.blobs import Blobs
from records.bucket import BLOCK, Bucket
from records.shelf import BlobRef, Folder, Place, Shelf, shelf_of
from tests.records.building import Home, patient
from tests.services.object_store import ObjectStore, object_store_in

PROJECT = Path(__file__).resolve().parents[2]
ANA, BEA = PatientId("a" * 26), PatientId("ab" + "b" * 24)
LONG = os.urandom(3 * BLOCK // 64) * 64  # more than two blocks of a bucket
pytestmark = pytest.mark.services


def ref(number: int, who: PatientId = ANA, kind: str = "upload") -> BlobRef:
    return BlobRef(who, f"{kind}-{number:064x}")


@pytest.fixture(params=["folder", "bucket", "part of a bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "folder":
        yield Folder(tmp_path / "shelf")
        return
    store: ObjectStore = request.getfixturevalue("object_store")
    with closing(Bucket(store.bucket("hôpital/un" if " " in request.param else ""))) as bucket:
        yield bucket


def put(shelf: Shelf, folder: Path, at: BlobRef, content: bytes) -> None:
    file = folder / "finished"
    file.write_bytes(content)
    shelf.put(file, at)
    assert not file.exists()


def content(shelf: Shelf, at: BlobRef) -> bytes:
    with shelf.open(at) as source:
        return source.read()


def test_what_is_put_is_found_replaced_listed_and_removed(shelf: Shelf, tmp_path: Path) -> None:
    assert list(shelf.walk()) == []
    assert shelf.find(ref(1)) is None
    with pytest.raises(FileNotFoundError):
        shelf.open(ref(1))
    refs = [ref(1), ref(2), ref(3, kind="vectors"), ref(1, BEA)]
    for number, each in enumerate(refs):
        put(shelf, tmp_path, each, b"x" * number)
    assert [kept.ref for kept in shelf.walk()] == sorted(refs, key=lambda one: one.path)
    assert {kept.ref: kept.size for kept in shelf.walk()} == {each: number for number, each in enumerate(refs)}
    assert [content(shelf, each) for each in refs] == [b"", b"x", b"xx", b"xxx"]
    assert abs(shelf.find(refs[1]).mtime / 1e9 - time.time()) < 60  # type: ignore[union-attr]
    put(shelf, tmp_path, refs[1], b"new")
    assert content(shelf, refs[1]) == b"new"
    shelf.delete(refs[1])
    shelf.delete(refs[1])
    assert shelf.find(refs[1]) is None
    assert shelf.erase(ANA) == 2
    assert [kept.ref for kept in shelf.walk()] == [refs[3]]
    assert shelf.erase(ANA) == 0
    shelf.ready()


def test_two_of_one_name_and_size_differ_in_their_time(shelf: Shelf, tmp_path: Path) -> None:
    """Or a backup would link the older one: a store tells seconds."""
    put(shelf, tmp_path, ref(1), b"first")
    before = shelf.find(ref(1))
    assert before == next(shelf.walk())
    time.sleep(0.02)
    put(shelf, tmp_path, ref(1), b"other")
    after = shelf.find(ref(1))
    assert before is not None
    assert after is not None
    assert before.size == after.size
    assert before.mtime != after.mtime


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, len(LONG)])
def test_any_part_is_read(shelf: Shelf, tmp_path: Path, size: int) -> None:
    put(shelf, tmp_path, ref(1), LONG[:size])
    with shelf.open(ref(1)) as source:
        assert source.seek(0, os.SEEK_END) == size
        for start in (0, size // 3, BLOCK - 5, BLOCK, 2 * BLOCK + 7, size - 1, size):
            if 0 <= start <= size:
                assert source.seek(start) == start
                assert source.read(BLOCK + 11) == LONG[start : min(size, start + BLOCK + 11)]
        source.seek(0)
        assert source.read() == LONG[:size]
        assert source.read(1) == b""


@pytest.mark.parametrize("name", ["../../records.db", "upload-", "upload-" + "0" * 63 + "/", ""])
def test_no_reference_leads_out_of_it(shelf: Shelf, name: str) -> None:
    for wrong in (BlobRef(ANA, name), BlobRef(PatientId("../" + "a" * 23), ref(1).name)):
        for act in (shelf.open, shelf.find, shelf.delete):
            with pytest.raises(ValueError, match="reference"):
                act(wrong)
    with pytest.raises(ValueError, match="patient"):
        shelf.erase(PatientId(".."))


def test_blobs_stand_on_either(shelf: Shelf, file_home: Home) -> None:
    """Sealed, bound to their name, whole or not at all."""
    with file_home.records.write() as tx:
        who = patient(tx, 1)
    blobs = Blobs(file_home.path / "blobs", file_home.keys, shelf=shelf)
    with blobs.create(who, "upload") as writer:
        writer.write(LONG)
        done = writer.commit()
    with suppress(ZeroDivisionError), blobs.create(who, "upload") as writer:
        writer.write(b"half")
        raise ZeroDivisionError
    assert list(blobs.walk()) == [done]
    assert blobs.exists(done)
    assert blobs.read(done) == LONG
    with blobs.open(done) as reader:
        assert reader.read_range(BLOCK - 100, BLOCK + 100) == LONG[BLOCK - 100 : BLOCK + 100]
        assert io.BufferedReader(reader).read(3) == LONG[:3]
    sealed = content(shelf, done)
    assert LONG[:64] not in sealed
    for damaged in (sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), b""):
        put(shelf, file_home.path, done, damaged)
        with pytest.raises(Refusal) as refused:
            blobs.read(done)
        assert refused.value.code == "seal-broken"
    blobs.delete(done)
    with pytest.raises(Refusal) as refused:
        blobs.open(done)
    assert refused.value.code == "blob-missing"
    blobs.ready()
    assert list((file_home.path / "blobs" / "partial").iterdir()) == []


def test_a_reader_never_mixes_two_versions(object_store: ObjectStore, tmp_path: Path) -> None:
    """The store keeps no old one: what was replaced meanwhile is refused, not read on."""
    shelf = Bucket(object_store.bucket())
    put(shelf, tmp_path, ref(1), LONG)
    with shelf.open(ref(1)) as source:
        assert source.read(10) == LONG[:10]
        put(shelf, tmp_path, ref(1), bytes(len(LONG)))
        source.seek(2 * BLOCK)
        with pytest.raises(FileNotFoundError):
            source.read(10)


def test_what_a_killed_writer_was_sending_is_not_there(object_store: ObjectStore, file_home: Home) -> None:
    """Killed at any moment of a commit: all of it is there, or nothing is."""
    with file_home.records.write() as tx:
        who = patient(tx, 1)
    place = object_store.bucket()
    script = f"""
        import os, signal, sys, threading
        from pathlib import Path
        from records.blobs import Blobs
        from records.bucket import Bucket
        from records.keys import KeyStore
        from records.shelf import Place
        home = Path({str(file_home.path)!r})
        writer = Blobs(home / "blobs", KeyStore.open(home), shelf=Bucket(Place({place.url!r}, {place.endpoint!r})))
        writer = writer.create({who!r}, "upload")
        for number in range(40):
            writer.write(os.urandom(1 << 20))
        threading.Timer(float(sys.argv[1]), os.kill, (os.getpid(), signal.SIGKILL)).start()
        writer.commit()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    for seconds in (0.0, 0.1, 0.3):
        died = subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(seconds)], check=False, cwd=PROJECT)
        assert died.returncode == -signal.SIGKILL
        blobs = Blobs(file_home.path / "blobs", file_home.keys, shelf=Bucket(place))
        assert all(len(blobs.read(each)) == 40 << 20 for each in blobs.walk())
        assert list((file_home.path / "blobs" / "partial").iterdir()) == []


def codes(blobs: Blobs, who: PatientId, at: BlobRef) -> list[str]:
    """What each thing that can be done is refused for."""

    def store() -> None:
        with blobs.create(who, "upload") as writer:
            writer.write(b"x")
            writer.commit()

    found = []
    for act in (
        store,
        lambda: blobs.read(at),
        lambda: blobs.exists(at),
        lambda: blobs.delete(at),
        lambda: blobs.erase(who),
        blobs.ready,
    ):
        try:
            act()
            found.append("")
        except Refusal as refusal:
            found.append(refusal.code)
    return found


def test_a_store_that_is_away_closed_or_not_there_is_said(
    tmp_path: Path, file_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with object_store_in(tmp_path) as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        place = store.bucket()
        with file_home.records.write() as tx:
            who = patient(tx, 1)
        blobs = Blobs(file_home.path / "blobs", file_home.keys, shelf=Bucket(place))
        with blobs.create(who, "upload") as writer:
            writer.write(LONG)
            kept = writer.commit()
        nobody = Bucket(Place("s3://nobody", place.endpoint))
        lost = Blobs(file_home.path / "blobs", file_home.keys, shelf=nobody)
        assert set(codes(lost, who, kept)) <= {"blobs-unavailable", "blob-missing", ""}
        assert codes(lost, who, kept)[0] == codes(lost, who, kept)[-1] == "blobs-unavailable"
        account = tmp_path / "credentials"
        account.write_text(account.read_text().replace(store.secret, "another"))
        stranger = Blobs(file_home.path / "blobs", file_home.keys, shelf=Bucket(place))
        assert codes(stranger, who, kept) == ["storage-closed"] * 6
        with blobs.open(kept) as reader:
            store.stop()
            with pytest.raises(OSError, match="stockage des fichiers"):
                reader.read_range(BLOCK, BLOCK + 1)
        assert codes(blobs, who, kept) == ["blobs-unavailable"] * 6
        store.start()
        assert blobs.read(kept) == LONG
        assert list((file_home.path / "blobs" / "partial").iterdir()) == []


def test_a_home_says_where_its_blobs_stand(object_store: ObjectStore, file_home: Home, tmp_path: Path) -> None:
    """In another place they would not be found, and what comes in would be scattered."""
    one, two = object_store.bucket(), object_store.bucket()
    assert isinstance(shelf_of(tmp_path / "new", one), Bucket)
    assert isinstance(shelf_of(tmp_path / "new", one), Bucket)
    root = file_home.path / "blobs"
    with file_home.records.write() as tx:
        who = patient(tx, 1)
    assert isinstance(shelf_of(root, None), Folder)
    with file_home.blobs.create(who, "upload") as writer:
        writer.commit()
    for folder, place in ((tmp_path / "new", two), (tmp_path / "new", None), (root, one)):
        with pytest.raises(Refusal) as refused:
            shelf_of(folder, place)
        assert refused.value.code == "blobs-elsewhere"
    assert isinstance(shelf_of(root, None), Folder)


def test_a_new_home_is_not_given_the_bucket_of_another(object_store: ObjectStore, tmp_path: Path) -> None:
    """Its `verify` would take everything there for leftovers."""
    place = object_store.bucket("un")
    put(shelf_of(tmp_path / "first", place), tmp_path, ref(1), b"x")
    with pytest.raises(Refusal) as refused:
        shelf_of(tmp_path / "second", place)
    assert refused.value.code == "bucket-of-another"
    assert content(shelf_of(tmp_path / "first", place), ref(1)) == b"x"
    beside = Place(place.url.replace("/un", "/deux"), place.endpoint)
    assert list(shelf_of(tmp_path / "second", beside).walk()) == []


@pytest.mark.parametrize("url", ["bucket", "https://bucket", "s3://", "s3:///prefix", "s3://bucket?x=1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="s3://bucket/prefix"):
        Place(url).parts()
