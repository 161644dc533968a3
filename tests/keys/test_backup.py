"""Backup and restore: what comes back is whole and level with what was known, or nothing comes back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from access.refusal import Refusal
from records import grants, jobs, journal, manifest, tables
from records.backup import KEYS, Backup, Source, backup
from records.erasure import erase
from records.keys import KeyStore
from records.master import FileMaster
from records.restore import Restored, Target, ledgers_beside, restore
from records.rotation import destroy_version, rotate
from records.shelf import Place
from tests.records.building import opened
from tests.search_api.conftest import DOCTOR, REVOKED, TRAITANT
from tests.search_api.world import World, open_world

PROJECT = Path(__file__).resolve().parents[2]


def source_of(world: World) -> Source:
    services = world.services
    return Source(services.records, services.blobs, services.keys, services.keys.ledger)


def saved(world: World, folder: Path, **more: Any) -> Backup:
    world.clock.now += timedelta(minutes=1)
    return backup(source_of(world), folder / "data", folder / "keys", world.clock.now, **more)


def back(made: Backup, world: World, home: Path, **more: Any) -> Restored:
    master = more.pop("master", FileMaster(world.home / "master.key"))
    keys = more.pop("keys", made.keys)
    return restore(made.data, keys, Target(home, master), world.clock.now, **more)


@contextmanager
def reopened(home: Path, world: World, place: Place | None = None) -> Iterator[World]:
    """A restored home, serving, with the names of what stood in the first. `place`: of its blobs."""
    shutil.copy(next(world.home.glob("master.key*")), home / "master.key")
    again = open_world(home, place=place)
    again.clock.now = world.clock.now
    for names in ("patients", "documents", "grants"):
        getattr(again, names).update(getattr(world, names))
    with again.http:
        again.work()
        yield again
    again.close()


def sound(world: World) -> bool:
    """`verify` and `audit verify` find nothing."""
    with world.services.records.read() as tx:
        assert journal.verify(tx) == []
    return world.bench.projector.verify(world.clock(), repair=False).clean


def test_what_was_found_is_found_again(own_world: World, tmp_path: Path) -> None:
    before = own_world.search("pénicilline", own_world.bearer(DOCTOR)).json()
    assert before["hits"]
    made = saved(own_world, tmp_path)
    told = back(made, own_world, tmp_path / "new")
    assert (told.documents, told.missing, told.journal_problems, told.erased_again) == (6, 0, 0, ())
    with reopened(tmp_path / "new", own_world) as again:
        assert sound(again)
        after = again.search("pénicilline", again.bearer(DOCTOR)).json()
        assert (after["hits"], after["coverage"]) == (before["hits"], before["coverage"])
        with again.services.records.read() as tx:
            acts = [e.action for e in journal.entries_for_audit_without_scope(tx, None, 50)]
        assert "restore" in acts


def test_a_backup_without_its_keys_opens_nothing_and_its_keys_take_the_master_key(
    own_world: World, tmp_path: Path
) -> None:
    made = saved(own_world, tmp_path)
    other = KeyStore.open(tmp_path / "other")
    other.close()
    with pytest.raises(Refusal) as refused:
        back(made, own_world, tmp_path / "new", master=FileMaster(tmp_path / "other" / "master.key"))
    assert refused.value.code == "master-key-wrong"
    secret = bytes.fromhex((own_world.home / "master.key").read_text())
    everything = b"".join(path.read_bytes() for path in tmp_path.glob("*/anamnese-*/**/*") if path.is_file())
    assert len(everything) > 100_000
    assert not [word for word in (secret, secret.hex().encode(), "pénicilline".encode()) if word in everything]
    assert not (tmp_path / "new").exists()


def test_an_older_backup_of_data_opens_with_newer_keys_after_the_old_master_key_is_gone(
    own_world: World, tmp_path: Path
) -> None:
    """What makes keeping one backup of keys, the newest, enough; older ones open nothing any more."""
    old = saved(own_world, tmp_path)
    keys = own_world.services.keys
    rotate(keys)
    destroy_version(keys, 1)
    new = saved(own_world, tmp_path)
    with pytest.raises(Refusal) as refused:
        back(old, own_world, tmp_path / "new")
    assert refused.value.code == "master-key-wrong"
    assert back(old, own_world, tmp_path / "new", keys=new.keys).documents == 6


def test_keys_of_another_home_are_refused(own_world: World, tmp_path: Path) -> None:
    made = saved(own_world, tmp_path)
    other = open_world(tmp_path / "other")
    theirs = backup(source_of(other), tmp_path / "their", tmp_path / "their", other.clock.now)
    other.close()
    with pytest.raises(Refusal) as refused:
        back(made, other, tmp_path / "new", keys=theirs.keys)
    assert refused.value.code == "keys-of-another-home"
    assert not (tmp_path / "new").exists()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def drop_a_line(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))


def swap_a_hash(path: Path) -> None:
    """A manifest changed with care: the file is changed, its line too."""
    upload = next(path.parent.rglob("upload-*"))
    flip(upload)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    for line in lines:
        if line.get("path", "").endswith(upload.name):
            line["sha256"] = manifest.copy(upload, path.parent / "scratch").sha256
    path.write_bytes(b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines))


DAMAGES = [
    ("data", "records.db", flip, "backup-damaged"),
    ("data", "blobs/*/*/upload-*", flip, "backup-damaged"),
    ("data", "blobs/*/*/reading-*", cut, "backup-damaged"),
    ("data", "blobs/*/*/upload-*", Path.unlink, "backup-damaged"),
    ("data", "manifest.jsonl", cut, "backup-damaged"),
    ("data", "manifest.jsonl", drop_a_line, "backup-damaged"),
    ("data", "manifest.jsonl", Path.unlink, "backup-damaged"),
    ("data", "manifest.jsonl", swap_a_hash, "keys-of-another-home"),
    ("keys", "keys-1.db", flip, "backup-damaged"),
    ("keys", "store.json", flip, "backup-damaged"),
    ("keys", "manifest.jsonl", cut, "backup-damaged"),
]


@pytest.mark.parametrize(("part", "pattern", "damage", "code"), DAMAGES)
def test_a_damaged_backup_is_refused_whole_and_the_file_is_named(
    own_world: World, tmp_path: Path, part: str, pattern: str, damage: Any, code: str
) -> None:
    made = saved(own_world, tmp_path)
    file = sorted((made.data if part == "data" else made.keys).glob(pattern))[0]
    damage(file)
    with pytest.raises(Refusal) as refused:
        back(made, own_world, tmp_path / "new")
    assert refused.value.code == code
    if code == "backup-damaged":
        assert file.name in refused.value.message
    assert [path.name for path in tmp_path.iterdir() if "new" in path.name] == []


def test_a_home_that_is_not_empty_is_left_alone(own_world: World, tmp_path: Path) -> None:
    made = saved(own_world, tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "note").write_text("à garder")
    with pytest.raises(Refusal) as refused:
        back(made, own_world, tmp_path / "new")
    assert refused.value.code == "home-not-empty"
    assert (tmp_path / "new" / "note").read_text() == "à garder"
    (tmp_path / "new" / "note").unlink()
    assert back(made, own_world, tmp_path / "new").documents == 6


def test_an_interrupted_restore_leaves_no_home_and_the_next_one_succeeds(
    own_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = saved(own_world, tmp_path)
    stage = tmp_path / ".new.restoring"
    stage.mkdir()
    (stage / "half").touch()  # what a killed one leaves
    with monkeypatch.context() as patch:
        patch.setattr(journal, "verify", lambda *_: (_ for _ in ()).throw(OSError("disque plein")))
        with pytest.raises(OSError, match="plein"):
            back(made, own_world, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert not stage.exists()
    assert back(made, own_world, tmp_path / "new").documents == 6
    assert not (tmp_path / "new" / "half").exists()


def test_a_patient_erased_since_stays_erased(own_world: World, tmp_path: Path) -> None:
    """The older backup holds them, its keys too; the ledger of a newer one, or one named, keeps them out."""
    marie = own_world.patients["marie"]
    old = saved(own_world, tmp_path)
    services = own_world.services
    erase(services.records, services.blobs, services.keys, services.keys.ledger, marie, own_world.clock(), "t")
    lost = back(old, own_world, tmp_path / "unaware")
    assert lost.erased_again == ()  # nothing that restore was given knows of the erasure: why the ledger is kept apart
    named = back(old, own_world, tmp_path / "named", ledgers=[services.keys.ledger])
    saved(own_world, tmp_path)
    beside = back(old, own_world, tmp_path / "beside", beside=ledgers_beside(old.data, old.keys))
    newer = back(old, own_world, tmp_path / "newer", keys=saved(own_world, tmp_path).keys)
    assert named.erased_again == beside.erased_again == newer.erased_again == (marie,)
    for home in ("named", "beside", "newer"):
        with reopened(tmp_path / home, own_world) as again:
            assert sound(again)
            assert not again.services.keys.has_patient_key(marie)
            assert [ref for ref in again.services.blobs.walk() if ref.patient_id == marie] == []
            assert again.search("pénicilline", again.bearer(TRAITANT), "paul").json()["hits"]
            assert again.search("allergie", again.bearer(DOCTOR)).status_code == 403


def test_a_patient_erased_while_a_backup_is_made_does_not_stop_it(
    own_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, marie = own_world.services, own_world.patients["marie"]
    walk = services.blobs.shelf.walk

    def erased_meanwhile() -> Any:
        erase(services.records, services.blobs, services.keys, services.keys.ledger, marie, own_world.clock(), "t")
        return walk()

    monkeypatch.setattr(services.blobs.shelf, "walk", erased_meanwhile)
    made = saved(own_world, tmp_path)
    assert (made.documents, made.missing) == (1, 0)
    told = back(made, own_world, tmp_path / "new")
    assert told.documents == 1


def test_grants_revoked_since_come_back_and_it_is_said_and_can_be_undone(own_world: World, tmp_path: Path) -> None:
    made = saved(own_world, tmp_path)
    own_world.revoke("doctor", "marie")
    assert own_world.search("allergie", own_world.bearer(DOCTOR)).status_code == 403
    told = back(made, own_world, tmp_path / "as-was")
    with reopened(tmp_path / "as-was", own_world) as again:
        assert again.search("allergie", again.bearer(DOCTOR)).status_code == 200
        assert again.search("allergie", again.bearer(REVOKED)).status_code == 403
        with again.services.records.read() as tx:
            live = grants.in_force_without_scope(tx, again.clock())
            act = journal.entries_for_audit_without_scope(tx, None, 50)
        assert told.grants_in_force == live > 1
        assert [e for e in act if e.action == "restore" and f"autorisations {live}" in e.detail]
    told = back(made, own_world, tmp_path / "closed", revoke=True)
    assert told.grants_revoked >= live
    with reopened(tmp_path / "closed", own_world) as again:
        for rpps in (DOCTOR, TRAITANT):
            assert again.search("allergie", again.bearer(rpps)).status_code == 403


def test_what_was_being_read_is_taken_up_with_its_attempt(own_world: World, tmp_path: Path) -> None:
    for number in range(3):
        own_world.deposit(f"n{number}", "paul", f"Ordonnance numéro {number} : colchicine.")
    with own_world.services.records.write() as tx:
        assert jobs.claim(tx, "dead", own_world.clock(), timedelta(hours=5)) is not None
    made = saved(own_world, tmp_path)
    assert back(made, own_world, tmp_path / "new").requeued == 1
    with opened(tmp_path / "new", own_world.home / "master.key") as bare, bare.records.read() as tx:
        assert tx.session.scalars(select(tables.Cursor.generation)).all() == []  # no generation follows these records
    with reopened(tmp_path / "new", own_world) as again:
        hits = again.search("colchicine", again.bearer(TRAITANT), "paul").json()["hits"]
        assert len(hits) == 3
        assert sound(again)


def test_the_second_backup_links_what_the_first_copied_and_stands_alone(own_world: World, tmp_path: Path) -> None:
    first = saved(own_world, tmp_path)
    own_world.deposit("new", "paul", "Courrier du lendemain : allopurinol.")
    own_world.work()
    second = saved(own_world, tmp_path)
    assert second.linked == first.files - 1  # all but the records
    assert second.files > first.files
    assert saved(own_world, tmp_path, full=True).linked == 0
    shutil.rmtree(first.data)
    assert back(second, own_world, tmp_path / "new").documents == 7


def test_a_changed_file_is_copied_again(own_world: World, tmp_path: Path) -> None:
    saved(own_world, tmp_path)
    ref = next(iter(own_world.services.blobs.walk()))
    path = own_world.services.blobs.shelf.path(ref)
    os.utime(path, ns=(1, 1))
    second = saved(own_world, tmp_path)
    assert second.linked == second.files - 2


def test_an_interrupted_backup_has_no_name_and_is_cleared_by_the_next(own_world: World, tmp_path: Path) -> None:
    (tmp_path / "data" / ".partial-anamnese-x").mkdir(parents=True)
    (tmp_path / "data" / ".partial-anamnese-x" / "half").touch()
    made = saved(own_world, tmp_path)
    assert [path.name for path in (tmp_path / "data").iterdir() if path.name != ".lock"] == [made.data.name]
    assert made.keys.name == made.data.name + KEYS


def test_a_damaged_home_is_saved_and_it_is_said(own_world: World, tmp_path: Path) -> None:
    upload = next(ref for ref in own_world.services.blobs.walk() if ref.kind == "upload")
    own_world.services.blobs.delete(upload)
    made = saved(own_world, tmp_path)
    assert made.missing == 1
    assert back(made, own_world, tmp_path / "new").missing == 1


def test_a_destination_that_cannot_be_written_is_a_refusal(own_world: World, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refusal) as refused:
        backup(source_of(own_world), tmp_path / "file", tmp_path / "keys", own_world.clock.now)
    assert refused.value.code == "backup-unwritable"


def test_keys_and_ledger_may_stand_on_other_disks(own_world: World, tmp_path: Path) -> None:
    made = saved(own_world, tmp_path)
    target = Target(tmp_path / "new", FileMaster(own_world.home / "master.key"), tmp_path / "k", tmp_path / "erased")
    restore(made.data, made.keys, target, own_world.clock.now)
    assert (tmp_path / "k" / "store.json").exists()
    assert not (tmp_path / "new" / "keys").exists()
    keys = KeyStore.open(tmp_path / "new", own_world.home / "master.key", tmp_path / "k")
    assert keys.has_patient_key(own_world.patients["marie"])
    shutil.rmtree(tmp_path / "new")
    with pytest.raises(Refusal) as refused:
        restore(made.data, made.keys, target, own_world.clock.now)
    assert refused.value.code == "home-not-empty"


def test_an_upload_that_is_being_received_is_left_out_and_a_forgotten_one_kept(
    own_world: World, tmp_path: Path
) -> None:
    """Bytes are on the disk before their row: a restored home would take them for lost by its records."""
    names = []
    for age in (0, 7200):
        with own_world.services.blobs.create(own_world.patients["marie"], "upload") as writer:
            writer.write(f"Reçu il y a {age} secondes.".encode())
            ref = writer.commit()
        path = own_world.services.blobs.shelf.path(ref)
        os.utime(path, (time.time() - age,) * 2)
        names.append(ref.name)
    made = saved(own_world, tmp_path)
    kept = {path.name for path in made.data.rglob("upload-*")}
    assert [name in kept for name in names] == [False, True]
    assert len(kept) == made_uploads(own_world) + 1
    home = tmp_path / "new"
    back(made, own_world, home)
    with reopened(home, own_world) as again:
        assert sound(again)


def made_uploads(world: World) -> int:
    """Uploads that records know."""
    with world.services.records.read() as tx:
        return len({row.blob for row in tx.session.execute(select(tables.Document.blob))})


def listed(folder: Path, count: int) -> manifest.Manifest:
    """A manifest of so many files, written and read."""
    with manifest.Listing(folder / "files") as files:
        for number in range(count):
            files.add(f"blobs/aa/{number:026d}/upload-{number:064x}", manifest.Copied(number, f"{number:064x}", number))
        manifest.write(folder, {"kind": "data"}, files, b"k" * 32)
    assert not (folder / "files").exists()
    return manifest.read(folder)


def test_a_manifest_of_many_files_is_written_and_read_by_the_line(tmp_path: Path) -> None:
    """60,000 files in a few MB: as a list they take more than 25. In a process of its own: what else lives in this one
    is not counted."""
    script = f"""
        import tracemalloc
        from pathlib import Path
        from tests.keys.test_backup import listed
        tracemalloc.start()
        read = listed(Path({str(tmp_path)!r}), 60_000)
        assert read.count == 60_000
        assert read.proven(b"k" * 32)
        assert sum(one.size for _, one in read.files()) == 59_999 * 30_000
        print(tracemalloc.get_traced_memory()[1])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 8_000_000


def test_a_manifest_that_changes_after_it_was_checked_is_refused(tmp_path: Path) -> None:
    read = listed(tmp_path, 20)
    assert read.proven(b"k" * 32)
    assert not read.proven(b"l" * 32)
    path = tmp_path / manifest.MANIFEST
    path.write_bytes(path.read_bytes().replace(b'"size":19,', b'"size":18,'))
    for again in (lambda: read.proven(b"k" * 32), lambda: list(read.files())):
        with pytest.raises(Refusal) as refused:
            again()
        assert refused.value.code == "backup-damaged"
