"""The journal's words can be erased: `erased` is a MAC over what stays of an entry whose words are gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("journal", sa.Column("erased", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("journal", "erased")
