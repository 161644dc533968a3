"""Who is recorded: patients, professionals, organizations, and what was merged."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    Index,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from records.tables.base import Base


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
    mail: Mapped[str] = mapped_column(default="")  # professional address; empty: is not written to


class Membership(Base):
    __tablename__ = "memberships"
    rpps: Mapped[str] = mapped_column(ForeignKey("practitioners.rpps"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # "organization" | "team"
    name: Mapped[str] = mapped_column(primary_key=True)  # FINESS or team id


class Organization(Base):
    __tablename__ = "organizations"
    finess: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


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
    __table_args__ = (
        Index(
            "ix_merges_waiting",
            "proposed_at",
            "merge_id",
            sqlite_where=text("verdict IS NULL"),
            postgresql_where=text("verdict IS NULL"),
        ),
    )


class Contact(Base):
    """Where a patient is written to, sealed under their key."""

    __tablename__ = "contacts"
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), primary_key=True)
    sealed: Mapped[bytes]
    recorded_at: Mapped[datetime]
