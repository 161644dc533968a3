"""What documents tell. Those read before have no row: they are counted as read before facts were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "facts",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("shelf", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_facts_document_id")),
        sa.PrimaryKeyConstraint("document_id", "shelf", name=op.f("pk_facts")),
    )


def downgrade() -> None:
    op.drop_table("facts")
