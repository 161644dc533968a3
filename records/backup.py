"""A copy of a home while it serves: records as of one moment, every file they name, and apart the wrapped keys.

    DEST/anamnese-<time>/         records.db, blobs/..., erased.jsonl, manifest.jsonl      opens nothing alone
    KEYS/anamnese-<time>.keys/    store.json, keys-<n>.db, erased.jsonl, manifest.jsonl    wrapped by the master key

Files are never changed under their name once records name them, so they are copied after the records and are all
there; what an older backup in DEST holds already is linked, not copied. The index is not copied: it follows from the
rest. The keys come last, so that each patient in the records has theirs, unless they were erased meanwhile. A backup
appears under its name when all of it is on disk; the newest keys open every older backup of data too.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from sqlalchemy import func, select

from access.identifiers import PatientId
from access.refusal import Refusal
from records import journal, manifest, tables
from records.blobs import Blobs
from records.database import Records
from records.home import locked, sync_directory
from records.keyring import HEADER, Header
from records.keys import LOCK, KeyStore
from records.manifest import Copied, Listing, Manifest
from records.shelf import BlobRef, Kept, Shelf, ref_of
from records.sqlcipher import SqliteFile
from records.survey import SETTLED

LEDGER = "erased.jsonl"
RECORDS = "records.db"
KEYS = ".keys"
_D = tables.Document
_STEP = 1_000  # rows at a time
_ROUNDS = 3  # between the records and its files a document may be moved to another patient, or a patient erased
Progress = Callable[[int, int], object]  # files copied, files known of


@dataclass(frozen=True, slots=True)
class Backup:
    """What was made. `missing`: files that records name and the home has not: it is damaged, run `verify`."""

    data: Path
    keys: Path
    made: datetime
    documents: int
    files: int
    linked: int
    bytes: int
    missing: int

    def as_dict(self) -> dict[str, object]:
        return {
            "data": str(self.data),
            "keys": str(self.keys),
            "made": self.made.isoformat(),
            "documents": self.documents,
            "files": self.files,
            "linked": self.linked,
            "bytes": self.bytes,
            "missing": self.missing,
        }


@dataclass(frozen=True, slots=True)
class Source:
    """The open home, and its erasure ledger."""

    records: Records
    blobs: Blobs
    keys: KeyStore
    ledger: Path


def backup(
    source: Source,
    destination: Path,
    keys_destination: Path,
    now: datetime,
    *,
    full: bool = False,
    progress: Progress = lambda *_: None,
) -> Backup:
    """Copy a home that serves. `full`: link nothing. Refusals: "backup-busy", "backup-unwritable"."""
    name = f"anamnese-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    try:
        for folder in (destination, keys_destination):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(destination / ".lock", busy=_busy()):
            _clear(destination)
            return _backup(source, destination / name, keys_destination / (name + KEYS), now, full, progress)
    except OSError as error:
        raise _unwritable(error) from None


def _backup(source: Source, data: Path, keys: Path, now: datetime, full: bool, progress: Progress) -> Backup:
    if data.exists() or keys.exists():
        raise _busy()
    older = None if full else _newest(data.parent)
    partial, partial_keys = (path.with_name(f".partial-{path.name}") for path in (data, keys))
    shutil.rmtree(partial_keys, ignore_errors=True)
    partial.mkdir(mode=0o700)
    partial_keys.mkdir(mode=0o700)
    key = manifest.key_of(source.keys)
    with Listing(partial / ".files") as files, _Older(partial / ".older", older) as before:
        copier = _Copier(source.blobs.shelf, partial, files, before, progress)
        for _ in range(_ROUNDS):
            (partial / RECORDS).unlink(missing_ok=True)
            erased = _erasures(source)
            with _Snapshot(source, partial / RECORDS) as snapshot:
                about = snapshot.about()
                copier.run()
                missing = sum(path_of(ref) not in files for ref in snapshot.uploads())
                copier.leave_out_arriving(snapshot)
            if not missing and _erasures(source) == erased:
                break
        about |= {"made": now.isoformat(), "missing": missing}
        with Listing(partial_keys / ".files") as wrapped:
            _keys(source, partial_keys, wrapped)
            _seal(partial_keys, {"kind": "keys", **about}, wrapped, key)
        files.add(RECORDS, _hashed(partial / RECORDS))
        _ledger(source, partial, files)
        count, size = files.totals()
        before.close()
        _seal(partial, {"kind": "data", **about}, files, key)
    for made, final in ((partial_keys, keys), (partial, data)):  # the keys first: no data ever stands without them
        os.replace(made, final)
        sync_directory(final.parent)
    return Backup(data, keys, now, about["documents"], count, copier.linked, size, missing)


def path_of(ref: BlobRef) -> str:
    """The name of a blob in a backup, as under the home."""
    return f"blobs/{ref.path}"


class _Older:
    """What the backup before this one copied, to be linked; nothing when there is none."""

    def __init__(self, path: Path, older: tuple[Path, Manifest] | None) -> None:
        self._older = older
        self._files = Listing(path, () if older is None else older[1].files())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the list."""
        self._files.close()

    def link(self, kept: Kept, target: Path) -> Copied | None:
        """Link what was copied from this very blob; None when it was not."""
        known = self._files.get(path_of(kept.ref))
        if self._older is None or known is None or (known.size, known.mtime) != (kept.size, kept.mtime):
            return None
        try:
            os.link(self._older[0] / path_of(kept.ref), target)
        except OSError:
            return None
        return known


