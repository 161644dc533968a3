"""What other systems are told: what happened, who listens, and what is on its way to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from records.tables.base import Base, Counter


class Happening(Base):
    """Something that may concern listeners, written in the transaction that does it (records/events.py)."""

    __tablename__ = "events"
    seq: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    event_id: Mapped[str]  # what every listener that is told of it gets
    patient_id: Mapped[str] = mapped_column(index=True)  # an attested consent may be of nobody: the door tells no one
    document_id: Mapped[str | None]
    kind: Mapped[str]
    organizations: Mapped[str]  # JSON list of FINESS: of who broke the glass
    at: Mapped[datetime]
    spread_at: Mapped[datetime | None]  # when it was decided whom it is told
    __table_args__ = (
        Index(None, "spread_at", "seq"),
        Index(
            "ix_events_unspread",
            "seq",
            sqlite_where=text("spread_at IS NULL"),
            postgresql_where=text("spread_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )


class Webhook(Base):
    """A listener: an establishment's system, for one professional of it (records/webhooks.py)."""

    __tablename__ = "webhooks"
    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    practitioner: Mapped[str]
    organization: Mapped[str]
    kinds: Mapped[str]  # JSON list
    sealed: Mapped[bytes]  # address and secret, under a service's key
    added_at: Mapped[datetime]
    first_seq: Mapped[int] = mapped_column(Counter)  # of what happened since it listens


class WebhookView(Base):
    """What a listener's right to a record was when it was last looked at: told again only when it is another."""

    __tablename__ = "webhook_views"
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.webhook_id"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(primary_key=True, index=True)
    version: Mapped[str]  # of the Scope; a record that is not open has no row


class Delivery(Base):
    """One thing to tell one listener, until it took it."""

    __tablename__ = "webhook_deliveries"
    delivery_id: Mapped[int] = mapped_column(Counter, primary_key=True, autoincrement=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.webhook_id"))
    seq: Mapped[int] = mapped_column(ForeignKey("events.seq"))
    patient_id: Mapped[str] = mapped_column(index=True)  # whose events keep their order
    document_id: Mapped[str | None]  # that may be named
    kind: Mapped[str]
    state: Mapped[str]  # waiting | delivered | dead | withheld
    attempts: Mapped[int]
    not_before: Mapped[datetime]
    failure: Mapped[str]  # of the last attempt, a code
    settled_at: Mapped[datetime | None]
    __table_args__ = (
        Index(None, "webhook_id", "state", "patient_id"),
        Index(None, "webhook_id", "document_id"),
        Index(None, "seq"),
        Index(
            "ix_webhook_deliveries_waiting",
            "webhook_id",
            "patient_id",
            "delivery_id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        {"sqlite_autoincrement": True},
    )
