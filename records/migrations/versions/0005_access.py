"""Access in full: oppositions, relations, emergencies, notifications; what masks and the matrix need of documents."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from records.tables import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _document_columns() -> tuple[sa.Column[Any], ...]:
    """Added and dropped in place: other tables refer to documents, so it cannot be made anew."""
    return (
        sa.Column("masked_by", sa.String(), nullable=True),
        sa.Column("hidden_at", UtcTime(), nullable=True),
        sa.Column("hidden_from_representatives", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("opened_to_representatives", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("type_code", sa.String(), nullable=True),
    )


def upgrade() -> None:
    for column in _document_columns():
        op.add_column("documents", column)
    op.create_index(
        "ix_documents_untyped",
        "documents",
        ["document_id"],
        unique=False,
        sqlite_where=sa.text("type_code IS NULL"),
        postgresql_where=sa.text("type_code IS NULL"),
    )
    op.add_column("practitioners", sa.Column("regulates", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("grants") as grants:
        grants.drop_constraint("fk_grants_patient_id", type_="foreignkey")
    _create_wishes()
    _create_urgency()
    _create_telling()


def _create_wishes() -> None:
    op.create_table(
        "oppositions",
        sa.Column("opposition_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.Column("withdrawn_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_oppositions_patient_id")),
        sa.PrimaryKeyConstraint("opposition_id", name=op.f("pk_oppositions")),
    )
    op.create_index(op.f("ix_oppositions_patient_id"), "oppositions", ["patient_id"], unique=False)
    op.create_table(
        "relations",
        sa.Column("relation_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("valid_from", UtcTime(), nullable=False),
        sa.Column("valid_until", UtcTime(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("consented", sa.Boolean(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("categories", sa.String(), nullable=True),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.Column("reviewed_by", sa.String(), nullable=True),
        sa.Column("reviewed_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("relation_id", name=op.f("pk_relations")),
    )
    op.create_index(op.f("ix_relations_patient_id"), "relations", ["patient_id"], unique=False)
    op.create_index(op.f("ix_relations_person"), "relations", ["person"], unique=False)


def _create_urgency() -> None:
    op.create_table(
        "emergencies",
        sa.Column("emergency_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("practitioner", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("valid_until", UtcTime(), nullable=False),
        sa.Column("extensions", sa.Integer(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("reviewed_by", sa.String(), nullable=True),
        sa.Column("reviewed_at", UtcTime(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_emergencies_patient_id")),
        sa.PrimaryKeyConstraint("emergency_id", name=op.f("pk_emergencies")),
    )
    op.create_index(op.f("ix_emergencies_patient_id"), "emergencies", ["patient_id"], unique=False)
    op.create_index(op.f("ix_emergencies_practitioner"), "emergencies", ["practitioner"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attempts_caller_kind_at"), "attempts", ["caller", "kind", "at"], unique=False)


def _create_telling() -> None:
    op.create_table(
        "notifications",
        sa.Column("notification_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", UtcTime(), nullable=False),
        sa.Column("sent_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_notifications")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_notifications_patient_id"), "notifications", ["patient_id"], unique=False)
    op.create_index(
        op.f("ix_notifications_sent_at_not_before"), "notifications", ["sent_at", "not_before"], unique=False
    )
    op.create_table(
        "contacts",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_contacts_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_contacts")),
    )
    op.create_table(
        "visitors",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("caller", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_visitors_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", "caller", name=op.f("pk_visitors")),
    )


def downgrade() -> None:
    """Grants that name no patient, which only the door makes, are lost: the earlier tables cannot hold them."""
    for table, *indexes in (
        ("visitors",),
        ("contacts",),
        ("notifications", "patient_id", "sent_at_not_before"),
        ("attempts", "caller_kind_at"),
        ("emergencies", "patient_id", "practitioner"),
        ("relations", "patient_id", "person"),
        ("oppositions", "patient_id"),
    ):
        for index in indexes:
            op.drop_index(op.f(f"ix_{table}_{index}"), table_name=table)
        op.drop_table(table)
    op.execute("DELETE FROM grants WHERE patient_id NOT IN (SELECT patient_id FROM patients)")
    with op.batch_alter_table("grants") as grants:
        grants.create_foreign_key("fk_grants_patient_id", "patients", ["patient_id"], ["patient_id"])
    op.drop_index("ix_documents_untyped", table_name="documents")
    op.execute("ALTER TABLE practitioners DROP COLUMN regulates")
    for column in reversed(_document_columns()):
        op.execute(f"ALTER TABLE documents DROP COLUMN {column.name}")
