"""Records on a PostgreSQL server: several machines' processes share them. What lies on its disk in clear: see
docs/security-at-rest.md; only sealed columns are encrypted there.

Reading transactions are snapshots (REPEATABLE READ, read-only). A writing one first takes a lock of the whole database,
held until its commit is visible, so writers follow each other as they do on SQLite: the journal is one chain over
everybody, an outbox number is visible before any later one is given, and what a writer checked holds when it writes.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, QueuePool, create_engine, event, text
from sqlalchemy.engine import URL, Connection, ExecutionContext, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from access.refusal import Refusal
from records.engine import BUSY_SECONDS, OVERFLOW, POOL, WRITE
from records.statements import PREPARED

_WRITER = 0x616E616D6E657365  # "anamnese": the number of the writers' lock in this database
_CONNECT_SECONDS = 10
_SESSION = {
    "timezone": "UTC",
    "lock_timeout": f"{BUSY_SECONDS:.0f}s",
    # A writer that was cut off from the network keeps the lock until its server notices.
    "idle_in_transaction_session_timeout": f"{BUSY_SECONDS:.0f}s",
}
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


@dataclass(frozen=True, slots=True)
class Server:
    """Where the records are. `password_file` is read at each connection, so that a new password needs no restart."""

    url: str
    password_file: Path | None = None

    def address(self) -> URL:
        """The address for the driver. Refusal "bad-records-url" when it is none, names no database or holds a password
        (it would show in the list of processes and in logs)."""
        try:
            url = make_url(self.url)
        except ArgumentError:
            raise _bad_url("ce n'est pas une adresse") from None
        if url.drivername not in {"postgresql", "postgres"}:
            raise _bad_url("elle ne commence pas par postgresql://")
        if not url.database:
            raise _bad_url("elle ne nomme aucune base")
        if url.password is not None:
            raise _bad_url("elle contient un mot de passe")
        return url.set(drivername="postgresql+psycopg")


class PostgresServer:
    """One database of a server. See `engine.Database`."""

    def __init__(self, server: Server) -> None:
        self.engine = _make_engine(server)
        self._writing = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The transaction itself takes the lock; here only a write inside a write is noticed."""
        if getattr(self._writing, "process", 0) == os.getpid():
            raise RuntimeError("a write inside a write would wait for itself")
        self._writing.process = os.getpid()
        try:
            yield
        finally:
            self._writing.process = 0

    def problems(self, session: Session) -> int:
        """Pages whose checksum failed since the server's statistics were reset; 0 where it computes none."""
        failures = "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()"
        return int(session.execute(text(failures)).scalar_one())

    def leave(self) -> None:
        """Nothing is held beside the connections."""


def check(connection: Connection) -> None:
    """Refusal "records-not-durable" or "records-not-utf8": a server that would lose or alter what it acknowledges."""
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if connection.execute(text(f"SHOW {setting}")).scalar_one() == "off":
            raise Refusal(
                "records",
                "records-not-durable",
                f"Ce serveur PostgreSQL peut perdre ce qu'il a confirmé ({setting} = off).",
                f"Remettez {setting} à « on » dans sa configuration.",
            )
    if connection.execute(text("SHOW server_encoding")).scalar_one() != "UTF8":
        raise Refusal(
            "records",
            "records-not-utf8",
            "Cette base PostgreSQL n'est pas en UTF-8.",
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'.",
        )


def _make_engine(server: Server) -> Engine:
    url = server.address()
    given = url.query.get("options", "")
    options = [given if isinstance(given, str) else " ".join(given)]
    options += [f"-c {name}={value}" for name, value in _SESSION.items()]
    engine = create_engine(
        url.difference_update_query(["options"]),
        poolclass=QueuePool,
        pool_size=POOL,
        max_overflow=OVERFLOW,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,  # a restarted server has closed the connections of the pool
        use_native_hstore=False,
        connect_args={
            "options": " ".join(options).strip(),
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "anamnese",
            "prepare_threshold": sys.maxsize,  # what is prepared says so
            **_KEEPALIVE,
        },
        hide_parameters=True,
    )

    @event.listens_for(engine, "do_execute")
    def _prepared(cursor: psycopg.Cursor[Any], statement: str, parameters: Any, context: ExecutionContext) -> bool:
        if not context.execution_options.get(PREPARED):
            return False
        cursor.execute(statement, parameters, prepare=True)
        return True

    @event.listens_for(engine, "do_connect")
    def _password(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
        if server.password_file is not None:
            parameters["password"] = _read(server.password_file)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = bool(connection.get_execution_options().get(WRITE))
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        level = psycopg.IsolationLevel
        driver.read_only = not writes
        driver.isolation_level = level.READ_COMMITTED if writes else level.REPEATABLE_READ
        if writes:  # each statement after it sees all that earlier writers committed
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")

    return engine


def _read(password_file: Path) -> str:
    try:
        return password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise Refusal(
            "records",
            "records-password-missing",
            "Le fichier du mot de passe de PostgreSQL ne peut être lu.",
            "Vérifiez ANAMNESE_RECORDS_PASSWORD_FILE et les droits de ce fichier.",
        ) from None


def _bad_url(why: str) -> Refusal:
    return Refusal(
        "start",
        "bad-records-url",
        f"ANAMNESE_RECORDS_URL est refusée : {why}.",
        "postgresql://compte@serveur:5432/base, le mot de passe dans ANAMNESE_RECORDS_PASSWORD_FILE.",
    )
