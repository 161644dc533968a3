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
from records.chains import ALL, UNKNOWN, authentic, open_chain
from records.disk import Reserve
from records.engine import Database, abandon, for_writing
from records.errors import damaged, translated
from records.home import durable, locked, make_private_directory
from records.keys import KeyStore, PatientKeys
from records.postgres import PostgresServer, Server
from records.postgres import check as check_server
from records.presence import Presence
from records.sqlcipher import SqliteFile
from records.tables import Document
from records.transfer import copy_into_empty, copy_into_file

ELSEWHERE = "records.postgresql"
"""A file of a home whose records are on a server: without the setting it must not look like an empty one."""


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
    """Give documents of before migration 0005 their type in the clear, for the matrix; it was only in sealed words.

    One whose key is destroyed has no type any more, and is shown to nobody anyway.
    """
    from records.document_rows import open_words  # it needs Tx

    for row in tx.session.scalars(select(Document).where(Document.type_code.is_(None))):
        with suppress(Refusal):
            row.type_code = open_words(tx, row).type_code
    tx.session.flush()


class Records:
    """The records of one home. Safe for threads, for several processes, and across a fork."""

    def __init__(self, database: Database, keys: KeyStore, home: Path, reserve: int = 0) -> None:
        self._database, self._keys = database, keys
        self.presence = Presence(home / "presence")
        self.reserve = Reserve(home / "reserve", reserve)
        self._pid = os.getpid()

    @classmethod
    def open(cls, path: Path, keys: KeyStore, *, server: Server | None = None, reserve: int = 0) -> Records:
        """Open the file `path` (its directory becomes 0700, it 0600), or the database of `server`, and bring the tables
        up to date. Beside `path` stand the locks, and the presence of the processes, in both cases.

        `reserve`: bytes of the disk kept for the journal and the like (`records/disk.py`).

        Refusals: "records-unavailable"; "records-damaged" when they are those of other keys; "records-too-new" when a
        later version of this product migrated them; "records-elsewhere" when this home keeps them in the other place.
        """
        make_private_directory(path.parent)
        with locked(path.with_name(path.name + ".lock")), translated():
            _settle_place(path, server)
            database: Database = (
                SqliteFile(path, keys.service_key("records")) if server is None else PostgresServer(server)
            )
            records = cls(database, keys, path.parent, reserve)
            try:
                records._prepare(server is not None)
            except BaseException:
                records.close()
                raise
        return records

    def _prepare(self, on_server: bool) -> None:
        self.reserve.hold()
        self.reserve.spare()
        if on_server:
            with self._engine.connect() as connection:
                check_server(connection)
        migrations.upgrade(self._engine)
        with self.write() as tx:
            key = tx.service_key("journal")
            if on_server and not any(authentic(tx.session, key, chain) for chain in (UNKNOWN, ALL)):
                raise damaged()  # a file under another key does not even open
            for chain in (UNKNOWN, ALL):
                open_chain(tx.session, key, chain)
            _fill_types(tx)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A snapshot. Writing in it is an error."""
        with translated(), Session(self._engine, autoflush=False) as session:
            yield Tx(session, self._keys)
            session.rollback()

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """The only writer, of all threads and processes, by turns; committed on a clean exit.

        Keep it short: no file, no network and no model inside. It does not nest.
        """
        engine = for_writing(self._engine)
        self.reserve.spare()
        with translated(), self._database.turn(), Session(engine, autoflush=False) as session:
            yield Tx(session, self._keys)
            session.commit()

    def copy_to(self, path: Path) -> None:
        """Copy the records as of one moment into a new encrypted file under the same key, while others write."""
        with translated():
            copy_into_file(self._engine, path, self._keys.service_key("records"))

    def healthy(self) -> None:
        """Raise Refusal (stage "records", code "records-unavailable") when records cannot answer now."""
        with self.read() as tx:
            tx.session.execute(text("SELECT count(*) FROM journal_heads")).scalar_one()
        self._keys.service_key("records")

    def damage(self) -> int:
        """How many problems the database finds in its own pages (their seals, their structure, their references)."""
        try:
            with self.read() as tx:
                return self._database.problems(tx.session)
        except Refusal as refusal:
            if refusal.code != "records-damaged":
                raise
            return 1

    def close(self) -> None:
        """Close the connections that are not in use, and give up what this process holds."""
        self.presence.close()
        self._database.leave()
        if self._pid == os.getpid():
            self._database.engine.dispose()

    @property
    def _engine(self) -> Engine:
        """The engine, its connections those of this process."""
        if self._pid != os.getpid():
            abandon(self._database.engine)
            self._pid = os.getpid()
        return self._database.engine


def fill_server(path: Path, key: bytes, server: Server) -> None:
    """Copy the closed records file `path` into the empty database of `server`, and mark its home as that one's."""
    file, database = SqliteFile(path, key), PostgresServer(server)
    with translated():
        try:
            with database.engine.connect() as connection:
                check_server(connection)
            migrations.upgrade(database.engine)
            copy_into_empty(file.engine, database.engine)
        finally:
            file.engine.dispose()
            database.engine.dispose()
    durable(path.with_name(ELSEWHERE), b"")


def _settle_place(path: Path, server: Server | None) -> None:
    """Refuse a home whose records are in the other place, where they would seem to be gone; mark this one's."""
    mark = path.with_name(ELSEWHERE)
    if path.exists() if server is not None else mark.exists():
        raise Refusal(
            "records",
            "records-elsewhere",
            "Les dossiers de ce dossier de données sont " + ("dans records.db." if server else "sur PostgreSQL."),
            "Pour les déplacer : « anamnese backup », puis « anamnese restore » vers un dossier neuf, avec ou sans "
            "ANAMNESE_RECORDS_URL. Sinon, remettez ce réglage comme il était.",
        )
    if server is not None and not mark.exists():
        durable(mark, b"")
