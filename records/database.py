"""Opening records and their transactions. Above this module nothing knows which database answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from access.identifiers import PatientId
from access.refusal import Refusal
from records import migrations
from records.chains import ALL, UNKNOWN, open_chain
from records.disk import Reserve
from records.errors import translated
from records.home import locked, make_private_directory
from records.keys import KeyStore, PatientKeys
from records.presence import Presence
from records.sqlcipher import BUSY_MS, abandon, copy_database, for_writing, make_engine
from records.tables import Document
from records.turns import leave, turn


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction of one thread. Keys read from the store are kept until it ends."""

    session: Session
    keys: KeyStore
    _patient_keys: dict[PatientId, PatientKeys] = field(default_factory=dict, repr=False)
    _service_keys: dict[str, bytes] = field(default_factory=dict, repr=False)

    def patient_keys(self, patient_id: PatientId) -> PatientKeys:
        """Subkeys of a patient; Refusal "key-destroyed" or "no-key"."""
        if patient_id not in self._patient_keys:
            self._patient_keys[patient_id] = self.keys.patient_keys(patient_id)
        return self._patient_keys[patient_id]

    def service_key(self, name: str) -> bytes:
        """The 32-byte key of a service."""
        if name not in self._service_keys:
            self._service_keys[name] = self.keys.service_key(name)
        return self._service_keys[name]


def _fill_types(tx: Tx) -> None:
    """Give documents of before migration 0006 their type in the clear, for the matrix; it was only in sealed words.

    One whose key is destroyed has no type any more, and is shown to nobody anyway.
    """
    from records.document_rows import open_words  # it needs Tx

    for row in tx.session.scalars(select(Document).where(Document.type_code.is_(None))):
        with suppress(Refusal):
            row.type_code = open_words(tx, row).type_code
    tx.session.flush()


class Records:
    """The records of one home. Safe for threads, for several processes, and across a fork."""

    def __init__(self, path: Path, keys: KeyStore, reserve: int = 0) -> None:
        self._path, self._keys = path, keys
        self._engine = make_engine(path, keys.service_key("records"))
        self._real = path.resolve()
        self.presence = Presence(path.parent / "presence")
        self.reserve = Reserve(path.parent / "reserve", reserve)
        self._pid = os.getpid()

    @classmethod
    def open(cls, url_or_path: str | Path, keys: KeyStore, *, migrate: bool = True, reserve: int = 0) -> Records:
        """Open the database file (its directory becomes 0700, it 0600), bringing its tables up to date when `migrate`.

        `reserve`: bytes of the disk kept for the journal and the like (`records/disk.py`).

        Refusals: "records-unavailable"; "records-too-new" when a later version of this product migrated it.
        """
        path = Path(url_or_path)
        make_private_directory(path.parent)
        with locked(path.with_name(path.name + ".lock")), translated():
            records = cls(path, keys, reserve)
            records.reserve.hold()
            records.reserve.spare()
            if migrate:
                migrations.upgrade(records._engine)
                with records.write() as tx:
                    for chain in (UNKNOWN, ALL):
                        open_chain(tx.session, tx.service_key("journal"), chain)
                    _fill_types(tx)
        return records

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A snapshot. Writing in it is an error."""
        with translated(), Session(self._alive(), autoflush=False) as session:
            yield Tx(session, self._keys)
            session.rollback()

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """The only writer, of all threads and processes, by turns; committed on a clean exit.

        Keep it short: no file, no network and no model inside. It does not nest.
        """
        engine = for_writing(self._alive())
        self.reserve.spare()
        with translated(), turn(self._real, BUSY_MS / 1000), Session(engine, autoflush=False) as session:
            yield Tx(session, self._keys)
            session.commit()

    def copy_to(self, path: Path) -> None:
        """Copy the database as of one moment into a new encrypted file under the same key, while others write."""
        with translated():
            copy_database(self._alive(), path, self._keys.service_key("records"))

    def healthy(self) -> None:
        """Raise Refusal (stage "records", code "records-unavailable") when records cannot answer now."""
        with self.read() as tx:
            tx.session.execute(text("SELECT count(*) FROM journal_heads")).scalar_one()
        self._keys.service_key("records")

    def damage(self) -> int:
        """How many problems the database finds in its own pages (their seals, their structure, their references)."""
        found = 0
        for check in ("cipher_integrity_check", "quick_check", "foreign_key_check"):
            try:
                with self.read() as tx:
                    rows = tx.session.execute(text(f"PRAGMA {check}")).all()
            except Refusal as refusal:
                if refusal.code != "records-damaged":
                    raise
                found += 1
            else:
                found += sum(tuple(row) != ("ok",) for row in rows)
        return found

    def close(self) -> None:
        """Close the connections that are not in use, and give up what this process holds."""
        self.presence.close()
        leave(self._real)
        if self._pid == os.getpid():
            self._engine.dispose()

    def _alive(self) -> Engine:
        if self._pid != os.getpid():
            abandon(self._engine)
            self._pid = os.getpid()
        return self._engine
