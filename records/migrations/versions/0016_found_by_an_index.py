"""What a document withdrew, and what was granted to a practitioner, are found without reading everybody's."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_withdrawals_document_id"), "withdrawals", ["document_id"], unique=False)
    op.create_index(op.f("ix_grants_grantee"), "grants", ["grantee"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_grants_grantee"), table_name="grants")
    op.drop_index(op.f("ix_withdrawals_document_id"), table_name="withdrawals")
