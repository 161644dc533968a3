"""Records in a file: SQLite with SQLCipher, its pragmas, its transactions, its turns, its copies."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlcipher3.dbapi2
from sqlalchemy import Engine, QueuePool, create_engine, event, text
from sqlalchemy.engine import URL, Connection
from sqlalchemy.orm import Session

from records import turns
from records.engine import BUSY_SECONDS, OVERFLOW, POOL, WRITE
from records.statements import among as among
from records.statements import as_set as as_set

BUSY_MS = int(1000 * BUSY_SECONDS)


class SqliteFile:
    """One encrypted file. See `engine.Database`."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.engine = make_engine(path, key)
        self._real = path.resolve()

    def turn(self) -> AbstractContextManager[None]:
        return turns.turn(self._real, BUSY_SECONDS)

    def problems(self, session: Session) -> int:
        """The pages' seals, their structure, the references between rows."""
        found = 0
        for check in ("cipher_integrity_check", "quick_check", "foreign_key_check"):
            found += sum(tuple(row) != ("ok",) for row in session.execute(text(f"PRAGMA {check}")).all())
        return found

    def leave(self) -> None:
        turns.leave(self._real)


def make_engine(path: Path, key: bytes, *, journal_mode: str = "WAL", create: bool = True) -> Engine:
    """An engine on the encrypted file `path`, created 0600 when absent if `create`. `key`: 32 raw bytes, no derivation.

    Connections are opened by whoever uses the engine first, so create it after a fork.
    """
    if len(key) != 32:
        raise ValueError("a database key has 32 bytes")
    if create:
        _create_private(path)
    url = URL.create(
        "sqlite+pysqlcipher",
        password=f"x'{key.hex()}'",
        database=f"file:{quote(str(path))}",
        query={"mode": "rw", "uri": "true"},
    )
    engine = create_engine(
        url,
        module=sqlcipher3.dbapi2,
        poolclass=QueuePool,
        pool_size=POOL,
        max_overflow=OVERFLOW,
        pool_timeout=BUSY_SECONDS,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
        cursor = connection.cursor()
        for pragma in (
            "cipher_log_level = NONE",  # a wrong key is a Refusal of ours, not lines on stderr
            f"busy_timeout = {BUSY_MS}",
            "temp_store = MEMORY",
            f"journal_mode = {journal_mode}",
            "synchronous = FULL",
            "secure_delete = ON",
            "foreign_keys = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}").fetchall()
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred transaction that turns into a writer forks a hash chain (measured: 42 times in 1,000 appends).
        writes = bool(connection.get_execution_options().get(WRITE))
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")

    return engine


def copy_database(engine: Engine, path: Path, key: bytes) -> None:
    """SQLite's online backup in one step, from one snapshot, into a new file of mode 0600 without a write-ahead log.

    Writers go on; the source's log grows until the copy is done. A page that does not authenticate stops it.
    """
    _create_private(path)
    source = engine.raw_connection()
    target = sqlcipher3.dbapi2.connect(str(path), isolation_level=None)
    try:
        target.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        source.driver_connection.backup(target)  # type: ignore[union-attr]
        target.execute("PRAGMA journal_mode = DELETE").fetchall()
    finally:
        target.close()
        source.close()


def _create_private(path: Path) -> None:
    """Create the file with mode 0600; SQLite gives the same mode to its -wal and -shm."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
