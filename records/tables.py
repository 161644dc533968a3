"""The tables. What a person wrote or is called stands only in `sealed` columns; look-ups go by keyed hashes.

Times are aware in Python and UTC in the database. Sealed columns are JSON objects bound to "table/column/row id".
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from records.statements import PlainString

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


# Numbers that grow for ever. SQLite's are wide as they are, and only its INTEGER counts by itself.
Counter = BigInteger().with_variant(Integer, "sqlite")


class UtcTime(TypeDecorator[datetime]):
    """An aware instant (a naive one is refused), stored in UTC to the microsecond: comparisons in SQL are right."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant without time zone")
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcTime, bytes: LargeBinary, str: PlainString}  # noqa: RUF012


def core(entity: type[Base]) -> Table:
    """A mapped class's table, for statements of the hot paths: rows as they are, half the time of mapped objects."""
    return cast(Table, entity.__table__)


class Patient(Base):
    __tablename__ = "patients"
    patient_id: Mapped[str] = mapped_column(primary_key=True)
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("patients.patient_id"), index=True)
    closed: Mapped[bool] = mapped_column(default=False)
    sealed: Mapped[bytes]  # Identity
    created_at: Mapped[datetime]


class PatientIdentifier(Base):
    """A way to look a patient up: INS (unique) or the five traits (perhaps shared by several people)."""

    __tablename__ = "patient_identifiers"
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # "ins" | "traits"
    value_blind: Mapped[bytes] = mapped_column(primary_key=True)
    __table_args__ = (Index(None, "kind", "value_blind"),)


class Practitioner(Base):
    """Public directory data: nothing of a patient."""

    __tablename__ = "practitioners"
    rpps: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    profession: Mapped[str]
    specialty: Mapped[str]
    suspended: Mapped[bool]
    regulates: Mapped[bool] = mapped_column(default=False)  # regulating physician of Centre 15


class Membership(Base):
    __tablename__ = "memberships"
    rpps: Mapped[str] = mapped_column(ForeignKey("practitioners.rpps"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # "organization" | "team"
    name: Mapped[str] = mapped_column(primary_key=True)  # FINESS or team id


class Organization(Base):
    __tablename__ = "organizations"
    finess: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


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
            "ix_documents_untyped",
            "document_id",
            sqlite_where=text("type_code IS NULL"),
            postgresql_where=text("type_code IS NULL"),
        ),  # empty but just after a migration: opening records looks there
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
    document_id: Mapped[str] = mapped_column(primary_key=True)  # that says so; "": before senders were kept
    issued_at: Mapped[datetime | None]  # what was issued later stands; NULL: nothing of this name does


class Claim(Base):
    """A document that says to replace or cancel one of another sender, and what a person decided."""

    __tablename__ = "claims"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"))
    noted_at: Mapped[datetime]
    verdict: Mapped[str | None]  # accepted | refused; NULL: waits
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class Receipt(Base):
    """One way by which a document came. The first is the document's own; the same bytes again add another."""

    __tablename__ = "receipts"
    receipt_id: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"))
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


class PageCorrection(Base):
    """A person's text of a page, in place of what was read. Never changed: another correction is another row."""

    __tablename__ = "page_corrections"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)  # from 1; 0 is what was read
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"))
    corrected_by: Mapped[str]
    corrected_at: Mapped[datetime]
    sealed: Mapped[bytes]  # the text before and after, the name of who corrected


class Merge(Base):
    """Two identities that a message says are one person, and what a person decided. Undone, it stays with its date."""

    __tablename__ = "merges"
    merge_id: Mapped[str] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), index=True)  # that stays
    other_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), index=True)  # that is merged into it
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime]
    verdict: Mapped[str | None]  # merged | refused | undone; NULL: waits
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    moved: Mapped[str]  # JSON list: identities that were merged into the other one and went along


class DepositKey(Base):
    """An idempotency key of a depositor, as a keyed hash, and the document it made."""

    __tablename__ = "deposit_keys"
    key_blind: Mapped[bytes] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"))


class Leftover(Base):
    """A blob to delete: its document went to another record. Written with the move, gone with the file."""

    __tablename__ = "leftovers"
    patient_id: Mapped[str] = mapped_column(primary_key=True)
    blob: Mapped[str] = mapped_column(primary_key=True)


