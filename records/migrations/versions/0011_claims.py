"""Who withdrew a name, and the claims on other senders' documents that wait for a person.

What was withdrawn before holds as it did: who said so was not kept.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.tables import UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("withdrawals") as withdrawals:
        withdrawals.add_column(sa.Column("document_id", sa.String(), nullable=False, server_default=""))
        withdrawals.drop_constraint(op.f("pk_withdrawals"), type_="primary")
        withdrawals.create_primary_key(op.f("pk_withdrawals"), ["patient_id", "name_blind", "document_id"])
    op.create_table(
        "claims",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("noted_at", UtcTime(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], name=op.f("fk_claims_document_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.patient_id"], name=op.f("fk_claims_patient_id")),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_claims")),
    )


def downgrade() -> None:
    """A name that several withdrew is withdrawn once, by the latest of them."""
    op.drop_table("claims")
    same = "w.patient_id = withdrawals.patient_id AND w.name_blind = withdrawals.name_blind"
    never = "9999-12-31"
    later = f"COALESCE(w.issued_at, '{never}') > COALESCE(withdrawals.issued_at, '{never}')"
    tie = f"COALESCE(w.issued_at, '{never}') = COALESCE(withdrawals.issued_at, '{never}')"
    op.execute(
        f"DELETE FROM withdrawals WHERE EXISTS (SELECT 1 FROM withdrawals AS w WHERE {same} "
        f"AND ({later} OR ({tie} AND w.document_id > withdrawals.document_id)))"
    )
    with op.batch_alter_table("withdrawals") as withdrawals:
        withdrawals.drop_constraint(op.f("pk_withdrawals"), type_="primary")
        withdrawals.drop_column("document_id")
        withdrawals.create_primary_key(op.f("pk_withdrawals"), ["patient_id", "name_blind"])
