"""A home from a backup: whole and checked, or not at all.

Everything is copied beside the home and hashed on the way; then keys, records and journal are opened there, and what
happened since the backup and is known is made good: ledgers of erasures are honoured, documents that were being read
are queued again. Only then does the folder take the home's name. The index is not part of it: the caller rebuilds it.

What was revoked after the backup is in force again, since nothing here knows of it: the journal says so, and `revoke`
ends every grant at once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access.identifiers import PatientId
from access.refusal import Refusal
from records import erasure, grants, jobs, journal, ledger, manifest, outbox, service_acts
from records.backup import KEYS, LEDGER, RECORDS, path_of
from records.blobs import Blobs
from records.database import Records, fill_server
from records.disk import on_disk
from records.home import locked, make_private_directory, sync_directory
from records.keys import KeyStore
from records.manifest import Listing
from records.master import MasterKey
from records.postgres import Server
from records.shelf import Folder, Place, bucket_of, mark


@dataclass(frozen=True, slots=True)
class Target:
    """Where a home is to be. `keys` and `ledger` may be elsewhere; None: under the home. `server`: of its records;
    `place`: of its blobs."""

    home: Path
    master: MasterKey
    keys: Path | None = None
    ledger: Path | None = None
    server: Server | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Ledgers:
    """Erasure ledgers beyond the backup's own: those named, and those found beside it."""

    given: tuple[Path, ...]
    beside: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `journal_problems` were there when the backup was made."""

    made: str
    documents: int
    files: int
    missing: int
    requeued: int
    erased_again: tuple[PatientId, ...]
    ledgers_unread: int
    grants_in_force: int
    grants_revoked: int
    journal_problems: int

    def as_dict(self) -> dict[str, object]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"erased_again": list(self.erased_again)}


def restore(
    source: Path,
    keys_source: Path,
    target: Target,
    now: datetime,
    *,
    ledgers: Iterable[Path] = (),
    beside: Iterable[Path] = (),
    revoke: bool = False,
    copied: Callable[[int], object] = lambda _: None,
) -> Restored:
    """Make the home `target` from a backup of data and one of its keys, of the same day or later.

    Refusals (nothing is left behind): "home-not-empty", "backup-damaged", "keys-of-another-home", and those of the
    master key, and "ledger-damaged" for one of `ledgers`; one of `beside` that cannot be read is counted. `copied` is
    told the number of files as each arrives.
    """
    job = _Restore(source, keys_source, target, now)
    job.check()
    stage = job.stage
    with locked(stage.with_name(stage.name + ".lock"), busy=_not_empty()):
        try:
            job.copy(copied)
            report = job.settle(Ledgers(tuple(ledgers), tuple(beside)), revoke)
            job.move_blobs()
            job.move_records()
            job.name()
            return report
        except BaseException:
            job.take_back()
            raise
        finally:
            for folder in (stage, job.keys_stage):
                shutil.rmtree(folder, ignore_errors=True)
            stage.with_name(stage.name + ".lock").unlink(missing_ok=True)


class _Restore:
    """One restoration, step by step, in folders beside the final ones."""

    def __init__(self, source: Path, keys_source: Path, target: Target, now: datetime) -> None:
        self._source, self._keys_source, self._target, self._now = source, keys_source, target, now
        self._data, self._wrapped = manifest.read(source), manifest.read(keys_source)
        self.stage = _beside(target.home)
        self.keys_stage = self.stage / "keys" if target.keys is None else _beside(target.keys)

    def check(self) -> None:
        """What can be refused before anything is written."""
        for folder, read, kind in (
            (self._source, self._data, "data"),
            (self._keys_source, self._wrapped, "keys"),
        ):
            if read.about.get("kind") != kind:
                raise manifest.damaged(f"{folder.name}/{manifest.MANIFEST}")
            manifest.look(folder, read)
        for folder in filter(None, (self._target.home, self._target.keys)):
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise _not_empty()
            folder.parent.mkdir(parents=True, exist_ok=True)
        if self._target.place is not None:
            with on_disk():
                if next(bucket_of(self._target.place).walk(), None) is not None:
                    raise _not_empty()

    def copy(self, copied: Callable[[int], object]) -> None:
        """Copy both backups, comparing every hash."""
        for folder in (self.stage, self.keys_stage):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        count = 0

        def one_more() -> None:
            nonlocal count
            count += 1
            copied(count)

        manifest.take(self._keys_source, self._wrapped, self.keys_stage, one_more)
        manifest.take(self._source, self._data, self.stage, one_more)

    def settle(self, ledgers: Ledgers, revoke: bool) -> Restored:
        """Open what was copied and bring it to today."""
        keys = KeyStore.open(self.stage, self._target.master, self.keys_stage)
        try:
            key = manifest.key_of(keys)
            if not (self._data.proven(key) and self._wrapped.proven(key)):
                raise _foreign()
            records = Records.open(self.stage / RECORDS, keys)
            try:
                return self._settle(keys, records, ledgers, revoke)
            finally:
                records.close()
        finally:
            keys.close()

    def _settle(self, keys: KeyStore, records: Records, ledgers: Ledgers, revoke: bool) -> Restored:
        blobs = Blobs(self.stage / "blobs", keys)
        about = self._data.about
        with records.write() as tx:
            problems = journal.verify(tx, journal.Anchor(about["journal"]["length"], about["journal"]["last"]))
            requeued = jobs.requeue_held(tx)
            outbox.drop_cursors(tx)
            in_force = grants.in_force_without_scope(tx, self._now)
            revoked = grants.revoke_all(tx, self._now, "restore") if revoke else 0
            detail = f"{self._source.name}; autorisations {in_force}, révoquées {revoked}"
            service_acts.record(tx, "restore", self._now, by="administration", detail=detail)
        named, unread = self._erased(keys, ledgers)
        at = self._target.ledger or keys.ledger
        return Restored(
            made=str(about["made"]),
            documents=int(about["documents"]),
            files=self._data.count,
            missing=int(about["missing"]),
            requeued=requeued,
            erased_again=tuple(erasure.honour(records, blobs, keys, at, named, self._now)),
            ledgers_unread=unread,
            grants_in_force=in_force,
            grants_revoked=revoked,
            journal_problems=len(problems),
        )

    def _erased(self, keys: KeyStore, ledgers: Ledgers) -> tuple[set[PatientId], int]:
        """Who was erased, by the ledgers of this backup and the others; how many of those could not be read."""
        key = ledger.key_of(keys)
        named: set[PatientId] = set()
        own = filter(None, (self.stage / LEDGER, self.keys_stage / LEDGER, self._target.ledger))
        for path in (*own, *ledgers.given):
            named |= ledger.read(path, key)
        (self.stage / LEDGER).unlink(missing_ok=True)  # of the backup's layout; a home keeps it beside its keys
        unread = 0
        for path in ledgers.beside:
            try:
                named |= ledger.read(path, key)
            except (Refusal, OSError):
                unread += 1
        return named, unread

    def move_blobs(self) -> None:
        """Put the files in the bucket, where that is their place."""
        if self._target.place is None:
            return
        root = self.stage / "blobs"
        shelf = bucket_of(self._target.place)
        with on_disk():
            for kept in Folder(root).walk():
                shelf.put(root / kept.ref.path, kept.ref)
        shutil.rmtree(root)
        make_private_directory(root)
        mark(root, self._target.place)

    def take_back(self) -> None:
        """Remove from the bucket, which held nothing when this began, what was put there."""
        if self._target.place is None or (self._target.home / "blobs").exists():  # the home has its name already
            return
        shelf = bucket_of(self._target.place)
        # What stays there all the same is said by the next restoration, which refuses it.
        with suppress(OSError), Listing(self.stage.with_suffix(".back"), self._data.files()) as put:
            for kept in shelf.walk():
                if path_of(kept.ref) in put:
                    shelf.delete(kept.ref)

    def move_records(self) -> None:
        """Put the records on the server, where that is their place. A failure after it leaves a full database there,
        which the next restore refuses: it is to be dropped first."""
        if self._target.server is None:
            return
        keys = KeyStore.open(self.stage, self._target.master, self.keys_stage)
        try:
            fill_server(self.stage / RECORDS, keys.service_key("records"), self._target.server)
        finally:
            keys.close()
        for left in self.stage.glob(RECORDS + "*"):
            left.unlink()

    def name(self) -> None:
        """Give the folders their names: the keys first, so that no home ever stands without them."""
        for path in self.stage.rglob("*.lock"):
            path.unlink()
        for parent, _, _ in os.walk(self.stage):
            sync_directory(Path(parent))
        if self._target.keys is not None:
            sync_directory(self.keys_stage)
            os.replace(self.keys_stage, self._target.keys)
            sync_directory(self._target.keys.parent)
        os.replace(self.stage, self._target.home)
        sync_directory(self._target.home.parent)


def ledgers_beside(source: Path, keys_source: Path) -> list[Path]:
    """The erasure ledgers of the other backups in the same folders: one made after this backup knows more."""
    beside = {*source.parent.glob(f"anamnese-*/{LEDGER}"), *keys_source.parent.glob(f"anamnese-*{KEYS}/{LEDGER}")}
    return sorted(beside - {source / LEDGER, keys_source / LEDGER})


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.restoring")


def _not_empty() -> Refusal:
    return Refusal(
        "restore",
        "home-not-empty",
        "Le dossier de données à restaurer, celui de ses clés ou le compartiment de ses fichiers n'est pas vide.",
        "Indiquez un dossier neuf par --home (et ANAMNESE_KEYS_DIR, ANAMNESE_BLOBS_URL), ou déplacez l'ancien.",
    )


def _foreign() -> Refusal:
    return Refusal(
        "restore",
        "keys-of-another-home",
        "Ces clés ne sont pas celles de cette sauvegarde, ou son manifeste a été modifié.",
        "Indiquez par --keys la sauvegarde de clés du même service, du même jour ou plus récente.",
    )
