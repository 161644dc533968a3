"""What other systems are told: events, listeners, deliveries. Imports of many. Copies of a record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.tables import UtcTime
from records.tables.base import Counter

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("seq", Counter, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("organizations", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("spread_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_patient_id"), "events", ["patient_id"])
    op.create_index(op.f("ix_events_spread_at_seq"), "events", ["spread_at", "seq"])
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("practitioner", sa.String(), nullable=False),
        sa.Column("organization", sa.String(), nullable=False),
        sa.Column("kinds", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", UtcTime(), nullable=False),
        sa.Column("first_seq", Counter, nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_views",
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.webhook_id"], name=op.f("fk_webhook_views_webhook_id_webhooks")
        ),
        sa.PrimaryKeyConstraint("webhook_id", "patient_id", name=op.f("pk_webhook_views")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", Counter, autoincrement=True, nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("seq", Counter, nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcTime(), nullable=False),
        sa.Column("failure", sa.String(), nullable=False),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["seq"], ["events.seq"], name=op.f("fk_webhook_deliveries_seq_events")),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.webhook_id"], name=op.f("fk_webhook_deliveries_webhook_id_webhooks")
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_webhook_deliveries")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_webhook_deliveries_patient_id"), "webhook_deliveries", ["patient_id"])
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_id_state_patient_id"),
        "webhook_deliveries",
        ["webhook_id", "state", "patient_id"],
    )
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_id_document_id"), "webhook_deliveries", ["webhook_id", "document_id"]
    )

    op.create_table(
        "bulks",
        sa.Column("bulk_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("organization", sa.String(), nullable=False),
        sa.Column("creates", sa.Boolean(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("holder", sa.String(), nullable=True),
        sa.Column("leased_until", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("bulk_id", name=op.f("pk_bulks")),
    )
    op.create_table(
        "bulk_items",
        sa.Column("bulk_id", sa.String(), nullable=False),
        sa.Column("number", Counter, autoincrement=False, nullable=False),
        sa.Column("place", Counter, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=True),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("refusal_stage", sa.String(), nullable=True),
        sa.Column("refusal_code", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["bulk_id"], ["bulks.bulk_id"], name=op.f("fk_bulk_items_bulk_id_bulks")),
        sa.PrimaryKeyConstraint("bulk_id", "number", name=op.f("pk_bulk_items")),
    )
    op.create_index(op.f("ix_bulk_items_patient_id"), "bulk_items", ["patient_id"])
    op.create_index(op.f("ix_bulk_items_document_id"), "bulk_items", ["document_id"])
    op.create_index(op.f("ix_bulk_items_bulk_id_state_number"), "bulk_items", ["bulk_id", "state", "number"])
    op.create_table(
        "exports",
        sa.Column("export_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("export_id", name=op.f("pk_exports")),
    )
    op.create_index(op.f("ix_exports_patient_id"), "exports", ["patient_id"])
    op.create_index(op.f("ix_exports_expires_at"), "exports", ["expires_at"])


def downgrade() -> None:
    op.drop_table("exports")
    op.drop_table("bulk_items")
    op.drop_table("bulks")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_views")
    op.drop_table("webhooks")
    op.drop_table("events")
