"""Numbers that grow for ever are 64 bits wide on PostgreSQL; SQLite's are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COUNTED = (
    ("journal", "position"),
    ("outbox", "seq"),
    ("attempts", "attempt_id"),
    ("notifications", "notification_id"),
)
_PLAIN = (("journal", "sequence"), ("journal_heads", "length"), ("cursors", "seq"))


def upgrade() -> None:
    _resize(sa.BigInteger(), "bigint")


def downgrade() -> None:
    _resize(sa.Integer(), "integer")


def _resize(to: sa.types.TypeEngine[int], name: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, column in (*_COUNTED, *_PLAIN):
        op.alter_column(table, column, type_=to)
    for table, column in _COUNTED:
        op.execute(f"ALTER SEQUENCE {table}_{column}_seq AS {name}")
