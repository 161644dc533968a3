"""One-time assertions that were used, until they expire: a copy of one opens nothing, whatever process it reaches."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select

from records import tables
from records.database import Tx
from records.sealed import keyed_hash

_T = tables.SpentAssertion


def spend(tx: Tx, name: str, until: datetime, now: datetime) -> bool:
    """Use the assertion called `name`, which expires at `until`; False when it was used before."""
    blind = keyed_hash(tx.service_key("lookup"), "assertion", name)
    tx.session.execute(delete(_T).where(_T.expires_at <= now))
    if tx.session.scalar(select(_T.expires_at).where(_T.name_blind == blind)) is not None:
        return False
    tx.session.execute(insert(_T).values(name_blind=blind, expires_at=until))
    return True
