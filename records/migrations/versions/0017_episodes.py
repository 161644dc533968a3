"""The episodes of care that hospitals announce."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "episodes",
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("visit_blind", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_episodes_patient_id_patients")),
        sa.PrimaryKeyConstraint("patient_id", "visit_blind", name=op.f("pk_episodes")),
    )


def downgrade() -> None:
    op.drop_table("episodes")
