"""Rotation: nobody notices, an interrupted one is taken up, and the old master key opens nothing afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from access.identifiers import PatientId
from access.refusal import Refusal
from records.keyring import Header, Store
from records.keys import KeyStore
from records.master import FileMaster
from records.opaque import random_id
from records.rotation import destroy_version, rotate, status

PEOPLE = [PatientId(random_id()) for _ in range(40)]


def filled(home: Path) -> KeyStore:
    keys = KeyStore.open(home)
    for person in PEOPLE:
        keys.create_patient_key(person)
    keys.destroy_patient_key(PEOPLE[0])
    return keys


def held(keys: KeyStore) -> dict[str, bytes]:
    return {person: keys.patient_key(person) for person in PEOPLE[1:]} | {"records": keys.service_key("records")}


def test_the_keys_stay_and_the_destroyed_stay_destroyed(tmp_path: Path) -> None:
    keys = filled(tmp_path / "home")
    before = held(keys)
    told = rotate(keys)
    assert (told.store, told.in_use.number, told.patient_keys, told.destroyed) == (2, 2, 39, 1)
    assert held(keys) == held(KeyStore.open(tmp_path / "home")) == before
    with pytest.raises(Refusal, match="effacé"):
        keys.patient_key(PEOPLE[0])
    assert {path.name for path in (tmp_path / "home" / "keys").iterdir()} == {
        "store.json",
        "keys-2.db",
        "lock",
        "rotation.lock",
    }


def test_the_old_master_key_opens_nothing_of_the_new_store(tmp_path: Path) -> None:
    home = tmp_path / "home"
    keys = filled(home)
    shutil.copytree(home, tmp_path / "stolen")
    old_store = keys.store()
    rotate(keys)
    destroy_version(keys, 1)
    # The new store under the old master key, as a thief who kept it would try.
    shutil.copytree(home / "keys", tmp_path / "new" / "keys")
    shutil.copy(tmp_path / "stolen" / "master.key", tmp_path / "new" / "master.key")
    with pytest.raises(Refusal) as refused:
        KeyStore.open(tmp_path / "new")
    assert refused.value.code == "master-key-wrong"
    old_header = Header.read(tmp_path / "stolen" / "keys")
    assert old_header is not None
    old_key = FileMaster(tmp_path / "stolen" / "master.key").unwrap(old_header.wrapped, old_header.place)
    with pytest.raises(Refusal) as refused:
        Store.open(home / "keys" / "keys-2.db", old_key)
    assert refused.value.code == "master-key-wrong"
    old = Store.open(tmp_path / "stolen" / "keys" / "keys-1.db", old_key)
    names = old.states()
    before, after = ({w for w in store.wrapped(names).values() if w} for store in (old, keys.store()))
    assert len(before) == len(after) == 40
    assert not before & after
    assert not old_store.path.exists()


def test_readers_writers_and_destroyers_go_on_through_five_rotations(tmp_path: Path) -> None:
    """Threads of this process and of another one; every key stays what it was, and what is made is never lost."""
    home = tmp_path / "home"
    stores = [filled(home), KeyStore.open(home)]
    before = held(stores[0])
    over, made, errors = threading.Event(), dict[str, bytes](), list[BaseException]()

    def watched(work: Callable[[KeyStore], None], store: KeyStore) -> None:
        try:
            while not over.is_set():
                work(store)
        except BaseException as error:
            errors.append(error)

    def read(store: KeyStore) -> None:
        assert held(store) == before

    def make(store: KeyStore) -> None:
        person = PatientId(random_id())
        store.create_patient_key(person)
        made[person] = store.patient_key(person)

    threads = [threading.Thread(target=watched, args=(work, store)) for work in (read, read, make) for store in stores]
    program = [
        "import sys; from pathlib import Path; from records.keys import KeyStore; from records.opaque import random_id",
        f"keys = KeyStore.open(Path({str(home)!r}))",
        "print('ready', flush=True)",
        "while sys.stdin.readline().strip() == 'go':",
        "    name = random_id()",
        "    keys.create_patient_key(name)",
        "    print(name, keys.patient_key(name).hex(), flush=True)",
    ]
    with subprocess.Popen(
        [sys.executable, "-c", "\n".join(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        for thread in threads:
            thread.start()
        for _ in range(5):
            other.stdin.write("go\n")
            other.stdin.flush()
            rotate(stores[0])
            name, key = other.stdout.readline().split()
            made[name] = bytes.fromhex(key)
        other.stdin.close()
    over.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(made) > 10
    assert status(stores[1]).in_use.number == 6
    again = KeyStore.open(home)
    assert {name: again.patient_key(PatientId(name)) for name in made} == made


INTERRUPTED = {
    "after the new version was made": "records.keyring.Store.open = stop",
    "half of the keys wrapped": "records.keyring.seal = counted(20); records.keyring._STEP = 10",
    "before the header": "records.keyring.Header.write = stop",
    "before the old database is gone": "records.rotation.shred = stop",
}


@pytest.mark.parametrize("where", INTERRUPTED)
def test_a_rotation_killed_anywhere_is_taken_up(tmp_path: Path, where: str) -> None:
    home = tmp_path / "home"
    keys = filled(home)
    before = held(keys)
    program = f"""
