"""Blobs: durable, private, bound to their patient and name, and gone when half written."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from access.identifiers import PatientId
from access.refusal import Refusal
from records.blobs import Blobs
from records.shelf import BlobRef
from tests.records.building import Home, patient

PROJECT = Path(__file__).resolve().parents[2]
SECRET = b"pas d'allergie connue " * 9000  # several chunks


@pytest.fixture
def people(home: Home) -> tuple[PatientId, PatientId]:
    with home.records.write() as tx:
        return patient(tx, 1), patient(tx, 2)


def stored(
    blobs: Blobs, who: PatientId, content: bytes = SECRET, kind: str = "upload", key: str | None = None
) -> BlobRef:
    with blobs.create(who, kind, key) as writer:
        for at in range(0, len(content), 10_000):
            writer.write(content[at : at + 10_000])
        ref = writer.commit()
    assert writer.size == len(content)
    return ref


def files(home: Home) -> list[Path]:
    return [path for path in (home.path / "blobs").rglob("*") if path.is_file()]


def test_what_is_written_is_read_through_every_door(home: Home, people: tuple[PatientId, PatientId]) -> None:
    ref = stored(home.blobs, people[0])
    assert home.blobs.exists(ref)
    assert home.blobs.read(ref) == SECRET
    with home.blobs.open(ref) as reader:
        assert reader.size == len(SECRET)
        assert reader.seek(-22, io.SEEK_END) == len(SECRET) - 22
        assert reader.read() == SECRET[-22:]
        assert reader.tell() == len(SECRET)
        assert reader.read(5) == b""
        reader.seek(70_000)
        assert reader.read(100) == SECRET[70_000:70_100]
        assert reader.read_range(65_530, 65_550) == SECRET[65_530:65_550]
        assert io.BufferedReader(reader).read(3) == SECRET[70_100:70_103]


def test_names_are_equal_for_equal_content_of_one_patient_and_kind_only(
    home: Home, people: tuple[PatientId, PatientId]
) -> None:
    one, two = people
    first = stored(home.blobs, one)
    assert stored(home.blobs, one) == first
    assert len(files(home)) == 1
    others = {
        stored(home.blobs, two).name,
        stored(home.blobs, one, kind="reading").name.replace("reading", "upload"),
        stored(home.blobs, one, SECRET[:-1]).name,
        stored(home.blobs, one, key="k").name,
    }
    assert len(others) == 4
    assert first.name not in others
    assert home.blobs.named(one, "upload", "k").name in others


def test_a_key_names_a_blob_that_is_replaced(home: Home, people: tuple[PatientId, PatientId]) -> None:
    ref = stored(home.blobs, people[0], b"old", key="reading of d")
    with home.blobs.open(ref) as reader:
        assert stored(home.blobs, people[0], b"new", key="reading of d") == ref
        assert reader.readall() == b"old"
    assert home.blobs.read(ref) == b"new"


def test_files_are_private_and_hold_no_content(home: Home, people: tuple[PatientId, PatientId]) -> None:
    stored(home.blobs, people[0])
    (file,) = files(home)
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"allergie" not in file.read_bytes()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home.path / "blobs").rglob("*"))


def test_a_file_put_under_another_name_or_patient_does_not_open(
    home: Home, people: tuple[PatientId, PatientId]
) -> None:
    one, two = people
    a, b = stored(home.blobs, one, b"first"), stored(home.blobs, one, b"other")
    c = stored(home.blobs, two, b"first")
    for taken, place in ((a, b), (a, c), (c, a)):
        kept = home.blobs.shelf.path(place).read_bytes()
        home.blobs.shelf.path(place).write_bytes(home.blobs.shelf.path(taken).read_bytes())
        with pytest.raises(Refusal) as refused:
            home.blobs.read(place)
        assert refused.value.code == "seal-broken"
        home.blobs.shelf.path(place).write_bytes(kept)
    assert home.blobs.read(a) == b"first"


def test_what_is_not_committed_is_gone(home: Home, people: tuple[PatientId, PatientId]) -> None:
    with home.blobs.create(people[0], "upload") as writer:
        writer.write(SECRET)
        (partial,) = files(home)
        assert b"allergie" not in partial.read_bytes()
    with suppress(ZeroDivisionError), home.blobs.create(people[0], "upload") as writer:
        writer.write(SECRET)
        raise ZeroDivisionError
    assert files(home) == []
    assert list(home.blobs.walk()) == []


def test_what_a_dead_writer_left_is_removed_and_a_living_ones_is_not(
    home: Home, people: tuple[PatientId, PatientId]
) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from records.blobs import Blobs
        from records.keys import KeyStore
        home = Path({str(home.path)!r})
        writer = Blobs(home / "blobs", KeyStore.open(home)).create({people[0]!r}, "upload")
        writer.write(b"x" * 200_000)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, cwd=PROJECT)
    assert died.returncode == -signal.SIGKILL
    assert len(files(home)) == 1
    with home.blobs.create(people[0], "upload") as writer:
        writer.write(SECRET)
        assert len(files(home)) == 2
        Blobs(home.path / "blobs", home.keys)
        assert len(files(home)) == 1
        ref = writer.commit()
    assert home.blobs.read(ref) == SECRET


def test_walk_and_delete(home: Home, people: tuple[PatientId, PatientId]) -> None:
    refs = {stored(home.blobs, who, content) for who in people for content in (b"a", b"b")}
    assert set(home.blobs.walk()) == refs
    gone = refs.pop()
    home.blobs.delete(gone)
    home.blobs.delete(gone)
    assert set(home.blobs.walk()) == refs
    with pytest.raises(Refusal) as refused:
        home.blobs.open(gone)
    assert refused.value.code == "blob-missing"


def test_a_destroyed_key_closes_the_blobs(home: Home, people: tuple[PatientId, PatientId]) -> None:
    one, two = (stored(home.blobs, who) for who in people)
    home.keys.destroy_patient_key(people[0])
    with pytest.raises(Refusal) as refused:
        home.blobs.read(one)
    assert refused.value.code == "key-destroyed"
    assert home.blobs.read(two) == SECRET


@pytest.mark.parametrize("name", ["../../records.db", "upload-", "upload-" + "0" * 63 + "/", ""])
def test_no_reference_leads_out_of_the_blobs(home: Home, people: tuple[PatientId, PatientId], name: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        home.blobs.open(BlobRef(people[0], name))
    with pytest.raises(ValueError, match="reference"):
        home.blobs.shelf.path(BlobRef(PatientId(".." + os.sep), "upload-" + "0" * 64))
