"""Documents that were read before facts were, read again: a batch at a time, so that few are out of reach at once.

A document keeps its place while it is read again but is not searchable until it is read; one that this version refuses
is refused, with its reason, like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from access.identifiers import DocumentId
from ingest.batch import Deposit, Outcome, finish
from ingest.workbench import Workbench
from records import facts, jobs

BATCH = 50


def reread_for_facts(
    bench: Workbench, *, readers: int, wake: Callable[[], None] = lambda: None
) -> Iterator[list[Outcome]]:
    """Read every such document again; yields what became of each batch. Ends when none is left or none moves.

    `readers` threads do the work here (0: workers elsewhere, whom `wake` tells).
    """
    tried: set[DocumentId] = set()
    while batch := _queued(bench, tried):
        tried |= set(batch)
        wake()
        yield finish([Deposit(Path(), document_id) for document_id in batch], bench, readers=readers)


def _queued(bench: Workbench, tried: set[DocumentId]) -> list[DocumentId]:
    with bench.records.write() as tx:
        found = facts.unread_without_scope(tx, BATCH + len(tried))
        batch = [document_id for document_id in found if document_id not in tried][:BATCH]
        for document_id in batch:
            jobs.again(tx, document_id, bench.clock())
    return batch
