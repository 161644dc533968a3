"""The end of the journal's time: accesses are kept ten years after a record's closure (EX_AIR-100), then retired.

A record counts as closed by its last act among close, reopen and erase, as the journal tells it. Of a closed record,
and of identifiers that nobody has, entries older than the time go: content, sealed words and identifier. What stays is
a place in the chain under a MAC, so that the chains still verify, and nothing removed can pass for retired.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from records import chains, service_acts, tables
from records.database import Tx

_T = tables.JournalEntry
_ENDS = frozenset({"close", "erase"})
LEAST_YEARS = 10


@dataclass(frozen=True, slots=True)
class Retired:
    """What was, or would be, retired: entries, and of how many records (the identifiers of nobody count as one)."""

    entries: int
    records: int


def retire(tx: Tx, now: datetime, *, years: int = LEAST_YEARS, by: str, dry: bool) -> Retired:
    """Retire what is due; with `dry` only count. The act itself is journalled. ValueError under ten years."""
    if years < LEAST_YEARS:
        raise ValueError("the law keeps the journal ten years")
    before = _years_before(now, years)
    key = tx.service_key("journal")
    entries = touched = 0
    for chain in tx.session.scalars(select(_T.chain).where(_T.content != "").distinct()).all():
        due = _due(tx, chain, before)
        for row in [] if dry else due:
            row.content, row.sealed, row.patient_id = "", b"", ""
            row.erased = chains.without_content(key, row.chain, row.sequence, row.previous, row.mac)
        entries, touched = entries + len(due), touched + bool(due)
    tx.session.flush()
    if entries and not dry:
        service_acts.record(tx, "retire-journal", now, by=by, detail=f"{entries} entries of {touched} records")
    return Retired(entries, touched)


def _due(tx: Tx, chain: str, before: datetime) -> list[tables.JournalEntry]:
    rows = tx.session.scalars(select(_T).where(_T.chain == chain, _T.content != "").order_by(_T.sequence)).all()
    told = [(row, json.loads(row.content)) for row in rows]
    if chain != chains.UNKNOWN and not _ended(told, before):
        return []
    return [row for row, content in told if datetime.fromisoformat(content["at"]) < before]


def _ended(told: list[tuple[tables.JournalEntry, dict[str, str]]], before: datetime) -> bool:
    """Whether the record was closed or erased before then, and not opened again."""
    acts = [c for _, c in told if c["outcome"] == "granted" and (c["action"] in _ENDS or c["action"] == "reopen")]
    return bool(acts) and acts[-1]["action"] in _ENDS and datetime.fromisoformat(acts[-1]["at"]) < before


def _years_before(now: datetime, years: int) -> datetime:
    try:
        return now.replace(year=now.year - years)
    except ValueError:  # 29 February
        return now.replace(year=now.year - years, day=28)
