"""Documents: how they are called, came in, are read, corrected and replaced."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from records.tables.base import Base, Counter


class Document(Base):
    __tablename__ = "documents"
    document_id: Mapped[str] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"))
    state: Mapped[str]
    status: Mapped[str]  # approved | archived | deprecated
    masked: Mapped[bool]
    masked_by: Mapped[str | None]  # who masked it by an act; NULL when it was hidden like a twin or a version
    hidden_from_patient: Mapped[bool]
    hidden_at: Mapped[datetime | None]  # since when; NULL: since it was received
    hidden_from_representatives: Mapped[bool] = mapped_column(default=False)
    opened_to_representatives: Mapped[bool] = mapped_column(default=False)  # for ever (EX_3.3-1045)
    category: Mapped[str]
    type_code: Mapped[str | None]  # for the matrix; NULL when not known yet: shown to no professional
    event_date: Mapped[date | None]
    version: Mapped[int]
    set_blind: Mapped[bytes | None]
    unique_blind: Mapped[bytes | None]
    replaces_blind: Mapped[bytes | None]
    appends_blind: Mapped[bytes | None]
    issued_at: Mapped[datetime | None]  # when its maker made this version
    withdrawn: Mapped[bool] = mapped_column(default=False)  # cancelled by its sender: out of every search
    page_prints: Mapped[bytes | None]  # 8 bytes a page: keyed hashes of their texts
    content_hash: Mapped[str]
    blob: Mapped[str]
    size: Mapped[int]
    media_type: Mapped[str]
    origin: Mapped[str]
    pages: Mapped[int]
    unreadable_pages: Mapped[str]  # JSON list of page numbers
    unreadable_count: Mapped[int]
    refusal_stage: Mapped[str | None]
    refusal_code: Mapped[str | None]
    deposited_by: Mapped[str]
    deposited_for: Mapped[str]
    received_at: Mapped[datetime]
    searchable_at: Mapped[datetime | None]
    fence: Mapped[int]
    reading_fence: Mapped[int | None]  # of the job whose reading is the document's
    sealed: Mapped[bytes]  # title, author, type, file name, identifiers, refusal, evidence
    __table_args__ = (
        Index(None, "patient_id", "content_hash"),
        Index(None, "patient_id", "event_date"),
        Index(None, "patient_id", "set_blind"),
        Index(
            "ix_documents_rights",
            "patient_id",
            "masked",
            "hidden_from_patient",
            "hidden_from_representatives",
            "status",
            "type_code",
        ),  # all that the decision asks of a document that is like most (records/rights.py)
        Index(
            "ix_documents_untyped",
            "document_id",
            sqlite_where=text("type_code IS NULL"),
            postgresql_where=text("type_code IS NULL"),
        ),  # empty but just after a migration: opening records looks there
        # How many are in each state, and what came in a month. Not led by the state: SQLite, which guesses that few
        # documents are searchable, would look a patient's up by it.
        Index(None, "received_at", "state"),
        Index(
            "ix_documents_quarantined",
            "received_at",
            "document_id",
            sqlite_where=text("state = 'quarantined'"),
            postgresql_where=text("state = 'quarantined'"),
        ),
        Index(
            "ix_documents_refused",
            "refusal_stage",
            "refusal_code",
            "received_at",
            "document_id",
            sqlite_where=text("refusal_code IS NOT NULL"),
            postgresql_where=text("refusal_code IS NOT NULL"),
        ),  # those of one reason, oldest first; how many for each
        CheckConstraint("state IN ('received', 'reading', 'searchable', 'quarantined', 'refused')", name="state"),
        CheckConstraint("status IN ('approved', 'archived', 'deprecated')", name="status"),
    )


class DocumentName(Base):
    """A name by which another document or message may speak of this one, as a keyed hash under its patient's key."""

    __tablename__ = "document_names"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), primary_key=True)
    name_blind: Mapped[bytes] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"))
    __table_args__ = (Index(None, "patient_id", "name_blind"),)


class Withdrawal(Base):
    """A document said that another is withdrawn. Kept apart from that one: it may come first."""

    __tablename__ = "withdrawals"
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), primary_key=True)
    name_blind: Mapped[bytes] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(primary_key=True, index=True)  # that says so; "": before senders were kept
    issued_at: Mapped[datetime | None]  # what was issued later stands; NULL: nothing of this name does


class Claim(Base):
    """A document that says to replace or cancel one of another sender, and what a person decided."""

    __tablename__ = "claims"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), index=True)
    noted_at: Mapped[datetime]
    verdict: Mapped[str | None]  # accepted | refused; NULL: waits
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "ix_claims_waiting",
            "noted_at",
            "document_id",
            sqlite_where=text("verdict IS NULL"),
            postgresql_where=text("verdict IS NULL"),
        ),
    )


class Receipt(Base):
    """One way by which a document came. The first is the document's own; the same bytes again add another."""

    __tablename__ = "receipts"
    receipt_id: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), index=True)
    origin: Mapped[str]
    deposited_by: Mapped[str]
    deposited_for: Mapped[str]
    received_at: Mapped[datetime]
    __table_args__ = ({"sqlite_autoincrement": True},)


class Fact(Base):
    """What a document tells, kinds that are read together in one row."""

    __tablename__ = "facts"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), primary_key=True)
    shelf: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[bytes]
    rules: Mapped[str] = mapped_column(server_default="")  # the edition that told what its text tells
    __table_args__ = (
        Index(
            "ix_facts_rules",
            "rules",
            "document_id",
            sqlite_where=text("shelf = 0 AND rules IS NOT NULL"),
            postgresql_where=text("shelf = 0 AND rules IS NOT NULL"),
        ),  # those of other editions, which every worker looks for when it has nothing else to do
        # "IS NOT NULL" is always true, and shown by "rules < …" alone: without it PostgreSQL joined a patient's 5,000
        # documents with all of this index (86 ms) instead of with their facts (25 ms).
    )


class PageCorrection(Base):
    """A person's text of a page, in place of what was read. Never changed: another correction is another row."""

    __tablename__ = "page_corrections"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)  # from 1; 0 is what was read
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), index=True)
    corrected_by: Mapped[str]
    corrected_at: Mapped[datetime]
    sealed: Mapped[bytes]  # the text before and after, the name of who corrected


class DepositKey(Base):
    """An idempotency key of a depositor, as a keyed hash, and the document it made."""

    __tablename__ = "deposit_keys"
    key_blind: Mapped[bytes] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), index=True)


class Leftover(Base):
    """A blob to delete: its document went to another record. Written with the move, gone with the file."""

    __tablename__ = "leftovers"
    patient_id: Mapped[str] = mapped_column(primary_key=True)
    blob: Mapped[str] = mapped_column(primary_key=True)


class Job(Base):
    __tablename__ = "jobs"
    job_id: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), index=True)
    kind: Mapped[str]
    state: Mapped[str]  # queued | leased | done | failed
    stage: Mapped[str]
    priority: Mapped[int] = mapped_column()
    long: Mapped[bool] = mapped_column(default=False)  # its first turn is over
    attempts: Mapped[int]
    fence: Mapped[int]
    holder: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    not_before: Mapped[datetime]
    created_at: Mapped[datetime]
    __table_args__ = (
        # The order in which they are claimed: the next one is the first, however many wait.
        Index("ix_jobs_next", "state", priority.desc(), "long", "created_at", "job_id"),
        Index(
            "ix_jobs_waiting",
            "state",  # else SQLite prefers the index above, and sorts
            "created_at",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        CheckConstraint("state IN ('queued', 'leased', 'done', 'failed')", name="state"),
    )
