"""The files of a key store, and which of them is in force.

    store.json       names the database in force, and holds its store key wrapped by the master key
    keys-<n>.db      the wrapped keys: an SQLCipher file under the store key, which wraps each key in it too
    erased.jsonl     the erasure ledger (records/ledger.py)
    lock             held by whoever writes

Nothing but the store key is under the master key. A rotation makes a new store key and a new database beside the old
one, then replaces store.json: until then the old serves, from then on the new. So an old copy of the master key opens
only old copies of store.json.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import sqlcipher3.dbapi2
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from access.refusal import Refusal
from records.engine import for_writing
from records.home import replace_durably
from records.master import MasterKey, MasterVersion, Wrapped, wrong
from records.sealed import derive, seal, unseal
from records.sqlcipher import make_engine

HEADER = "store.json"
FORMAT = 2  # 1: one keys.db in the home, directly under the master key
_TABLE = "CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, wrapped BLOB, destroyed INTEGER NOT NULL DEFAULT 0)"
_PUT = text("INSERT OR REPLACE INTO keys (name, wrapped, destroyed) VALUES (:name, :wrapped, :destroyed)")
_STEP = 5000


@dataclass(frozen=True, slots=True)
class Header:
    """What store.json says."""

    number: int
    wrapped: Wrapped

    @property
    def file_name(self) -> str:
        return f"keys-{self.number}.db"

    @property
    def place(self) -> str:
        return f"anamnese/store/{self.number}"

    @classmethod
    def read(cls, folder: Path) -> Header | None:
        """The header in force; None when there is none. Refusal "keys-damaged" when it is not one of ours."""
        try:
            value = json.loads((folder / HEADER).read_bytes())
            if value["format"] != FORMAT:
                raise _damaged()
            by = MasterVersion(str(value["provider"]), str(value["key_id"]), int(value["version"]))
            return cls(int(value["store"]), Wrapped(by, base64.b64decode(value["wrapped"], validate=True)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise _damaged() from None

    def write(self, folder: Path) -> None:
        """Put this header in force, durably, in one step."""
        by = self.wrapped.by
        value = {
            "format": FORMAT,
            "store": self.number,
            "provider": by.provider,
            "key_id": by.key_id,
            "version": by.number,
            "wrapped": base64.b64encode(self.wrapped.ciphertext).decode("ascii"),
        }
        replace_durably(folder / HEADER, json.dumps(value, indent=1).encode("ascii") + b"\n")


@dataclass(frozen=True, slots=True)
class Store:
    """One database of keys, open."""

    path: Path
    engine: Engine
    wrapping: bytes = field(repr=False)

    @classmethod
    def open(cls, path: Path, key: bytes, *, create: bool = False) -> Store:
        """The database at `path` under a store key (or, of format 1, under the master key itself)."""
        engine = make_engine(path, derive(key, "anamnese/keys.db/1"), journal_mode="DELETE", create=create)
        try:
            if create:
                with for_writing(engine).begin() as connection:
                    connection.execute(text(_TABLE))
            with engine.connect() as connection:
                connection.execute(text("SELECT count(*) FROM keys WHERE name = ''"))
        except (DatabaseError, sqlcipher3.dbapi2.DatabaseError):
            engine.dispose()
            raise wrong() from None
        return cls(path, engine, derive(key, "anamnese/wrap/1"))

    def states(self) -> dict[str, bool]:
        """Every key by name, and whether it was destroyed."""
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT name, wrapped IS NULL FROM keys ORDER BY name"))
            return {str(name): bool(destroyed) for name, destroyed in rows}

    def wrapped(self, names: Collection[str]) -> dict[str, bytes | None]:
        """These keys as this store wrapped them; None for a destroyed one."""
        statement = text("SELECT name, wrapped FROM keys WHERE name IN (SELECT value FROM json_each(:names))")
        with self.engine.connect() as connection:
            return {
                str(name): wrapped
                for name, wrapped in connection.execute(statement, {"names": json.dumps(sorted(names))})
            }

    def follow(self, other: Store) -> int:
        """Hold what `other` holds, each key wrapped again by this store's key. Returns how many were not level.

        Keys never change and are only ever destroyed, so a second pass brings what came in during the first.
        """
        held = self.states()
        behind = [name for name, destroyed in other.states().items() if held.get(name) is not destroyed]
        for start in range(0, len(behind), _STEP):
            rows = [
                {"name": name, "wrapped": again, "destroyed": again is None}
                for name, wrapped in other.wrapped(behind[start : start + _STEP]).items()
                for again in (wrapped and seal(self.wrapping, unseal(other.wrapping, wrapped, name), name),)
            ]
            with for_writing(self.engine).begin() as connection:
                connection.execute(_PUT, rows)
        return len(behind)


def make_store(
    folder: Path, number: int, master: MasterKey, *, newer_than: MasterVersion | None
) -> tuple[Header, Store]:
    """A new database under a new store key; not in force before its header is written.

    With `newer_than`, the wrapping version is another one than that: the newest there is, or one made for this.
    """
    key = secrets.token_bytes(32)
    place = f"anamnese/store/{number}"
    wrapped = master.wrap(key, place)
    if wrapped.by == newer_than:
        master.renew()
        wrapped = master.wrap(key, place)
    if master.unwrap(wrapped, place) != key:
        raise wrong()
    header = Header(number, wrapped)
    path = folder / header.file_name
    for leftover in (path, path.with_name(path.name + "-journal")):
        leftover.unlink(missing_ok=True)
    return header, Store.open(path, key, create=True)


def _damaged() -> Refusal:
    return Refusal(
        "records",
        "keys-damaged",
        "Le magasin de clés est abîmé ou d'une version inconnue.",
        "Restaurez le dossier des clés depuis sa sauvegarde.",
    )
