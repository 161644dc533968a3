"""Blobs that a document left behind when it went to another record, until they are deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "leftovers",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("blob", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "blob", name=op.f("pk_leftovers")),
    )


def downgrade() -> None:
    op.drop_table("leftovers")
