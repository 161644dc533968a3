"""Where a professional is written to, and to whom a notification goes: the patient, or their médecin traitant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("practitioners", sa.Column("mail", sa.String(), nullable=False, server_default=""))
    op.add_column("notifications", sa.Column("practitioner", sa.String(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM notifications WHERE practitioner IS NOT NULL")  # it would be the patient's, told twice
    op.execute("ALTER TABLE notifications DROP COLUMN practitioner")
    op.execute("ALTER TABLE practitioners DROP COLUMN mail")
