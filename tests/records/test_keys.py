"""Keys: made once, wrapped, private, bound to their names, and erased for good."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlcipher3.dbapi2
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from access.identifiers import PatientId
from access.refusal import Refusal
from records.keyring import Header
from records.keys import KeyStore
from records.master import FileMaster
from records.sealed import derive

FILES = {"store.json", "keys-1.db", "lock"}
ONE, TWO = PatientId("a" * 26), PatientId("b" * 26)


def code_of(error: pytest.ExceptionInfo[Refusal]) -> str:
    return error.value.code


def test_keys_are_made_once_and_found_again(tmp_path: Path) -> None:
    first = KeyStore.open(tmp_path / "home")
    journal = first.service_key("journal")
    first.create_patient_key(ONE)
    first.create_patient_key(ONE)
    first.create_patient_key(TWO)
    again = KeyStore.open(tmp_path / "home")
    assert again.service_key("journal") == journal
    assert again.patient_key(ONE) == first.patient_key(ONE)
    subkeys = again.patient_keys(ONE)
    every = {journal, first.service_key("index"), first.patient_key(ONE), first.patient_key(TWO)}
    every |= {subkeys.columns, subkeys.blobs, subkeys.names}
    assert len(every) == 7
    assert {len(key) for key in every} == {32}
    assert repr(subkeys.columns) not in repr(subkeys)


def test_home_and_files_are_private(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    KeyStore.open(home).service_key("records")
    assert home.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()} == {"keys": 0o700, "master.key": 0o600}
    assert {path.name: path.stat().st_mode & 0o777 for path in (home / "keys").iterdir()} == dict.fromkeys(FILES, 0o600)


def test_a_destroyed_key_is_gone_at_once_for_every_process_and_leaves_no_copy(tmp_path: Path) -> None:
    home = tmp_path / "home"
    keys, elsewhere = KeyStore.open(home), KeyStore.open(home)
    keys.create_patient_key(ONE)
    keys.create_patient_key(TWO)
    assert elsewhere.patient_key(ONE)
    wrapped = dict(rows(home))[f"patient/{ONE}"]
    assert wrapped is not None
    assert wrapped in plain_pages(home)
    keys.destroy_patient_key(ONE)
    for store in (keys, elsewhere, KeyStore.open(home)):
        for call in (store.patient_key, store.create_patient_key, store.patient_keys):
            with pytest.raises(Refusal) as refused:
                call(ONE)
            assert code_of(refused) == "key-destroyed"
        assert store.patient_key(TWO)
    assert dict(rows(home))[f"patient/{ONE}"] is None
    assert dict(rows(home))[f"patient/{TWO}"] in plain_pages(home)
    assert wrapped[:16] not in plain_pages(home)
    assert wrapped[-16:] not in plain_pages(home)
    assert {path.name for path in (home / "keys").iterdir()} == FILES


def rows(home: Path) -> list[tuple[str, bytes | None]]:
    with raw(home) as connection:
        return connection.execute("SELECT name, wrapped FROM keys").fetchall()  # type: ignore[no-any-return]


def store_key(home: Path) -> bytes:
    """The key under which the store's file is, by the master key's own way."""
    header = Header.read(home / "keys")
    assert header is not None
    return derive(FileMaster(home / "master.key").unwrap(header.wrapped, header.place), "anamnese/keys.db/1")


def plain_pages(home: Path) -> bytes:
    """The store's file decrypted page by page (SQLCipher 4: AES-256-CBC, its IV in the 80 bytes that end a page)."""
    data, plain = (home / "keys" / "keys-1.db").read_bytes(), b""
    for page in range(0, len(data), 4096):
        body, iv = data[page + (16 if page == 0 else 0) : page + 4016], data[page + 4016 : page + 4032]
        plain += Cipher(AES(store_key(home)), CBC(iv)).decryptor().update(body)
    return plain


def raw(home: Path) -> sqlcipher3.dbapi2.Connection:
    connection = sqlcipher3.dbapi2.connect(str(home / "keys" / "keys-1.db"), isolation_level=None)
    connection.execute(f"PRAGMA key = \"x'{store_key(home).hex()}'\"")
    return connection


def test_a_wrapped_key_moved_to_another_name_does_not_open(tmp_path: Path) -> None:
    keys = KeyStore.open(tmp_path / "home")
    keys.create_patient_key(ONE)
    keys.create_patient_key(TWO)
    with raw(tmp_path / "home") as connection:
        connection.execute(
            "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE name = ?) WHERE name = ?",
            (f"patient/{TWO}", f"patient/{ONE}"),
        )
    with pytest.raises(Refusal) as refused:
        keys.patient_key(ONE)
    assert code_of(refused) == "seal-broken"


def test_nobody_has_no_key(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        KeyStore.open(tmp_path / "home").patient_key(ONE)
    assert code_of(refused) == "no-key"


def test_another_or_no_master_key_opens_nothing_and_harms_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    key = KeyStore.open(home).service_key("records")
    kept = (home / "master.key").read_text()
    for content, code in (
        ("00" * 32, "master-key-wrong"),
        ("not a key", "master-key-malformed"),
        (None, "master-key-missing"),
    ):
        if content is None:
            (home / "master.key").unlink()
        else:
            (home / "master.key").write_text(content)
        with pytest.raises(Refusal) as refused:
            KeyStore.open(home)
        assert code_of(refused) == code
    (home / "master.key").write_text(kept)
    assert KeyStore.open(home).service_key("records") == key


def test_a_master_key_elsewhere_may_be_raw_bytes(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(bytes(range(32)))
    key = KeyStore.open(tmp_path / "home", file).service_key("records")
    file.write_text(bytes(range(32)).hex() + "\n")
    assert KeyStore.open(tmp_path / "home", file).service_key("records") == key
    assert not (tmp_path / "home" / "master.key").exists()


def test_threads_that_ask_first_at_once_get_one_key(tmp_path: Path) -> None:
    stores = [KeyStore.open(tmp_path / "home") for _ in range(2)]
    found: list[bytes] = []
    gate = threading.Barrier(12)

    def ask(store: KeyStore) -> None:
        gate.wait()
        found.append(store.service_key("index"))

    threads = [threading.Thread(target=ask, args=(stores[n % 2],)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert len(set(found)) == 1
