"""The journal as an auditor asks for it: whose record, who looked, what was done, in which days; newest first.

Entries are chained as one text each, which no index reaches: a request looks through a bounded number of them, says how
far it got, and the next one goes on from there (decision 076). A page is never disturbed by what is written meanwhile:
it goes on behind a position, and new entries stand before all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from access.identifiers import Ins, PatientId
from records import journal, patients, tables
from records.database import Tx
from records.journal import Entry
from records.statements import among, as_set

LOOKED_THROUGH = 20_000
"""Entries that one request looks through: half a second on the loaded build machine (decision 076)."""
OLDER_IN_A_ROW = 5_000
"""So many entries in a row older than the period, and it has begun: the spool (records/spool.py), whose entries are
chained in after later ones, holds fewer."""
_STEP = 1_000
_SLACK = timedelta(hours=1)  # two processes write in the order of their turns, not of their clocks
_P, _J = tables.Patient, tables.JournalEntry
_ROOTS = select(_P.merged_into).where(among(_P.patient_id, "known"), _P.merged_into.is_not(None))
_JOINED = select(_P.patient_id).where(among(_P.merged_into, "roots"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; what is empty or None asks for nothing. `who`: the number of a professional, or of whoever
    else looked; a system's number finds what was done through it. `since` is in the period, `until` is not."""

    patients: frozenset[PatientId] | None = None
    who: str = ""
    actions: frozenset[str] = frozenset()
    basis: str = ""
    refused: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def has(self, entry: dict[str, Any]) -> bool:
        """Whether an entry, as it is chained, is asked for."""
        at = datetime.fromisoformat(entry["at"])
        return (
            (not self.who or self.who in (entry["caller"], entry["on_behalf"]))
            and (not self.actions or entry["action"] in self.actions)
            and (not self.basis or entry["basis"] == self.basis)
            and (not self.refused or entry["outcome"] == "refused")
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A page. `next` goes on; None: there is no more. `reached`: the instant of the last entry that was looked at,
    when the page is not full and older entries wait."""

    entries: tuple[Entry, ...]
    next: int | None
    reached: datetime | None


def audit_without_scope(tx: Tx, wanted: Wanted, *, limit: int, before: int | None = None) -> Found:
    """The newest `limit` entries asked for, from behind the position `before` on; with their sealed words."""
    places: list[int] = []
    looked, older = 0, 0
    last: tuple[int, datetime] | None = None
    for position, entry in _behind(tx, wanted.patients, before):
        if looked == LOOKED_THROUGH and last is not None:
            return Found(journal.entries_at_without_scope(tx, places), *last)
        at = datetime.fromisoformat(entry["at"])
        older = older + 1 if wanted.since is not None and at < wanted.since - _SLACK else 0
        if older == OLDER_IN_A_ROW:
            break
        if wanted.has(entry):
            if len(places) == limit:
                return Found(journal.entries_at_without_scope(tx, places), places[-1], None)
            places.append(position)
        looked, last = looked + 1, (position, at)
    return Found(journal.entries_at_without_scope(tx, places), None, None)


def person_without_scope(tx: Tx, named: Ins | PatientId) -> tuple[PatientId, frozenset[PatientId]]:
    """The person's identifier now, and every one that they have or had here: of records erased under their INS, of
    identities merged with theirs. One of nobody is both: attempts on it are in the journal too."""
    if isinstance(named, Ins):
        every = patients.every_id_of_ins(tx.keys, named)
        now = patients.find_by_ins_without_scope(tx, named) or every[-1]
    else:
        now, every = named, [named]
    known = {now, *every}
    roots = known.union(map(PatientId, filter(None, tx.session.scalars(_ROOTS, {"known": as_set(known)}))))
    joined = tx.session.scalars(_JOINED, {"roots": as_set(roots)})
    return now, frozenset(roots.union(map(PatientId, joined)))


def _behind(tx: Tx, people: frozenset[PatientId] | None, before: int | None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Entries as they are chained, newest first, read in steps: nothing is held open between two."""
    while True:
        statement = select(_J.position, _J.content).where(_J.content != "").order_by(_J.position.desc()).limit(_STEP)
        values: dict[str, object] = {}
        if people is not None:
            statement = statement.where(among(_J.patient_id, "people"))
            values["people"] = as_set(people)
        if before is not None:
            statement = statement.where(_J.position < bindparam("before"))
            values["before"] = before
        step = tx.session.execute(statement, values).all()
        for position, content in step:
            yield position, json.loads(content)
        if len(step) < _STEP:
            return
        before = step[-1].position
