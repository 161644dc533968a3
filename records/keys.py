"""The keys: every key of a home wrapped in a store of its own, and the store's key wrapped by the master key.

    master key      outside: a file, or a key-management service (records/master.py); who holds it opens everything
    store key       wraps the others; a new one at each rotation (records/keyring.py, records/rotation.py)
    service keys    one a name ("records", "index", "journal", "lookup", "tokens"), made on first use
    patient keys    one a patient; columns, blobs and names use subkeys of it. Destroying it erases the patient:
                    what is sealed under it stays unreadable in every copy, save copies of the key store itself

The key store may stand on another disk than the data. It is an encrypted SQLite file without a write-ahead log and
with deleted content overwritten, so that a destroyed key does not stay behind in the file. It says nothing about
blocks that a disk kept elsewhere. Keys are read from the store at each transaction, never kept for long: a destruction
or a rotation by another process takes effect.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlcipher3.dbapi2
from sqlalchemy import Connection, exc, text

from access.identifiers import PatientId
from access.refusal import Refusal
from records.engine import abandon, for_writing
from records.errors import translated
from records.home import locked, make_private_directory, shred
from records.keyring import HEADER, Header, Store, make_store
from records.master import FileMaster, MasterKey, missing
from records.sealed import derive, seal, unseal

LOCK = "lock"
PATIENT = "patient/"
_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,40}")
_LEGACY = "keys.db"  # of format 1, in the home


@dataclass(frozen=True, slots=True, repr=False)
class PatientKeys:
    """The subkeys of one patient."""

    columns: bytes
    blobs: bytes
    names: bytes  # HMAC key of blob names, content hashes and blind indexes


class KeyStore:
    """The keys of one home. Safe for threads, for several processes, and across a fork."""

    def __init__(self, folder: Path, master: MasterKey) -> None:
        self.folder, self.master = folder, master
        self._loading = threading.Lock()
        self._current: tuple[tuple[int, int], Store] | None = None
        self._pid = os.getpid()

    @classmethod
    def open(cls, home: Path, master: MasterKey | Path | None = None, folder: Path | None = None) -> KeyStore:
        """Open the keys of `home`, making home (0700), master key and store when there are none.

        `master` is a port or the path of its file (home/master.key by default), `folder` where the wrapped keys stand
        (home/keys by default). Refusals of stage "records": "keys-missing" when there are records and no keys,
        "master-key-missing" when keys exist and their master key does not, "-malformed", "-wrong",
        "records-unavailable".
        """
        make_private_directory(home)
        folder = folder or home / "keys"
        make_private_directory(folder)
        port = FileMaster(master or home / "master.key") if master is None or isinstance(master, Path) else master
        keys = cls(folder, port)
        with locked(folder / LOCK):
            if Header.read(folder) is None:
                keys._begin(home)
        keys.service_key("records")
        return keys

    @property
    def ledger(self) -> Path:
        """Where the erasure ledger stands unless a setting says otherwise."""
        return self.folder / "erased.jsonl"

    def close(self) -> None:
        """Close the store's connections."""
        with self._loading:
            current, self._current = self._current, None
        if current is not None and self._pid == os.getpid():
            current[1].engine.dispose()

    def service_key(self, name: str) -> bytes:
        """The 32-byte key of a service, made and stored on first use."""
        if not _SERVICE.fullmatch(name):
            raise ValueError("a service key is named in kebab-case")
        row = f"service/{name}"
        found = self._find(row)
        return self._create(row) if found is None else found

    def create_patient_key(self, patient_id: PatientId) -> None:
        """Make a patient's key when there is none. Refusal "key-destroyed" when it was destroyed."""
        if self._find(PATIENT + patient_id) is None:
            self._create(PATIENT + patient_id)

    def patient_key(self, patient_id: PatientId) -> bytes:
        """A patient's 32-byte data key. Refusal "key-destroyed" or "no-key"."""
        found = self._find(PATIENT + patient_id)
        if found is None:
            raise Refusal(
                "records", "no-key", "Aucune clé n'existe pour ce dossier.", "Vérifiez l'identifiant du dossier."
            )
        return found

    def patient_keys(self, patient_id: PatientId) -> PatientKeys:
        """A patient's subkeys by purpose; refuses like `patient_key`."""
        key = self.patient_key(patient_id)
        return PatientKeys(*(derive(key, f"anamnese/patient/{use}/1") for use in ("columns", "blobs", "names")))

    def has_patient_key(self, patient_id: PatientId) -> bool:
        """Whether a patient's key exists and was not destroyed."""
        with translated():
            _, row = self._row(PATIENT + patient_id)
        return row is not None and not row[1]

    def was_destroyed(self, patient_id: PatientId) -> bool:
        """Whether a patient's key was destroyed. One look at the store, whoever it is."""
        with translated():
            _, row = self._row(PATIENT + patient_id)
        return row is not None and row[1]

    def words_key(self, service: bytes, patient_id: str) -> bytes | None:
        """A key that takes both a service's key and this patient's; None for nobody, and for an erased patient.

        The same look at the store for everybody: whether a patient exists does not show in what is read.
        """
        with translated():
            store, row = self._row(PATIENT + patient_id)
        if row is None or row[1]:
            return None
        return derive(service, "anamnese/journal/words/2", unseal(store.wrapping, row[0], PATIENT + patient_id))

    def destroy_patient_key(self, patient_id: PatientId) -> None:
        """Erase a patient's key for good: their sealed columns and blobs no longer open, here or in any copy."""
        with self._writing() as (connection, _):
            connection.execute(
                text(
                    "INSERT INTO keys (name, wrapped, destroyed) VALUES (:name, NULL, 1) "
                    "ON CONFLICT (name) DO UPDATE SET wrapped = NULL, destroyed = 1"
                ),
                {"name": PATIENT + patient_id},
            )

    def store(self) -> Store:
        """The database in force now."""
        if self._pid != os.getpid():
            if self._current is not None:
                abandon(self._current[1].engine)
            self._current, self._loading, self._pid = None, threading.Lock(), os.getpid()
        seen, current = self._seen(), self._current
        if current is not None and current[0] == seen:
            return current[1]
        with self._loading:
            return self._load()

    def _load(self) -> Store:
        """Open what the header names; again when it was replaced meanwhile, since its database is then gone."""
        while True:
            seen = self._seen()
            if self._current is not None and self._current[0] == seen:
                return self._current[1]
            try:
                store = self._opened()
            except Refusal:
                if seen == self._seen():
                    raise
                continue
            if self._current is not None:
                self._current[1].engine.dispose()
            self._current = (seen, store)

    def _opened(self) -> Store:
        header = Header.read(self.folder)
        if header is None or not (self.folder / header.file_name).exists():
            raise _keys_missing()
        return Store.open(self.folder / header.file_name, self.master.unwrap(header.wrapped, header.place))

    def _seen(self) -> tuple[int, int]:
        """What tells one header from the next: it is always another file."""
        try:
            told = (self.folder / HEADER).stat()
        except OSError:
            raise _keys_missing() from None
        return told.st_ino, told.st_mtime_ns

    def _find(self, name: str) -> bytes | None:
        with translated():
            store, row = self._row(name)
        if row is None:
            return None
        wrapped, destroyed = row
        if destroyed:
            raise Refusal(
                "records",
                "key-destroyed",
                "Ce dossier a été effacé.",
                "Rien ne peut être relu ; créez un autre dossier.",
            )
        return unseal(store.wrapping, wrapped, name)

    def _row(self, name: str) -> tuple[Store, tuple[bytes, bool] | None]:
        """A row of the database in force. What a replaced one does not hold, or no longer opens, is asked again."""
        while True:
            store = self.store()
            try:
                with store.engine.connect() as connection:
                    row = connection.execute(
                        text("SELECT wrapped, destroyed FROM keys WHERE name = :name"), {"name": name}
                    ).one_or_none()
            except (exc.DatabaseError, sqlcipher3.dbapi2.DatabaseError):
                if store is self.store():
                    raise
                continue
            if row is not None:
                return store, (row.wrapped, bool(row.destroyed))
            if store is self.store():
                return store, None

    def _create(self, name: str) -> bytes:
        """Store a new key under `name`; when another process was first, its key wins."""
        with self._writing() as (connection, store):
            fresh = seal(store.wrapping, secrets.token_bytes(32), name)
            connection.execute(
                text("INSERT INTO keys (name, wrapped) VALUES (:name, :wrapped) ON CONFLICT (name) DO NOTHING"),
                {"name": name, "wrapped": fresh},
            )
        found = self._find(name)
        if found is None:
            raise AssertionError("a key vanished between two statements")
        return found

    def _begin(self, home: Path) -> None:
        """The first store of a home, or the second format of one of format 1."""
        legacy = home / _LEGACY
        if not legacy.exists() and (home / "records.db").exists():
            raise _keys_missing()
        if isinstance(self.master, FileMaster) and not self.master.exists():
            if legacy.exists():
                raise missing()
            self.master.create()
        old = None
        if legacy.exists():
            if not isinstance(self.master, FileMaster):
                raise _old_format()
            old = Store.open(legacy, self.master.legacy())
        header, store = make_store(self.folder, 1, self.master, newer_than=None)
        if old is not None:
            store.follow(old)
            old.engine.dispose()
        store.engine.dispose()
        header.write(self.folder)
        shred(legacy)

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, Store]]:
        with locked(self.folder / LOCK), translated():
            store = self.store()
            with for_writing(store.engine).begin() as connection:
                yield connection, store


def _old_format() -> Refusal:
    return Refusal(
        "records",
        "keys-old-format",
        "Ces clés datent d'une version antérieure et sont sous une clé maîtresse en fichier.",
        "Ouvrez-les une fois sans ANAMNESE_KMS_URL, puis passez au service de clés par « anamnese keys rotate ».",
    )


def _keys_missing() -> Refusal:
    return Refusal(
        "records",
        "keys-missing",
        "Le magasin de clés de ces données est introuvable : rien ne peut être ouvert.",
        "Montez le disque des clés, indiquez son dossier par ANAMNESE_KEYS_DIR, ou remettez sa sauvegarde.",
    )
