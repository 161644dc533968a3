"""What people and workers wait for in a hospital of 200,000 documents: the queues, the claims, one record of many.

    python -m benchmarks.queues [--documents 200000] [--only sqlite|postgresql]

Milliseconds, the median of five. Needs a real PostgreSQL, which it starts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.scope import Scope
from cli.local_services import postgresql
from clinical.text.edition import rules_edition
from records import (
    contested,
    coverage,
    deliveries,
    documents,
    emergencies,
    erasure,
    events,
    facts,
    jobs,
    merges,
    notifications,
    quarantine,
    relations,
    rights,
    usage,
)
from records.database import Records, Tx
from records.documents import DocumentState
from records.policy import load_policy
from records.postgres import Server
from tests.records.building import DOCTOR, NOW, Home, opened, scope
from tests.services import crowd
from tests.services.fixtures import created

ROUNDS, SLOW = 5, 1.0  # what takes longer than a second is done once
DOCUMENTS = 200_000
THICK = 5_000
Work = Callable[[Tx], Any]


class _Undo(Exception):
    """A write that is not to stay."""


def measure(records: Records, thick: PatientId) -> dict[str, float]:
    """Milliseconds of each; rows are not opened but where a caller's are."""
    quarantine.to_document = lambda _tx, row: DocumentId(row.document_id)  # type: ignore[assignment, attr-defined]
    edition, policy = rules_edition(), load_policy()
    with records.read() as tx:
        middle: Any = quarantine.quarantined_without_scope(tx, 1000)[-1]
    refused = Refusal("read", "code-3", "", "")
    one = PatientId("crowdpatient1000007")
    reads: dict[str, Work] = {
        "quarantine, first 50": lambda tx: quarantine.quarantined_without_scope(tx, 50),
        "quarantine, 50 behind the 1,000th": lambda tx: quarantine.quarantined_without_scope(tx, 50, middle),
        "refused for one reason, first 50": lambda tx: quarantine.refused_as_without_scope(tx, refused, 50),
        "documents by state": usage.by_state_without_scope,
        "refused by reason": usage.refused_without_scope,
        "documents searchable": lambda tx: documents.count_without_scope(tx, DocumentState.SEARCHABLE),
        "contested, first 50": lambda tx: contested.waiting(tx, 50),
        "merges, first 50": lambda tx: merges.waiting(tx, 50),
        "openings to review, first 100": lambda tx: _openings(tx, unreviewed=True),
        "openings, first 100": lambda tx: _openings(tx, unreviewed=False),
        "successions to review": lambda tx: relations.requests_without_scope(tx, 500),
        "facts of other rules: none": lambda tx: facts.behind_without_scope(tx, edition, 20),
        "facts of other rules: all, first 20": lambda tx: facts.behind_without_scope(tx, "other", 20),
        "how many facts of other rules: none": lambda tx: facts.count_behind_without_scope(tx, edition),
        "jobs by state": jobs.progress,
        "jobs of a patient": lambda tx: jobs.progress(tx, one),
        "oldest job": jobs.oldest,
        "last lease": jobs.last_lease_without_scope,
        "events to spread": lambda tx: events.unspread(tx, 20),
        "deliveries due": lambda tx: deliveries.due(tx, NOW, 20),
        "notifications due": lambda tx: notifications.due_without_scope(tx, NOW, 50),
        "reminders, 200 contacts": lambda tx: _contacts(tx),
        "decision's facts of 5,000 documents": lambda tx: rights.access_facts(tx, DOCTOR, thick, NOW, policy),
        "coverage of 5,000 documents": lambda tx: coverage.covered(tx, _whole(thick)),
        "a page of 50 of 5,000 documents": lambda tx: documents.list_documents(tx, _whole(thick), limit=50),
        "facts' standing of 5,000 documents": lambda tx: facts.standing(tx, _whole(thick), edition),
    }
    writes: dict[str, Work] = {
        "claim a job": lambda tx: jobs.claim(tx, "x", NOW, timedelta(minutes=1)),
        "claim a quick job": lambda tx: jobs.claim(tx, "x", NOW, timedelta(minutes=1), quick=True),
        "erase the rows of 5,000 documents": lambda tx: erasure._forget(tx, thick, NOW, "x"),
    }
    found = {name: _median(lambda work=work: _read(records, work)) for name, work in reads.items()}  # type: ignore[misc]
    return found | {name: _median(lambda work=work: _undone(records, work)) for name, work in writes.items()}  # type: ignore[misc]


def _openings(tx: Tx, *, unreviewed: bool) -> object:
    return emergencies.emergencies_for_audit_without_scope(tx, unreviewed=unreviewed, limit=100)


def _contacts(tx: Tx) -> object:
    return notifications.to_remind_without_scope(tx, NOW - timedelta(days=180), PatientId(""), 200)


def _whole(patient_id: PatientId) -> Scope:
    return scope(patient_id)


def _read(records: Records, work: Work) -> float:
    with records.read() as tx:
        began = time.perf_counter()
        work(tx)
        return time.perf_counter() - began


def _undone(records: Records, work: Work) -> float:
    try:
        with records.write() as tx:
            began = time.perf_counter()
            work(tx)
            took = time.perf_counter() - began
            raise _Undo
    except _Undo:
        return took


def _median(once: Callable[[], float]) -> float:
    first = once()
    return round(1000 * (first if first > SLOW else statistics.median(once() for _ in range(ROUNDS))), 2)


def filled(home: Home, number: int) -> PatientId:
    """Fill a home; its patient of many documents."""
    with home.records.write() as tx:
        thick = crowd.thick_record(tx, THICK, NOW)
    if home.server is None:
        crowd.in_file(home.records, rules_edition(), number)
    else:
        crowd.on_server(home.server, rules_edition(), number)
    return thick


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    asked = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        for name in ("sqlite", "postgresql"):
            if asked.only in (None, name):
                server: Server | None = None
                if name == "postgresql":
                    server = held.enter_context(created(held.enter_context(postgresql())))
                home = held.enter_context(opened(folder / name, server=server))
                found[name] = measure(home.records, filled(home, asked.documents))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
