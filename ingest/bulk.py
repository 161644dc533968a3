"""Many documents at once, by turns: deposit the next item, write down what became of it, look whether to go on.

What was deposited and not written down when the process was killed is deposited again: the same bytes of the same
patient are the same document. The items are those that were there at the start; a file that came later is another
import's. Documents are read at the lowest priority, behind what somebody waits for.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from access.identifiers import PatientId, is_opaque_id, parse_ins
from access.refusal import Refusal, let_go
from ingest.addressee import addressee
from ingest.bulk_archive import TOO_MANY, is_archive, unpack
from ingest.ndjson import Index, Lines, index_of, lines_in
from ingest.receive import Receipt, Stream, receive
from ingest.sandbox.client import Ended
from ingest.sandbox.verdict import ChildLost
from ingest.steps import AWAY
from ingest.workbench import Workbench
from records import bulk_files, bulks, documents, jobs, patients
from records.bulks import Bulk, Item, Kind
from records.content import Metadata, StatedPatient
from records.database import Tx
from records.documents import Document, DocumentState
from records.shelf import BlobRef

LEASE = timedelta(minutes=5)  # renewed at each item: the longest is a file of the largest size on a slow disk
BY = "bulk"
_CHUNK = 256 * 1024
BUSY = Refusal(
    "receive", "bulk-busy", "Un autre processus dépose déjà cet import.", "Attendez, ou mettez-le en pause d'abord."
)
CHANGED = Refusal(
    "receive",
    "bulk-changed",
    "Le fichier n'est plus celui dont les lignes ont été comptées.",
    "Remettez-le comme il était, ou commencez un nouvel import : rien n'est déposé deux fois.",
)
EMPTY = Refusal("receive", "empty-bulk", "Il n'y a rien à importer.", "Vérifiez le chemin, ou le fichier.")
ARCHIVE = Refusal(
    "receive",
    "bulk-is-an-archive",
    "D'un disque, un import est un dossier ou un fichier FHIR NDJSON, et ceci est une archive.",
    "Décompressez-la et importez son dossier, ou envoyez-la par POST /v1/bulks.",
)
Owner = Callable[[str, bool], PatientId]
"""The patient of an INS or a patient id, perhaps opening their record; a Refusal when there is none."""
Took = tuple[PatientId, Receipt]
Take = Callable[[Bulk, Item], Took]


@dataclass(frozen=True, slots=True)
class Place:
    """What is to be imported, as it is now."""

    kind: Kind
    path: Path
    size: int
    modified: int
    items: list[tuple[str, int]]


def looked_at(path: Path) -> Place:
    """The files of a folder, by name, without hidden ones; or the lines of an NDJSON file that are not blank.

    Refusals "no-such-folder", "empty-bulk", "bulk-is-an-archive".
    """
    try:
        found = path.stat()
        if path.is_dir():
            place = Place("folder", path.absolute(), 0, 0, [(str(p), 0) for p in _files(path)])
        else:
            with path.open("rb") as stream:
                if is_archive(stream.read(4)):
                    raise ARCHIVE
                stream.seek(0)
                items = looked_into(stream, path.name)
            place = Place("ndjson", path.absolute(), found.st_size, found.st_mtime_ns, items)
    except OSError:
        raise Refusal("receive", "no-such-folder", "Ce dossier ou ce fichier ne se lit pas.", "Vérifiez-le.") from None
    if not place.items:
        raise EMPTY
    return place


def looked_into(stream: Lines, name: str, most: int | None = None) -> list[tuple[str, int]]:
    """The lines of a file, by its name and their numbers. Refusal "too-many-lines" over `most`."""
    items: list[tuple[str, int]] = []
    for number, place, _ in lines_in(stream):
        if len(items) == most:
            raise TOO_MANY
        items.append((f"{name}:{number}", place))
    return items


def run(bench: Workbench, bulk_id: str, take: Take, *, moved: Callable[[], None], stop: Callable[[], bool]) -> bool:
    """Deposit what waits until all is, or the import is paused, or `stop`; whether it is done.

    Refusals "no-such-bulk", "bulk-busy", and those of a part of this machine that is away: the item waits.
    """
    records, holder = bench.records, bench.records.presence.holder()
    with records.write() as tx:
        bulk = bulks.one(tx, bulk_id)
        if bulk.state == "running" and not bulks.take(tx, bulk_id, holder, bench.clock(), LEASE):
            raise BUSY

    def renew() -> None:
        with records.write() as tx:
            bulks.take(tx, bulk_id, holder, bench.clock(), LEASE)

    try:
        while not stop():
            with records.write() as tx:
                if not bulks.take(tx, bulk_id, holder, bench.clock(), LEASE):
                    return bulks.one(tx, bulk_id).state == "done"
                item = bulks.next_item(tx, bulk_id)
                if item is None:
                    bulks.end(tx, bulk_id, bench.clock())
                over = _files_of(tx, bench, bulk) if item is None else ()
            for each in over:  # all of it is deposited, or told in the report
                bench.blobs.delete(each)
            if item is None:
                return True
            _settle(bench, bulk, item, take, renew)
            moved()
        return False
    finally:
        with records.write() as tx:
            bulks.release(tx, bulk_id, holder)


def _settle(bench: Workbench, bulk: Bulk, item: Item, take: Take, renew: Callable[[], None]) -> None:
    try:
        if item.part == "archive":
            unpack(bench, bulk, renew)
            return
        patient_id, receipt = take(bulk, item)
    except Refusal as refusal:
        if refusal.code in AWAY or refusal is CHANGED:
            raise
        with bench.records.write() as tx:
            bulks.refused(tx, bulk.bulk_id, item, refusal)
        let_go()
        return
    with bench.records.write() as tx:
        if receipt.duplicate:  # one that was refused before is read again, as in a watched folder
            state = documents.states_without_scope(tx, [receipt.document_id]).get(receipt.document_id)
            if state is DocumentState.REFUSED:
                jobs.retry_failed(tx, [receipt.document_id], bench.clock())
        bulks.deposited(tx, bulk.bulk_id, item, patient_id, receipt.document_id, known=receipt.duplicate)


def _files_of(tx: Tx, bench: Workbench, bulk: Bulk) -> tuple[BlobRef, ...]:
    if bulk.sent is None:
        return ()
    return bulk_files.file_of(tx, bench.blobs, bulk.sent), bulk_files.lines_of(tx, bench.blobs, bulk.sent)


def file_taker(bench: Workbench, owner: Owner) -> Take:
    """Deposits the files of a folder: to the patient of all, to the one that a folder names, to the one that the file
    itself names, or to nobody yet (the tray)."""

    def take(bulk: Bulk, item: Item) -> Took:
        file = Path(bulk.path) / item.name
        with _opened(file) as stream:
            folder = folder_of_patient(item.name)
            if bulk.whole is not None:
                patient_id = owner(bulk.whole, False)
            elif folder:
                patient_id = owner(folder, bulk.creates)
            else:
                patient_id = addressed(bench, within(stream, bench.limits.bytes), file.name)
                stream.seek(0)
            return patient_id, kept(bench, bulk, stream, patient_id, file.name)

    return take


def folder_of_patient(name: str) -> str:
    """The first folder on a file's way that is named by an INS or a patient id of ours; "" when none is."""
    folders = PurePosixPath(name).parts[:-1]
    return next((one for one in folders if is_opaque_id(one) or parse_ins(one) is not None), "")


