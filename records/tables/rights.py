"""Who may look, what was asked of the door, who is told, and what a professional keeps."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from records.tables.base import Base, Counter


class Grant(Base):
    __tablename__ = "grants"
    grant_id: Mapped[str] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(index=True)  # an attested one may be of nobody: the door tells no one
    kind: Mapped[str]
    grantee_kind: Mapped[str]
    grantee: Mapped[str] = mapped_column(index=True)
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
    __table_args__ = (
        Index(
            "ix_relations_unreviewed",
            "kind",
            "recorded_at",
            "relation_id",
            sqlite_where=text("reviewed_at IS NULL"),
            postgresql_where=text("reviewed_at IS NULL"),
        ),
    )


class Emergency(Base):
    """One opening by break-glass, for the time that it lasts and for the auditor's review."""

    __tablename__ = "emergencies"
    emergency_id: Mapped[str] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), index=True)
    practitioner: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]  # one tap: a code
    opened_at: Mapped[datetime] = mapped_column(index=True)
    valid_until: Mapped[datetime]
    extensions: Mapped[int]
    ended_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None]
    reviewed_at: Mapped[datetime | None]
    verdict: Mapped[str | None]  # justified | unjustified
    __table_args__ = (
        Index(
            "ix_emergencies_unreviewed",
            "opened_at",
            sqlite_where=text("reviewed_at IS NULL"),
            postgresql_where=text("reviewed_at IS NULL"),
        ),
    )


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
    """Something that a patient, or their médecin traitant, is told, until it is sent. Holds neither a name nor what was
    seen."""

    __tablename__ = "notifications"
    notification_id: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    patient_id: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]  # first_access | break_glass | attested | reminder
    practitioner: Mapped[str | None]  # RPPS of the médecin traitant who is told; NULL: the patient is
    at: Mapped[datetime]
    attempts: Mapped[int]
    not_before: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "ix_notifications_due",
            "not_before",
            "notification_id",
            sqlite_where=text("sent_at IS NULL AND attempts < 40"),
            postgresql_where=text("sent_at IS NULL AND attempts < 40"),
        ),  # without those given up: whoever gave no address leaves one after each first access, for ever
        Index(
            "ix_notifications_reminders",
            "patient_id",
            "at",
            sqlite_where=text("kind = 'reminder'"),
            postgresql_where=text("kind = 'reminder'"),
        ),
        {"sqlite_autoincrement": True},
    )


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
