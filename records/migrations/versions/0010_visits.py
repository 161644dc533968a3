"""When somebody last looked at a record, and before that: what is new since is told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.tables import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visitors", sa.Column("seen_at", UtcTime(), nullable=True))
    op.add_column("visitors", sa.Column("before_at", UtcTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("visitors") as visitors:
        visitors.drop_column("before_at")
        visitors.drop_column("seen_at")
