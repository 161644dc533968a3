"""All that is particular to SQLite with SQLCipher: opening a file, its pragmas, its transactions, its big sets.

What PostgreSQL will need has the same shape: an engine, `begins` for reading and writing, `among` for sets of ids.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlcipher3.dbapi2
from sqlalchemy import Engine, QueuePool, String, bindparam, create_engine, event, func, select
from sqlalchemy.engine import URL, Connection
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import ColumnElement

BUSY_MS = 30_000  # another process may be committing, checkpointing or migrating; a commit takes milliseconds
POOL = 8
OVERFLOW = 56  # with POOL, more than the 40 threads that a service may run; idle ones above POOL are closed
WRITE = "anamnese_write"
_ABANDONED: list[object] = []


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
        pool_timeout=BUSY_MS / 1000,
        connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000},
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


def for_writing(engine: Engine) -> Engine:
    """The same engine and pool, whose transactions take the write lock when they begin."""
    return engine.execution_options(**{WRITE: True})


def abandon(engine: Engine) -> None:
    """Forget, in a forked child, connections that its parent opened: SQLite forbids even to close them there."""
    _ABANDONED.append(engine.pool)
    engine.dispose(close=False)


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


def among(column: InstrumentedAttribute[Any] | ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """`column IN :name` with one variable, whatever the number of values: give `as_set(values)` when executing.

    SQLite takes 250,000 variables at most, and a Scope may exclude more; 70,000 cost 0.2 s.
    """
    array = func.json_each(bindparam(name, type_=String)).table_valued("value")
    return column.in_(select(array.c.value))


def as_set(values: Collection[str]) -> str:
    """The value of a variable of `among`. An empty set holds nothing."""
    return json.dumps(sorted(values))


def _create_private(path: Path) -> None:
    """Create the file with mode 0600; SQLite gives the same mode to its -wal and -shm."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
