"""Idempotency keys: which document a depositor's key made, so that a request sent twice is one deposit.

A key is its depositor's own: another's key of the same name is another. It is kept as a keyed hash, as long as records.
"""

from __future__ import annotations

from sqlalchemy import insert, select

from access.identifiers import DocumentId
from records import tables
from records.database import Tx
from records.sealed import keyed_hash


def document_of_key(tx: Tx, depositor: str, key: str) -> DocumentId | None:
    """The document that this key of this depositor stands for; None for a new key."""
    statement = select(tables.DepositKey.document_id).where(tables.DepositKey.key_blind == _blind(tx, depositor, key))
    found = tx.session.scalar(statement)
    return None if found is None else DocumentId(found)


def keep_key(tx: Tx, depositor: str, key: str, document_id: DocumentId) -> None:
    """Bind a new key to its document, in the transaction that records the document."""
    tx.session.execute(insert(tables.DepositKey).values(key_blind=_blind(tx, depositor, key), document_id=document_id))


def _blind(tx: Tx, depositor: str, key: str) -> bytes:
    return keyed_hash(tx.service_key("lookup"), "idempotency", depositor, key)
