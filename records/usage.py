"""Use in practice and work in hand, counted over all records: numbers, never who.

The French shared record failed on consultation, and nobody saw it in time: what counts is not how many records are open
but how many are fed and looked at. Counted from records and from the journal, whose entries are read newest first until
the month begins, past the few older ones that the spool chained in late; nothing of a person, a document or a question
leaves this module.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from access.scope import CallerKind
from records import tables
from records.audit import OLDER_IN_A_ROW
from records.database import Tx
from records.documents import DocumentState

_LATE = timedelta(hours=1)  # entries stand in the order written, which is that of their times but for a little
_P, _D, _J = tables.Patient, tables.Document, tables.JournalEntry
_RECORD = func.coalesce(_P.merged_into, _P.patient_id)
_NOT_A_LOOK = frozenset({"deposit"})  # names a document, and shows none


@dataclass(frozen=True, slots=True)
class Usage:
    """Records: all, opened in the period, closed, without any document, that received one in the period, of which a
    professional or the person was shown a document in the period. Searches in the period, and those that showed none.
    """

    records: int
    opened: int
    closed: int
    empty: int
    fed: int
    consulted: int
    consulted_by_patient: int
    searches: int
    found_nothing: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Documents that could not be read, for one reason. `words` stand in the documents' own refusals."""

    stage: str
    code: str
    count: int


def usage_without_scope(tx: Tx, start: datetime, end: datetime) -> Usage:
    """The counts from `start` up to `end`."""
    single = _P.merged_into.is_(None)
    total = _count(tx, select(func.count()).where(single))
    with_documents = select(func.count(_RECORD.distinct())).join(_D, _D.patient_id == _P.patient_id)
    own = {row[0]: row[1] for row in tx.session.execute(select(_P.patient_id, _RECORD))}
    seen: dict[bool, set[str]] = {True: set(), False: set()}
    searches = nothing = 0
    for entry in _granted(tx, start, end):
        shown = bool(entry["documents"]) and entry["action"] not in _NOT_A_LOOK
        if shown and entry["patient_id"] in own:
            seen[entry["caller_kind"] == CallerKind.PATIENT].add(own[entry["patient_id"]])
        if entry["action"] == "search":
            searches += 1
            nothing += not shown
    return Usage(
        records=total,
        opened=_count(tx, select(func.count()).where(single, _P.created_at >= start, _P.created_at < end)),
        closed=_count(tx, select(func.count()).where(single, _P.closed)),
        empty=total - _count(tx, with_documents),
        fed=_count(tx, with_documents.where(_D.received_at >= start, _D.received_at < end)),
        consulted=len(seen[False]),
        consulted_by_patient=len(seen[True]),
        searches=searches,
        found_nothing=nothing,
    )


def by_state_without_scope(tx: Tx) -> dict[str, int]:
    """How many documents are in each state; every state is there."""
    rows = tx.session.execute(select(_D.state, func.count()).group_by(_D.state))
    return {state.value: 0 for state in DocumentState} | {row[0]: row[1] for row in rows}


def refused_without_scope(tx: Tx) -> list[Refused]:
    """Why documents could not be read, the commonest first."""
    statement = (
        select(_D.refusal_stage, _D.refusal_code, func.count().label("count"))
        .where(_D.refusal_code.is_not(None))  # a document of any other state has none: `ix_documents_refused`
        .group_by(_D.refusal_stage, _D.refusal_code)
        .order_by(func.count().desc(), _D.refusal_code)
    )
    return [Refused(row[0] or "", row[1] or "", row[2]) for row in tx.session.execute(statement)]


def _granted(tx: Tx, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    """The accesses granted in the period, without their sealed words."""
    rows = select(_J.content).where(_J.content != "").order_by(_J.position.desc())
    older = 0
    for content in tx.session.scalars(rows.execution_options(yield_per=1000)):
        entry: dict[str, Any] = json.loads(content)
        at = datetime.fromisoformat(entry["at"])
        older = older + 1 if at < start - _LATE else 0
        if older == OLDER_IN_A_ROW:
            return
        if start <= at < end and entry["outcome"] == "granted":
            yield entry


def _count(tx: Tx, statement: Any) -> int:
    return int(tx.session.scalar(statement) or 0)
