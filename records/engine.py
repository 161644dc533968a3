"""What records ask of a database, whichever it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.orm import Session

WRITE = "anamnese_write"
POOL = 8
OVERFLOW = 56  # with POOL, more than the 40 threads that a service may run; idle ones above POOL are closed
BUSY_SECONDS = 30.0  # another process may be committing, checkpointing or migrating; a commit takes milliseconds
_ABANDONED: list[object] = []


class Database(Protocol):
    """One database of records. Its engine's transactions are snapshots that cannot write, or, by `for_writing`, the
    only writer there is."""

    @property
    def engine(self) -> Engine:
        """Connections are opened by whoever uses it first, so after a fork."""

    def turn(self) -> AbstractContextManager[None]:
        """Wait to be the only writer, as far as that is not the transaction's own doing. TimeoutError, or RuntimeError
        when this thread is writing already."""

    def problems(self, session: Session) -> int:
        """How many problems the database knows of in its own pages. Raises what a damaged one raises."""

    def leave(self) -> None:
        """Give up what this process holds beside its connections."""


def for_writing(engine: Engine) -> Engine:
    """The same engine and pool, whose transactions are the only writer from their beginning to their end."""
    return engine.execution_options(**{WRITE: True})


def abandon(engine: Engine) -> None:
    """Forget, in a forked child, connections that its parent opened: SQLite forbids even to close them there, and a
    PostgreSQL session closed by a child is closed for its parent."""
    _ABANDONED.append(engine.pool)
    engine.dispose(close=False)
