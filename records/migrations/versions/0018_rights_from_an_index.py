"""What the decision looks at of each document is read from an index, not from its row."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_documents_rights",
        "documents",
        ["patient_id", "masked", "hidden_from_patient", "hidden_from_representatives", "status", "type_code"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_documents_rights", table_name="documents")
