"""Idempotency keys of deposits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deposit_keys",
        sa.Column("key_blind", sa.LargeBinary(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_deposit_keys_document_id")),
        sa.PrimaryKeyConstraint("key_blind", name=op.f("pk_deposit_keys")),
    )


def downgrade() -> None:
    op.drop_table("deposit_keys")
