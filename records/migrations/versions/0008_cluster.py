"""Numbers that grow for ever are 64 bits wide on PostgreSQL, as SQLite's are; a long reading has a column."""

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
    ("receipts", "receipt_id"),
)
_PLAIN = (("journal", "sequence"), ("journal_heads", "length"), ("cursors", "seq"))


def upgrade() -> None:
    _resize(sa.BigInteger(), "bigint")
    op.add_column("jobs", sa.Column("long", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE jobs SET long = true, priority = 0 WHERE priority < 0")


def downgrade() -> None:
    op.execute("UPDATE jobs SET priority = -1 WHERE long")
    op.execute("ALTER TABLE jobs DROP COLUMN long")
    _resize(sa.Integer(), "integer")


def _resize(to: sa.types.TypeEngine[int], name: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, column in (*_COUNTED, *_PLAIN):
        op.alter_column(table, column, type_=to)
    for table, column in _COUNTED:
        op.execute(f"ALTER SEQUENCE {table}_{column}_seq AS {name}")
