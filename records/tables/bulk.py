"""Imports of many, item by item (records/bulks.py), and copies of a record on their way (records/exports.py)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from records.tables.base import Base, Counter


class Bulk(Base):
    __tablename__ = "bulks"
    bulk_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # folder | ndjson | zip
    state: Mapped[str]  # running | paused | done
    sealed: Mapped[bytes]  # where it is and whose, under a service's key
    organization: Mapped[str]  # FINESS that it is deposited for
    creates: Mapped[bool]  # records of INS that are not known yet
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    holder: Mapped[str | None]
    leased_until: Mapped[datetime | None]


class BulkItem(Base):
    """A file of a folder or an archive, or a line of a file."""

    __tablename__ = "bulk_items"
    bulk_id: Mapped[str] = mapped_column(ForeignKey("bulks.bulk_id"), primary_key=True)
    number: Mapped[int] = mapped_column(Counter, primary_key=True)
    place: Mapped[int] = mapped_column(Counter)  # of a line, or of a file in an archive: its first byte
    state: Mapped[str]  # waiting | deposited | refused
    sealed: Mapped[bytes]  # its name, what it is in an archive, a refusal's sentences, under a service's key
    patient_id: Mapped[str | None] = mapped_column(index=True)
    document_id: Mapped[str | None] = mapped_column(index=True)
    known: Mapped[bool]  # was here before
    refusal_stage: Mapped[str | None]
    refusal_code: Mapped[str | None]
    __table_args__ = (Index(None, "bulk_id", "state", "number"),)


class Export(Base):
    """A copy of a record in FHIR, made beside the request, kept for an hour."""

    __tablename__ = "exports"
    export_id: Mapped[str] = mapped_column(primary_key=True)
    patient_id: Mapped[str] = mapped_column(index=True)
    state: Mapped[str]  # making | made | failed
    sealed: Mapped[bytes]  # for whom, by which right, what is in it, under the patient's key
    holder: Mapped[str]  # the process that makes it
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
