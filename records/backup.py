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
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from access.identifiers import PatientId
from access.refusal import Refusal
from records import journal, manifest, tables
from records.blobs import Blobs
from records.database import Records
from records.home import locked, sync_directory
from records.keyring import HEADER, Header
from records.keys import LOCK, KeyStore
from records.manifest import Copied, Manifest
from records.shelf import BlobRef, Kept, Shelf
from records.sqlcipher import SqliteFile
from records.survey import SETTLED

LEDGER = "erased.jsonl"
RECORDS = "records.db"
KEYS = ".keys"
_ROUNDS = 3  # a document may be moved to another patient between the records and its file
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
    copier = _Copier(source.blobs.shelf, partial / "blobs", older, progress)
    for _ in range(_ROUNDS):
        (partial / RECORDS).unlink(missing_ok=True)
        about = _snapshot(source, partial / RECORDS)
        copier.run()
        uploads = about.pop("uploads")
        missing = [ref for ref in uploads if copier.path(ref) not in copier.files]
        if not missing:
            break
    copier.leave_out_arriving(uploads)
    about |= {"made": now.isoformat(), "missing": len(missing)}
    key = manifest.key_of(source.keys)
    _seal(partial_keys, {"kind": "keys", **about}, _keys(source, partial_keys), key)
    files = {**copier.files, RECORDS: _hashed(partial / RECORDS), **_ledger(source, partial)}
    _seal(partial, {"kind": "data", **about}, files, key)
    for made, final in ((partial_keys, keys), (partial, data)):  # the keys first: no data ever stands without them
        os.replace(made, final)
        sync_directory(final.parent)
    total = sum(one.size for one in files.values())
    return Backup(data, keys, now, about["documents"], len(files), copier.linked, total, len(missing))


class _Copier:
    """Copies the blobs of a home, those that come in between two rounds too."""

    def __init__(self, shelf: Shelf, target: Path, older: tuple[Path, Manifest] | None, progress: Progress) -> None:
        self._shelf, self._target, self._older, self._progress = shelf, target, older, progress
        self.files: dict[str, Copied] = {}
        self.linked = 0

    @staticmethod
    def path(ref: BlobRef) -> str:
        """The name of a blob in a backup, as under the home."""
        return f"blobs/{ref.path}"

    def run(self) -> None:
        """Copy or link every blob that is not here yet."""
        found = [kept for kept in self._shelf.walk() if self.path(kept.ref) not in self.files]
        for kept in found:
            target = self._target.parent / self.path(kept.ref)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self.files[self.path(kept.ref)] = self._link(kept, target) or self._copy(kept, target)
            except FileNotFoundError:  # deleted since it was listed
                target.unlink(missing_ok=True)
            self._progress(len(self.files), len(found))

    def _copy(self, kept: Kept, target: Path) -> Copied:
        with self._shelf.open(kept.ref) as given:
            return manifest.pour(given, target, kept.mtime)

    def leave_out_arriving(self, recorded: Iterable[BlobRef]) -> None:
        """Drop uploads of the last hour that the copied records do not know: they were being received, and a restored
        home would take them for forgotten ones. Older ones stay, for `verify --orphans adopt`."""
        known = {self.path(ref) for ref in recorded}
        young = 1e9 * (time.time() - SETTLED)
        for path, one in list(self.files.items()):
            if path.rpartition("/")[2].startswith("upload-") and path not in known and one.mtime > young:
                (self._target.parent / path).unlink(missing_ok=True)
                del self.files[path]

    def _link(self, kept: Kept, target: Path) -> Copied | None:
        """Link what the older backup copied from this very file; None when it did not."""
        if self._older is None:
            return None
        folder, older = self._older
        known = older.files.get(self.path(kept.ref))
        if known is None or (known.size, known.mtime) != (kept.size, kept.mtime):
            return None
        try:
            os.link(folder / self.path(kept.ref), target)
        except OSError:
            return None
        self.linked += 1
        return known


def _snapshot(source: Source, path: Path) -> dict[str, Any]:
    """Copy the records as of one moment, and say what they held then."""
    source.records.copy_to(path)
    copied = Records(SqliteFile(path, source.keys.service_key("records")), source.keys, path.parent)
    try:
        with copied.read() as tx:
            d = tables.Document
            rows = tx.session.execute(select(d.patient_id, d.blob)).all()
            anchor = journal.anchor(tx)
    finally:
        copied.close()
    uploads = [BlobRef(PatientId(row.patient_id), row.blob) for row in rows]
    here = {patient for patient in {ref.patient_id for ref in uploads} if source.keys.has_patient_key(patient)}
    return {
        "documents": len(rows),
        "journal": {"length": anchor.length, "last": anchor.last},
        "uploads": [ref for ref in uploads if ref.patient_id in here],
    }


def _keys(source: Source, target: Path) -> dict[str, Copied]:
    """The key store as it stands, wrapped as it is: nobody writes it meanwhile."""
    with locked(source.keys.folder / LOCK):
        header = Header.read(source.keys.folder)
        if header is None:
            raise AssertionError("a store without a header")
        source.keys.has_patient_key(PatientId(""))  # a read rolls back what a killed writer left half-done
        files = {name: manifest.copy(source.keys.folder / name, target / name) for name in (HEADER, header.file_name)}
    return files | _ledger(source, target)


def _ledger(source: Source, target: Path) -> dict[str, Copied]:
    return {LEDGER: manifest.copy(source.ledger, target / LEDGER)} if source.ledger.exists() else {}


def _hashed(path: Path) -> Copied:
    """Hash a file that SQLite wrote, by way of a copy, so that it is synced like the others."""
    beside = path.with_name(path.name + ".copy")
    copied = manifest.copy(path, beside)
    os.replace(beside, path)
    return copied


def _seal(folder: Path, about: dict[str, Any], files: dict[str, Copied], key: bytes) -> None:
    """Write the manifest and make every name under `folder` durable."""
    manifest.write(folder, about, files, key)
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