class Job(Base):
    __tablename__ = "jobs"
    job_id: Mapped[str] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.document_id"), index=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"))
    kind: Mapped[str]
    state: Mapped[str]  # queued | leased | done | failed
    stage: Mapped[str]
    priority: Mapped[int]
    long: Mapped[bool] = mapped_column(default=False)  # its first turn is over
    attempts: Mapped[int]
    fence: Mapped[int]
    holder: Mapped[str | None]
    leased_until: Mapped[datetime | None]
    not_before: Mapped[datetime]
    created_at: Mapped[datetime]
    __table_args__ = (
        Index(None, "state", "priority", "created_at"),
        CheckConstraint("state IN ('queued', 'leased', 'done', 'failed')", name="state"),
    )


class Grant(Base):
    __tablename__ = "grants"
    grant_id: Mapped[str] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(index=True)  # an attested one may be of nobody: the door tells no one
    kind: Mapped[str]
    grantee_kind: Mapped[str]
    grantee: Mapped[str]
    categories: Mapped[str | None]  # JSON list; NULL is all
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]


class Block(Base):
    __tablename__ = "blocks"
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), primary_key=True)
    practitioner: Mapped[str] = mapped_column(primary_key=True)
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]


class Opposition(Base):
    """What a patient opposed beforehand. Withdrawn ones stay, with their date."""

    __tablename__ = "oppositions"
    opposition_id: Mapped[str] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), index=True)
    kind: Mapped[str]  # an OppositionKind
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Relation(Base):
    """Somebody who may look for a patient, or asks to."""

    __tablename__ = "relations"
    relation_id: Mapped[str] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(index=True)  # a request may name nobody: the door tells no one
    person: Mapped[str] = mapped_column(index=True)  # a patient id
    kind: Mapped[str]  # a RelationKind
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    consented: Mapped[bool] = mapped_column(default=False)
    approved: Mapped[bool] = mapped_column(default=False)
    purpose: Mapped[str]  # of the law, for a succession
    categories: Mapped[str | None]  # JSON list; NULL is what the kind opens
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]
    reviewed_by: Mapped[str | None]
    reviewed_at: Mapped[datetime | None]


class Emergency(Base):
    """One opening by break-glass, for the time that it lasts and for the auditor's review."""

    __tablename__ = "emergencies"
    emergency_id: Mapped[str] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), index=True)
    practitioner: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]  # one tap: a code
    opened_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    extensions: Mapped[int]
    ended_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None]
    reviewed_at: Mapped[datetime | None]
    verdict: Mapped[str | None]  # justified | unjustified


class Attempt(Base):
    """A knock at a door of urgency, whoever the patient: for the limit on how many one may make."""

    __tablename__ = "attempts"
    attempt_id: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    caller: Mapped[str]
    kind: Mapped[str]
    at: Mapped[datetime]
    __table_args__ = (Index(None, "caller", "kind", "at"), {"sqlite_autoincrement": True})


class SpentAssertion(Base):
    """A one-time assertion of a system that was used (records/assertions.py)."""

    __tablename__ = "spent_assertions"
    name_blind: Mapped[bytes] = mapped_column(primary_key=True)  # client and jti
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Notification(Base):
    """Something that a patient is told, until it is sent. Holds neither a name nor what was seen."""

    __tablename__ = "notifications"
    notification_id: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    patient_id: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]  # first_access | break_glass | attested | reminder
    at: Mapped[datetime]
    attempts: Mapped[int]
    not_before: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "sent_at", "not_before"), {"sqlite_autoincrement": True})


class Contact(Base):
    """Where a patient is written to, sealed under their key."""

    __tablename__ = "contacts"
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), primary_key=True)
    sealed: Mapped[bytes]
    recorded_at: Mapped[datetime]


class Visitor(Base):
    """Who has looked at a record at least once, and when: only the first time is told."""

    __tablename__ = "visitors"
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), primary_key=True)
    caller: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime | None]  # NULL: before this was written down
    before_at: Mapped[datetime | None]  # end of the visit before


class SavedSearch(Base):
    """A search or a list of terms that a professional keeps for their own questions (records/saved_searches.py)."""

    __tablename__ = "saved_searches"
    search_id: Mapped[str] = mapped_column(primary_key=True)  # a keyed hash of owner and name
    owner_blind: Mapped[bytes] = mapped_column(index=True)
    sealed: Mapped[bytes]  # name, query, terms, under a service's key
    saved_at: Mapped[datetime]


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
