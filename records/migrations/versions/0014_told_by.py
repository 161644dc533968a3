"""By which edition of the rules a document's facts were told. What was told before has none: it is told again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("facts", sa.Column("rules", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("facts") as facts:
        facts.drop_column("rules")