class _Copier:
    """Copies the blobs of a home, those that come in between two rounds too."""

    def __init__(self, shelf: Shelf, target: Path, files: Listing, older: _Older, progress: Progress) -> None:
        self._shelf, self._target, self._files, self._older, self._progress = shelf, target, files, older, progress
        self.linked = 0

    def run(self) -> None:
        """Copy or link every blob that is not here yet."""
        known = sum(1 for _ in self._shelf.walk())
        for number, kept in enumerate(self._shelf.walk(), 1):
            path = path_of(kept.ref)
            if path not in self._files:
                self._take(kept, path)
            self._progress(number, max(number, known))

    def _take(self, kept: Kept, path: str) -> None:
        target = self._target / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        linked = self._older.link(kept, target)
        self.linked += linked is not None
        try:
            self._files.add(path, linked or self._copy(kept, target))
        except FileNotFoundError:  # deleted since it was listed
            target.unlink(missing_ok=True)

    def _copy(self, kept: Kept, target: Path) -> Copied:
        with self._shelf.open(kept.ref) as given:
            return manifest.pour(given, target, kept.mtime)

    def leave_out_arriving(self, snapshot: _Snapshot) -> None:
        """Drop uploads of the last hour that the copied records do not know: they were being received, and a restored
        home would take them for forgotten ones. Older ones stay, for `verify --orphans adopt`."""
        for path in self._files.young(int(1e9 * (time.time() - SETTLED))):
            ref = ref_of(path.removeprefix("blobs/"))
            if ref is not None and ref.kind == "upload" and not snapshot.knows(ref):
                (self._target / path).unlink(missing_ok=True)
                self._files.drop(path)


class _Snapshot:
    """The records as of one moment, copied to `path`, and what they held then."""

    def __init__(self, source: Source, path: Path) -> None:
        self._source = source
        source.records.copy_to(path)
        self._copied = Records(SqliteFile(path, source.keys.service_key("records")), source.keys, path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._copied.close()

    def about(self) -> dict[str, Any]:
        """For the manifest."""
        with self._copied.read() as tx:
            count = tx.session.scalar(select(func.count()).select_from(_D)) or 0
            anchor = journal.anchor(tx)
        return {"documents": count, "journal": {"length": anchor.length, "last": anchor.last}}

    def uploads(self) -> Iterator[BlobRef]:
        """The uploads of everybody who was not erased meanwhile, a patient's together."""
        stated = select(_D.patient_id, _D.blob).order_by(_D.patient_id).execution_options(yield_per=_STEP)
        with self._copied.read() as tx:
            for patient, rows in groupby(tx.session.execute(stated), lambda row: PatientId(row.patient_id)):
                if self._source.keys.has_patient_key(patient):
                    yield from (BlobRef(patient, row.blob) for row in rows)

    def knows(self, ref: BlobRef) -> bool:
        """Whether it is the upload of a document."""
        named = select(_D.document_id).where(_D.patient_id == ref.patient_id, _D.blob == ref.name).limit(1)
        with self._copied.read() as tx:
            return tx.session.scalar(named) is not None


def _keys(source: Source, target: Path, files: Listing) -> None:
    """The key store as it stands, wrapped as it is: nobody writes it meanwhile."""
    with locked(source.keys.folder / LOCK):
        header = Header.read(source.keys.folder)
        if header is None:
            raise AssertionError("a store without a header")
        source.keys.has_patient_key(PatientId(""))  # a read rolls back what a killed writer left half-done
        for name in (HEADER, header.file_name):
            files.add(name, manifest.copy(source.keys.folder / name, target / name))
    _ledger(source, target, files)


def _ledger(source: Source, target: Path, files: Listing) -> None:
    if source.ledger.exists():
        files.add(LEDGER, manifest.copy(source.ledger, target / LEDGER))


def _erasures(source: Source) -> int:
    """Grows with each erasure: the bytes of the ledger."""
    return source.ledger.stat().st_size if source.ledger.exists() else 0


def _hashed(path: Path) -> Copied:
    """Hash a file that SQLite wrote, by way of a copy, so that it is synced like the others."""
    beside = path.with_name(path.name + ".copy")
    copied = manifest.copy(path, beside)
    os.replace(beside, path)
    return copied


def _seal(folder: Path, about: dict[str, Any], files: Listing, key: bytes) -> None:
    """Write the manifest and make every name under `folder` durable."""
    manifest.write(folder, about, files, key)
    files.close()
    for parent, _, _ in os.walk(folder):
        sync_directory(Path(parent))


def _newest(destination: Path) -> tuple[Path, Manifest] | None:
    """The newest whole backup of a folder, to link from."""
    for folder in sorted(destination.glob("anamnese-*Z"), reverse=True):
        try:
            return folder, manifest.read(folder)
        except Refusal:
            continue
    return None


def _clear(destination: Path) -> None:
    """Remove what an interrupted backup left; the lock says that nobody is writing it."""
    for folder in destination.glob(".partial-*"):
        shutil.rmtree(folder)


def _busy() -> Refusal:
    return Refusal(
        "backup",
        "backup-busy",
        "Une autre sauvegarde s'écrit dans ce dossier.",
        "Attendez qu'elle finisse, ou choisissez un autre dossier.",
    )


def _unwritable(error: OSError) -> Refusal:
    return Refusal(
        "backup",
        "backup-unwritable",
        f"La sauvegarde n'a pas pu être écrite : {error.strerror or 'erreur du disque'}.",
        "Rien n'en reste sous son nom. Vérifiez la place et les droits du dossier de destination.",
    )
