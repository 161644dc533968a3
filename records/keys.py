"""The keys: one master key in a file, and every other key wrapped by it in a store of its own.

    master key      32 bytes, a file of mode 0600 (64 hexadecimal digits); who holds it opens everything
    service keys    one a name ("records", "index", "journal", "lookup", "tokens"), made on first use
    patient keys    one a patient; columns, blobs and names use subkeys of it. Destroying it erases the patient:
                    what is sealed under it stays unreadable in every copy, save copies of the key store itself

The key store is an encrypted SQLite file without a write-ahead log and with deleted content overwritten, so that a
destroyed key does not stay behind in the file. It says nothing about blocks that a disk kept elsewhere.
Keys are read from the store at each transaction, never kept for long: a destruction by another process takes effect.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlcipher3.dbapi2
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

from access.identifiers import PatientId
from access.refusal import Refusal
from records.errors import translated
from records.home import locked, make_private_directory, master_key
from records.sealed import derive, seal, unseal
from records.sqlcipher import abandon, for_writing, make_engine

_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,40}")
_TABLE = "CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, wrapped BLOB, destroyed INTEGER NOT NULL DEFAULT 0)"


@dataclass(frozen=True, slots=True, repr=False)
class PatientKeys:
    """The subkeys of one patient."""

    columns: bytes
    blobs: bytes
    names: bytes  # HMAC key of blob names, content hashes and blind indexes


class KeyStore:
    """The keys of one home. Safe for threads, for several processes, and across a fork."""

    def __init__(self, path: Path, master: bytes) -> None:
        self._wrapping = derive(master, "anamnese/wrap/1")
        self._engine = make_engine(path, derive(master, "anamnese/keys.db/1"), journal_mode="DELETE")
        self._pid = os.getpid()

    @classmethod
    def open(cls, home: Path, master_key_file: Path | None = None) -> KeyStore:
        """Open the keys of `home`, making home (0700), master key and store when there are none.

        Refusals of stage "records": "master-key-missing" when keys exist and their master key does not, "keys-missing"
        when records exist and their keys do not (others in their place would open nothing, and hide the loss),
        "master-key-malformed", "master-key-wrong", "records-unavailable".
        """
        make_private_directory(home)
        store = home / "keys.db"
        with locked(home / "keys.lock"):
            if not store.exists() and (home / "records.db").exists():
                raise _keys_missing()
            master = master_key(master_key_file or home / "master.key", create=not store.exists())
            keys = cls(store, master)
            keys._prepare()
        return keys

    def close(self) -> None:
        """Close the store's connections."""
        self._engine.dispose()

    def service_key(self, name: str) -> bytes:
        """The 32-byte key of a service, made and stored on first use."""
        if not _SERVICE.fullmatch(name):
            raise ValueError("a service key is named in kebab-case")
        row = f"service/{name}"
        found = self._find(row)
        return self._create(row) if found is None else found

    def create_patient_key(self, patient_id: PatientId) -> None:
        """Make a patient's key when there is none. Refusal "key-destroyed" when it was destroyed."""
        if self._find(f"patient/{patient_id}") is None:
            self._create(f"patient/{patient_id}")

    def patient_key(self, patient_id: PatientId) -> bytes:
        """A patient's 32-byte data key. Refusal "key-destroyed" or "no-key"."""
        found = self._find(f"patient/{patient_id}")
        if found is None:
            raise Refusal(
                "records", "no-key", "Aucune clé n'existe pour ce dossier.", "Vérifiez l'identifiant du dossier."
            )
        return found

    def patient_keys(self, patient_id: PatientId) -> PatientKeys:
        """A patient's subkeys by purpose; refuses like `patient_key`."""
        key = self.patient_key(patient_id)
        return PatientKeys(*(derive(key, f"anamnese/patient/{use}/1") for use in ("columns", "blobs", "names")))

    def destroy_patient_key(self, patient_id: PatientId) -> None:
        """Erase a patient's key for good: their sealed columns and blobs no longer open, here or in any copy."""
        with self._writing() as connection:
            connection.execute(
                text(
                    "INSERT INTO keys (name, wrapped, destroyed) VALUES (:name, NULL, 1) "
                    "ON CONFLICT (name) DO UPDATE SET wrapped = NULL, destroyed = 1"
                ),
                {"name": f"patient/{patient_id}"},
            )

    def _find(self, name: str) -> bytes | None:
        with translated(), self._alive().connect() as connection:
            row = connection.execute(
                text("SELECT wrapped, destroyed FROM keys WHERE name = :name"), {"name": name}
            ).one_or_none()
        if row is None:
            return None
        if row.destroyed:
            raise Refusal(
                "records",
                "key-destroyed",
                "Ce dossier a été effacé.",
                "Rien ne peut être relu ; créez un autre dossier.",
            )
        return unseal(self._wrapping, row.wrapped, name)

    def _create(self, name: str) -> bytes:
        """Store a new key under `name`; when another process was first, its key wins."""
        fresh = seal(self._wrapping, secrets.token_bytes(32), name)
        with self._writing() as connection:
            connection.execute(
                text("INSERT INTO keys (name, wrapped) VALUES (:name, :wrapped) ON CONFLICT (name) DO NOTHING"),
                {"name": name, "wrapped": fresh},
            )
        found = self._find(name)
        if found is None:
            raise AssertionError("a key vanished between two statements")
        return found

    def _prepare(self) -> None:
        try:
            with for_writing(self._engine).begin() as connection:
                connection.execute(text(_TABLE))
        except (DatabaseError, sqlcipher3.dbapi2.DatabaseError):
            self._engine.dispose()
            raise Refusal(
                "records",
                "master-key-wrong",
                "La clé maîtresse n'ouvre pas le magasin de clés.",
                "Vérifiez ANAMNESE_MASTER_KEY_FILE, ou restaurez le magasin de clés et sa clé ensemble.",
            ) from None

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with translated(), for_writing(self._alive()).begin() as connection:
            yield connection

    def _alive(self) -> Engine:
        if self._pid != os.getpid():
            abandon(self._engine)
            self._pid = os.getpid()
        return self._engine


def _keys_missing() -> Refusal:
    return Refusal(
        "records",
        "keys-missing",
        "Le magasin de clés (keys.db) de ce dossier de données a disparu : rien ne peut être ouvert.",
        "Remettez-le depuis sa sauvegarde ; n'en créez pas d'autre, les données resteraient fermées.",
    )
