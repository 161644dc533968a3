"""One-time assertions of systems that were used, until they expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spent_assertions",
        sa.Column("name_blind", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name_blind", name=op.f("pk_spent_assertions")),
    )
    op.create_index(op.f("ix_spent_assertions_expires_at"), "spent_assertions", ["expires_at"])


def downgrade() -> None:
    op.drop_table("spent_assertions")
