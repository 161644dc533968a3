"""What a professional keeps for their own questions: a search under a name, or a list of terms (`@urgences`).

About no patient, but a question may name one: it is sealed, and whose it is stands there only as a keyed hash. The
identifier is made of owner and name, so that saving a name again replaces what it held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, insert, select

from access.refusal import Refusal
from access.scope import Caller
from records import tables
from records.database import Tx
from records.opaque import opaque
from records.sealed import keyed_hash, seal_json, unseal_json

_T = tables.SavedSearch
MOST = 100
"""Kept by one person: more is a directory, and each question that calls one by its name reads them all."""
TOO_MANY = Refusal(
    "records",
    "too-many-searches",
    f"Vous gardez déjà {MOST} recherches et listes.",
    "Supprimez-en une avant d'en garder une autre.",
)


@dataclass(frozen=True, slots=True)
class Saved:
    """Either `query` or `terms` is there. name: as the owner wrote it."""

    search_id: str
    name: str
    query: str = field(repr=False)
    terms: tuple[str, ...] = field(repr=False)
    saved_at: datetime


def save(tx: Tx, owner: Caller, key: str, name: str, query: str, terms: Sequence[str], now: datetime) -> Saved:
    """Keep a search or a list under a name; `key` is the name as it is compared. Refusal TOO_MANY."""
    search_id = opaque(keyed_hash(tx.service_key("lookup"), "saved-search", owner.kind, owner.id, key))
    mine = _owner(tx, owner)
    others = tx.session.scalars(select(_T.search_id).where(_T.owner_blind == mine, _T.search_id != search_id)).all()
    if len(others) >= MOST:
        raise TOO_MANY
    value = {"name": name, "query": query, "terms": list(terms)}
    sealed = seal_json(tx.service_key("searches"), value, _aad(search_id))
    tx.session.execute(delete(_T).where(_T.search_id == search_id))
    tx.session.execute(insert(_T).values(search_id=search_id, owner_blind=mine, sealed=sealed, saved_at=now))
    return Saved(search_id, name, query, tuple(terms), now)


def saved_by(tx: Tx, owner: Caller) -> list[Saved]:
    """Everything that somebody keeps, by name."""
    key = tx.service_key("searches")
    found = []
    for row in tx.session.scalars(select(_T).where(_T.owner_blind == _owner(tx, owner))):
        value = unseal_json(key, row.sealed, _aad(row.search_id))
        found.append(Saved(row.search_id, value["name"], value["query"], tuple(value["terms"]), row.saved_at))
    return sorted(found, key=lambda each: (each.name.casefold(), each.search_id))


def forget(tx: Tx, owner: Caller, search_id: str) -> bool:
    """Delete one of one's own; False when there is none of this identifier, whoever else may have it."""
    mine = (_T.search_id == search_id, _T.owner_blind == _owner(tx, owner))
    if tx.session.scalar(select(_T.search_id).where(*mine)) is None:
        return False
    tx.session.execute(delete(_T).where(*mine))
    return True


def _owner(tx: Tx, owner: Caller) -> bytes:
    return keyed_hash(tx.service_key("lookup"), "saved-by", owner.kind, owner.id)


def _aad(search_id: str) -> str:
    return f"saved_searches.sealed/{search_id}"