def kept(
    bench: Workbench,
    bulk: Bulk,
    stream: Stream,
    patient_id: PatientId,
    file_name: str,
    declared: Metadata = Metadata(),
    submitted: str = "",
    admit: Callable[[Document], bool] = lambda _: True,
) -> Receipt:
    """Deposit one document of an import; by whom sent it, or by the operator of this service."""
    by = f"{BY}:{bulk.organization}" if bulk.organization else BY
    return receive(
        stream,
        patient_id=patient_id,
        file_name=file_name,
        origin="upload",
        deposited_by=by if bulk.sent is None else bulk.sent.by,
        deposited_for=bulk.organization,
        blobs=bench.blobs,
        records=bench.records,
        now=bench.clock(),
        limit=bench.limits.bytes,
        declared=declared,
        priority=jobs.BULK,
        submitted=submitted,
        admit=admit,
    )


def addressed(bench: Workbench, data: bytes, file_name: str) -> PatientId:
    """The patient whom a document names (`ingest.addressee`), or the tray. Refusals of reading."""
    found: list[StatedPatient] = []
    try:
        for said in bench.sandbox.read([data], file_name, ocr="none", limits=bench.limits):
            if isinstance(said, Ended):
                found += said.metadata.patients
    except ChildLost:
        raise Refusal("receive", "sandbox-unavailable", "Le document n'a pas pu être lu.", "Réessayez.") from None
    with bench.records.read() as tx:
        patient_id = addressee(tx, found)
    if patient_id is not None:
        return patient_id
    with bench.records.write() as tx:
        return patients.open_tray(tx, bench.clock())


def line_at(bench: Workbench, bulk: Bulk, place: int, most: int) -> bytes:
    """The line of an NDJSON file that begins at this byte. Refusals "bulk-changed", "too-large", "unreadable-file",
    those of a sealed blob."""
    with _file(bench, bulk) as stream:
        stream.seek(place)
        line = stream.readline(most + 1)
    if len(line) > most:
        raise Refusal("receive", "too-large", "Cette ligne dépasse la taille permise.", "Déposez ce document seul.")
    return line


def indexed(bench: Workbench, bulk: Bulk) -> Index:
    """What the lines of a file can be referred to as: read from it each time, kept nowhere. Refuses like `line_at`."""
    with _file(bench, bulk) as stream:
        return index_of(stream)


def _file(bench: Workbench, bulk: Bulk) -> BinaryIO:
    if bulk.sent is not None:
        with bench.records.read() as tx:
            ref = (bulk_files.lines_of if bulk.kind == "zip" else bulk_files.file_of)(tx, bench.blobs, bulk.sent)
        return io.BufferedReader(bench.blobs.open(ref))
    stream = _opened(Path(bulk.path))
    found = os.fstat(stream.fileno())
    if (found.st_size, found.st_mtime_ns) != (bulk.size, bulk.modified):
        stream.close()
        raise CHANGED
    return stream


def _opened(file: Path) -> BinaryIO:
    """A regular file and no link: what stands in the folder, and nothing that it points to."""
    try:
        return os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError:
        raise Refusal(
            "receive", "unreadable-file", "Le fichier n'a pas pu être lu.", "Vérifiez le chemin et les droits."
        ) from None


def within(stream: Stream, limit: int) -> bytes:
    """All of a file. Refusal "too-large" over `limit` bytes."""
    data = bytearray()
    while len(data) <= limit and (chunk := stream.read(_CHUNK)):
        data += chunk
    if len(data) > limit:
        raise Refusal("receive", "too-large", "Le fichier dépasse la taille permise.", "Divisez le document.")
    return bytes(data)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.is_dir() and not any(part.startswith(".") for part in inside.parts):
            yield inside
