"""What messages say of documents: names, withdrawals, versions by date, copies by page, the ways they came.

Documents that are here get the one name that was kept of them, and the way they came.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from records.tables import UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _document_columns() -> tuple[sa.Column[Any], ...]:
    """Added and dropped in place: other tables refer to documents."""
    return (
        sa.Column("appends_blind", sa.LargeBinary(), nullable=True),
        sa.Column("issued_at", UtcTime(), nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("page_prints", sa.LargeBinary(), nullable=True),
    )


def upgrade() -> None:
    for column in _document_columns():
        op.add_column("documents", column)
    op.create_table(
        "document_names",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("name_blind", sa.LargeBinary(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_document_names_document_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_document_names_patient_id")),
        sa.PrimaryKeyConstraint("document_id", "name_blind", name=op.f("pk_document_names")),
    )
    op.create_index(
        op.f("ix_document_names_patient_id_name_blind"), "document_names", ["patient_id", "name_blind"], unique=False
    )
    op.create_table(
        "withdrawals",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("name_blind", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_withdrawals_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", "name_blind", name=op.f("pk_withdrawals")),
    )
    op.create_table(
        "receipts",
        sa.Column("receipt_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("deposited_by", sa.String(), nullable=False),
        sa.Column("deposited_for", sa.String(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_receipts_document_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_receipts_patient_id")),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_receipts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_receipts_document_id"), "receipts", ["document_id"], unique=False)
    op.create_table(
        "page_corrections",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("corrected_by", sa.String(), nullable=False),
        sa.Column("corrected_at", UtcTime(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.document_id"], name=op.f("fk_page_corrections_document_id")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_page_corrections_patient_id")),
        sa.PrimaryKeyConstraint("document_id", "page", "version", name=op.f("pk_page_corrections")),
    )
    op.create_table(
        "merges",
        sa.Column("merge_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("other_id", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", UtcTime(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", UtcTime(), nullable=True),
        sa.Column("moved", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_merges_patient_id")),
        sa.ForeignKeyConstraint(["other_id"], ["patients.patient_id"], name=op.f("fk_merges_other_id")),
        sa.PrimaryKeyConstraint("merge_id", name=op.f("pk_merges")),
    )
    op.create_index(op.f("ix_merges_patient_id"), "merges", ["patient_id"], unique=False)
    op.create_index(op.f("ix_merges_other_id"), "merges", ["other_id"], unique=False)
    op.execute(
        "INSERT INTO document_names (document_id, name_blind, patient_id) "
        "SELECT document_id, unique_blind, patient_id FROM documents WHERE unique_blind IS NOT NULL"
    )
    op.execute(
        "INSERT INTO receipts (document_id, patient_id, origin, deposited_by, deposited_for, received_at) "
        "SELECT document_id, patient_id, origin, deposited_by, deposited_for, received_at FROM documents "
        "ORDER BY received_at, document_id"
    )


def downgrade() -> None:
    """Withdrawn documents stay deprecated; what was only announced as withdrawn is forgotten."""
    op.drop_index(op.f("ix_merges_other_id"), table_name="merges")
    op.drop_index(op.f("ix_merges_patient_id"), table_name="merges")
    op.drop_table("merges")
    op.drop_table("page_corrections")
    op.drop_index(op.f("ix_receipts_document_id"), table_name="receipts")
    op.drop_table("receipts")
    op.drop_table("withdrawals")
    op.drop_index(op.f("ix_document_names_patient_id_name_blind"), table_name="document_names")
    op.drop_table("document_names")
    for column in reversed(_document_columns()):
        op.execute(f"ALTER TABLE documents DROP COLUMN {column.name}")
