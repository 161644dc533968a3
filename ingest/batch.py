"""Many files at once, for the command line: deposit each, wait until each has a final state, tell what became of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from ingest.receive import receive
from ingest.workbench import Workbench
from ingest.worker import drain
from records import documents, jobs
from records.content import Metadata
from records.documents import Document, DocumentState

log = logging.getLogger("anamnese.batch")
FINAL = frozenset({DocumentState.SEARCHABLE, DocumentState.QUARANTINED, DocumentState.REFUSED})
STALL = 300.0  # seconds without a document moving or a lease renewed, until the command stops waiting and says so
POLL = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Deposit:
    """A file that was offered: its document, or the Refusal that kept it out."""

    file: Path
    document_id: DocumentId | None
    duplicate: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a deposit. `document` is None when nothing was stored."""

    deposit: Deposit
    document: Document | None

    @property
    def searchable(self) -> bool:
        return self.document is not None and self.document.state is DocumentState.SEARCHABLE

    @property
    def refusal(self) -> Refusal | None:
        return self.deposit.refusal or (self.document.refusal if self.document else None)

    def as_dict(self) -> dict[str, object]:
        """The JSON object of `anamnese ingest --json`."""
        document = self.document
        return {
            "file": readable(self.deposit.file),
            "document_id": self.deposit.document_id,
            "state": document.state.value if document else DocumentState.REFUSED.value,
            "duplicate": self.deposit.duplicate,
            "pages": document.pages if document else 0,
            "unreadable_pages": list(document.unreadable_pages) if document else [],
            "refusal": self.refusal.as_dict() if self.refusal else None,
        }


def readable(path: Path) -> str:
    """A path as text that any terminal takes: undecodable bytes of a file system are lone surrogates in Python."""
    return str(path).encode("utf-8", "replace").decode("utf-8")


def files_of(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those inside the folders named, by name; hidden ones inside folders are left out."""
    for path in paths:
        if path.is_dir():
            inside = (p for p in sorted(path.rglob("*")) if p.is_file())
            yield from (p for p in inside if not any(part.startswith(".") for part in p.relative_to(path).parts))
        else:
            yield path


def deposit(
    file: Path,
    patient_id: PatientId,
    bench: Workbench,
    *,
    by: str,
    origin: str = "upload",
    declared: Metadata = Metadata(),
) -> Deposit:
    """Store one file durably and queue it, with what its sender declares. One file's failure is its own Refusal."""
    try:
        with file.open("rb") as stream:
            receipt = receive(
                stream,
                patient_id=patient_id,
                file_name=file.name,
                origin=origin,
                deposited_by=by,
                deposited_for="",
                blobs=bench.blobs,
                records=bench.records,
                now=bench.clock(),
                limit=bench.limits.bytes,
                declared=declared,
                priority=jobs.BULK,
            )
        return Deposit(file, receipt.document_id, receipt.duplicate)
    except Refusal as refusal:
        return Deposit(file, None, refusal=refusal)
    except OSError as error:
        reason = error.strerror or "fichier illisible"
        return Deposit(
            file,
            None,
            refusal=Refusal(
                "receive",
                "unreadable-file",
                f"Le fichier n'a pas pu être lu : {reason}.",
                "Vérifiez le chemin et les droits.",
            ),
        )


def finish(
    deposits: Sequence[Deposit], bench: Workbench, *, readers: int, moved: Callable[[int], None] = lambda _: None
) -> list[Outcome]:
    """Wait until every deposit's document has a final state, working with `readers` threads (0: others do the work).

    `moved` is told how many are final each time that it changes. A document that nobody moves for STALL seconds is
    returned in the state it has.
    """
    waiting = {d.document_id for d in deposits if d.document_id is not None}
    over = threading.Event()
    threads = [threading.Thread(target=_read, args=(bench, over), daemon=True) for _ in range(readers)]
    for thread in threads:
        thread.start()
    try:
        _wait(waiting, bench, moved)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    with bench.records.read() as tx:
        return [
            Outcome(d, documents.document_without_scope(tx, d.document_id) if d.document_id else None) for d in deposits
        ]


def _read(bench: Workbench, over: threading.Event) -> None:
    while not over.is_set():
        try:
            drain(bench, over.is_set)
        except Refusal as refusal:  # records are away: `finish` gives up when nothing moves for long
            log.warning("reader: %s", refusal.code)
        over.wait(POLL)


def _wait(waiting: set[DocumentId], bench: Workbench, moved: Callable[[int], None]) -> None:
    total, last_move = len(waiting), time.monotonic()
    states: dict[DocumentId, DocumentState] = {}
    lease = None
    while waiting and time.monotonic() - last_move < STALL:
        with bench.records.read() as tx:
            seen = documents.states_without_scope(tx, waiting)
            newest = jobs.last_lease_without_scope(tx)
        if newest != lease or seen != {key: states.get(key) for key in seen}:
            lease, last_move = newest, time.monotonic()
            states.update(seen)
        final = {key for key, state in seen.items() if state in FINAL}
        if final:
            waiting -= final
            moved(total - len(waiting))
        time.sleep(POLL)
