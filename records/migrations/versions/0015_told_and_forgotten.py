"""Where a professional is written to, and to whom a notification goes: the patient, or their médecin traitant; the
deliveries of an event, which is forgotten with the last of them."""

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
    op.create_index(op.f("ix_webhook_deliveries_seq"), "webhook_deliveries", ["seq"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_webhook_deliveries_seq"), table_name="webhook_deliveries")
    op.execute("DELETE FROM notifications WHERE practitioner IS NOT NULL")  # it would be the patient's, told twice
    op.execute("ALTER TABLE notifications DROP COLUMN practitioner")
    op.execute("ALTER TABLE practitioners DROP COLUMN mail")