import os
from pathlib import Path
import records.keyring, records.rotation
from records.keys import KeyStore
keys = KeyStore.open(Path({str(home)!r}))
whole = records.keyring.seal
def stop(*_, **__):
    os._exit(9)
def counted(left):
    def seal(*given):
        nonlocal left
        left -= 1
        return whole(*given) if left else os._exit(9)
    return seal
{INTERRUPTED[where]}
records.rotation.rotate(keys)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    assert held(keys) == held(KeyStore.open(home)) == before
    swapped = where == "before the old database is gone"
    assert status(keys).pending is not swapped
    told = rotate(keys)
    assert told.in_use.number == (3 if swapped else 2)
    assert not told.pending
    assert held(keys) == held(KeyStore.open(home)) == before
    assert [path.name for path in (home / "keys").glob("keys-*")] == [f"keys-{told.store}.db"]


def test_two_rotations_at_once_are_one(tmp_path: Path) -> None:
    keys = filled(tmp_path / "home")
    from records.home import locked

    with locked(keys.folder / "rotation.lock"), pytest.raises(Refusal) as refused:
        rotate(keys)
    assert refused.value.code == "rotation-busy"


def test_records_without_their_keys_are_not_given_new_ones(tmp_path: Path) -> None:
    """A disk of keys that is not mounted must never look like a new home."""
    home = tmp_path / "home"
    KeyStore.open(home, folder=tmp_path / "apart").close()
    (home / "records.db").touch()
    with pytest.raises(Refusal) as refused:
        KeyStore.open(home, folder=tmp_path / "elsewhere")
    assert refused.value.code == "keys-missing"
    assert not (tmp_path / "elsewhere" / "store.json").exists()
    assert KeyStore.open(home, folder=tmp_path / "apart").service_key("records")
    assert not (home / "keys").exists()


def test_what_a_replaced_store_does_not_hold_is_asked_of_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that took the old store just before the swap, and asks for a key made just after."""
    keys, other = filled(tmp_path / "home"), KeyStore.open(tmp_path / "home")
    old, whole = keys.store(), KeyStore.store
    person = PatientId(random_id())
    with monkeypatch.context() as patch:
        patch.setattr("records.rotation.shred", lambda _: None)
        rotate(other)
    other.create_patient_key(person)
    late = [old]
    monkeypatch.setattr(KeyStore, "store", lambda self: late.pop() if late and self is keys else whole(self))
    assert keys.patient_key(person) == other.patient_key(person)
    assert late == []
