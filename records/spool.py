"""The spool: where an emergency card is journalled while the journal's store cannot be written (decision 065).

A file of fixed size beside the records, its space taken when the home is opened, so that a full disk does not close it.
An entry is sealed, written and synced before the card leaves, and chained into the journal as soon as that is back.

    generation(16) | entry | entry | … | 0        entry: length(4) | sealed Entry, bound to its generation and place

A new generation makes the file empty in one write of 20 bytes. Threads and processes take turns by a lock on the file.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from records import journal, tables
from records.database import Records, Tx
from records.disk import on_disk
from records.home import sync_directory
from records.journal import Entry
from records.sealed import derive, seal, unseal
from records.visitors import note_visit

log = logging.getLogger("anamnese.spool")
SIZE = 1024 * 1024
"""Bytes of the file: about 1,500 cards of a dozen documents."""
_GENERATION, _LENGTH = 16, 4
_HEAD = _GENERATION + _LENGTH
LATE = "journal-spool"
"""The detail of an entry that was chained in later."""


def spool_full() -> Refusal:
    """The spool takes no more: then nothing is shown."""
    return Refusal(
        "journal",
        "spool-full",
        "Le journal de secours des cartes d'urgence est plein.",
        "Rétablissez l'écriture des dossiers ; les accès gardés y seront inscrits.",
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """What stands in the file: entries, where the next one goes, and whether something does not open."""

    generation: bytes
    entries: tuple[Entry, ...]
    end: int
    damaged: bool


class Spool:
    """Of one home, shared by its processes. `key` is the journal's service key."""

    def __init__(self, path: Path, key: Callable[[], bytes]) -> None:
        self._path, self._key = path, key

    def hold(self) -> None:
        """Make the file and take its space. Refusal "disk-full" or "storage-closed" when it cannot be had."""
        with on_disk():
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_size < SIZE:
                    os.posix_fallocate(descriptor, 0, SIZE)
                    if not any(os.pread(descriptor, _GENERATION, 0)):
                        _begin(descriptor)
                    sync_directory(self._path.parent)
            finally:
                os.close(descriptor)

    def keep(self, entry: Entry) -> None:
        """Write an entry and sync it. Refusal when it is not on the disk: then nothing may be shown."""
        with self._locked() as descriptor:
            read = self._read(descriptor)
            if read.damaged:
                raise _not_ours()
            place = _place(read.generation, len(read.entries))
            sealed = seal(self._spool_key, json.dumps(journal.as_dict(entry)).encode("ascii"), place)
            if read.end + _LENGTH + len(sealed) + _LENGTH > SIZE:
                raise spool_full()
            _write(descriptor, sealed + bytes(_LENGTH), read.end + _LENGTH)
            _write(descriptor, len(sealed).to_bytes(_LENGTH, "big"), read.end)  # from here on it is an entry

    def waiting(self) -> list[Entry]:
        """The entries that are not in the journal yet, oldest first."""
        if not self._path.exists():
            return []
        with self._locked() as descriptor:
            return list(self._read(descriptor).entries)

    def drain(self, records: Records) -> int:
        """Chain what waits into the journal, then empty the file; returns how many entries were added.

        A stop between the two chains nothing twice: an entry that the journal has is left out. A file with a part that
        does not open is kept aside, for an auditor to see.
        """
        if not self._path.exists():
            return 0
        with self._locked() as descriptor:
            read = self._read(descriptor)
            if not read.entries and not read.damaged:
                return 0
            with records.write() as tx:
                added = sum(_chain_in(tx, entry) for entry in read.entries)
            if read.damaged:
                log.error("spool: a part does not open, the file is kept aside")
                os.replace(self._path, self._path.with_name(f"{self._path.name}.{read.generation.hex()}"))
            else:
                _begin(descriptor)
        if read.damaged:
            self.hold()
        log.warning("spool: %d emergency cards chained into the journal", added)
        return added

    @property
    def _spool_key(self) -> bytes:
        return derive(self._key(), "anamnese/journal/spool/1")

    @contextmanager
    def _locked(self) -> Iterator[int]:
        with on_disk():
            while True:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                    if os.fstat(descriptor).st_ino == self._path.stat().st_ino:  # not one kept aside while we waited
                        yield descriptor
                        return
                finally:
                    os.close(descriptor)

    def _read(self, descriptor: int) -> _Read:
        data = os.pread(descriptor, SIZE, 0)
        generation, at = data[:_GENERATION], _GENERATION
        entries: list[Entry] = []
        key = self._spool_key
        while length := int.from_bytes(data[at : at + _LENGTH], "big"):
            sealed = data[at + _LENGTH : at + _LENGTH + length]
            try:
                plain = unseal(key, sealed, _place(generation, len(entries)))
            except Refusal:
                return _Read(generation, tuple(entries), at, damaged=True)
            entries.append(_entry(plain))
            at += _LENGTH + length
        return _Read(generation, tuple(entries), at, damaged=False)


def _chain_in(tx: Tx, entry: Entry) -> bool:
    """Append an entry with the time it has, and tell of a first access. False when the journal has it already."""
    content = journal.canonical(entry)
    known = select(tables.JournalEntry.position).where(
        tables.JournalEntry.patient_id == entry.patient_id, tables.JournalEntry.content == content
    )
    if tx.session.scalar(known.limit(1)) is not None:
        return False
    journal.append(tx, entry)
    patient = tx.session.get(tables.Patient, entry.patient_id)
    if patient is not None and entry.caller_kind == "practitioner":
        note_visit(tx, entry.patient_id, entry.on_behalf or entry.caller, entry.at)
    return True


def _entry(plain: bytes) -> Entry:
    value = json.loads(plain)
    value["at"] = datetime.fromisoformat(value["at"])
    value["documents"] = tuple(DocumentId(one) for one in value["documents"])
    value["patient_id"] = PatientId(value["patient_id"])
    return Entry(**value)


def _place(generation: bytes, number: int) -> str:
    return f"journal/spool/{generation.hex()}/{number}"


def _begin(descriptor: int) -> None:
    """Empty the file: what stood in it opens under no other generation."""
    _write(descriptor, secrets.token_bytes(_GENERATION) + bytes(_LENGTH), 0)


def _write(descriptor: int, data: bytes, at: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], at + done)
    os.fsync(descriptor)


def _not_ours() -> Refusal:
    return Refusal(
        "journal",
        "spool-damaged",
        "Le journal de secours des cartes d'urgence est abîmé.",
        "Rétablissez l'écriture des dossiers : le fichier est mis de côté et un autre le remplace.",
    )
