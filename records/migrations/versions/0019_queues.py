"""Every queue is read from an index, in the order in which it is worked off, and every reference is led by one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_QUEUES: tuple[tuple[str, str, list[Any], str | None], ...] = (
    ("ix_documents_received_at_state", "documents", ["received_at", "state"], None),
    ("ix_documents_quarantined", "documents", ["received_at", "document_id"], "state = 'quarantined'"),
    (
        "ix_documents_refused",
        "documents",
        ["refusal_stage", "refusal_code", "received_at", "document_id"],
        "refusal_code IS NOT NULL",
    ),
    ("ix_claims_waiting", "claims", ["noted_at", "document_id"], "verdict IS NULL"),
    ("ix_merges_waiting", "merges", ["proposed_at", "merge_id"], "verdict IS NULL"),
    ("ix_facts_rules", "facts", ["rules", "document_id"], "shelf = 0 AND rules IS NOT NULL"),
    ("ix_jobs_next", "jobs", ["state", sa.text("priority DESC"), "long", "created_at", "job_id"], None),
    ("ix_jobs_waiting", "jobs", ["state", "created_at"], "state = 'queued'"),
    ("ix_events_unspread", "events", ["seq"], "spread_at IS NULL"),
    (
        "ix_webhook_deliveries_waiting",
        "webhook_deliveries",
        ["webhook_id", "patient_id", "delivery_id"],
        "state = 'waiting'",
    ),
    ("ix_relations_unreviewed", "relations", ["kind", "recorded_at", "relation_id"], "reviewed_at IS NULL"),
    ("ix_emergencies_opened_at", "emergencies", ["opened_at"], None),
    ("ix_emergencies_unreviewed", "emergencies", ["opened_at"], "reviewed_at IS NULL"),
    ("ix_notifications_due", "notifications", ["not_before", "notification_id"], "sent_at IS NULL AND attempts < 40"),
    ("ix_notifications_reminders", "notifications", ["patient_id", "at"], "kind = 'reminder'"),
)
_REFERENCES = (
    ("claims", "patient_id"),
    ("receipts", "patient_id"),
    ("page_corrections", "patient_id"),
    ("jobs", "patient_id"),
    ("webhook_views", "patient_id"),
    ("deposit_keys", "document_id"),
)
_REPLACED = (
    ("ix_jobs_state_priority_created_at", "jobs", ["state", "priority", "created_at"]),
    ("ix_notifications_sent_at_not_before", "notifications", ["sent_at", "not_before"]),
)


def upgrade() -> None:
    for name, table, columns, where in _QUEUES:
        condition = None if where is None else sa.text(where)
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
    for table, column in _REFERENCES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    for name, table, _ in _REPLACED:
        op.drop_index(name, table_name=table)


def downgrade() -> None:
    for name, table, columns in _REPLACED:
        op.create_index(name, table, columns)
    for table, column in reversed(_REFERENCES):
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
    for name, table, _, _ in reversed(_QUEUES):
        op.drop_index(name, table_name=table)
