"""What happened: the journal, and the outbox that the index follows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from records.tables.base import Base, Counter


class JournalEntry(Base):
    __tablename__ = "journal"
    position: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    chain: Mapped[str]  # a patient id, or "unknown"
    sequence: Mapped[int] = mapped_column(Counter)  # from 1 in its chain
    patient_id: Mapped[str] = mapped_column(index=True)  # as asked, existing or not
    content: Mapped[str]  # canonical JSON of what is not sealed
    sealed: Mapped[bytes]  # query and detail, under the journal's key
    previous: Mapped[bytes]
    mac: Mapped[bytes]
    erased: Mapped[bytes | None]  # MAC over what stays of an entry whose words were erased
    __table_args__ = (Index(None, "chain", "sequence", unique=True), {"sqlite_autoincrement": True})


class JournalHead(Base):
    """Length and last MAC of a chain, themselves under a MAC; the chain "*" is over every entry of every chain."""

    __tablename__ = "journal_heads"
    chain: Mapped[str] = mapped_column(primary_key=True)
    length: Mapped[int] = mapped_column(Counter)
    last: Mapped[bytes]
    mac: Mapped[bytes]


class OutboxEvent(Base):
    __tablename__ = "outbox"
    seq: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    patient_id: Mapped[str]
    document_id: Mapped[str] = mapped_column(index=True)
    operation: Mapped[str]  # put | remove
    fence: Mapped[int]
    __table_args__ = (
        CheckConstraint("operation IN ('put', 'remove')", name="operation"),
        {"sqlite_autoincrement": True},
    )


class Cursor(Base):
    __tablename__ = "cursors"
    generation: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(Counter)
    holder: Mapped[str | None]
    leased_until: Mapped[datetime | None]
