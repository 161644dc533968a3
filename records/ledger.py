"""The erasure ledger: which patients were erased, in a file that outlives the home and its backups.

One JSON object a line, each under a MAC of the home's own keys, so that nobody adds an erasure. It holds opaque
identifiers and dates. `restore` honours every ledger that it finds: a key destroyed after a backup does not come back.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from access.identifiers import PatientId
from access.refusal import Refusal
from records.home import locked, sync_directory
from records.keys import KeyStore
from records.sealed import derive, keyed_hash


def key_of(keys: KeyStore) -> bytes:
    """The key of its MACs: of one that a home has from its first day, so that its oldest backup reads the newest."""
    return derive(keys.service_key("records"), "anamnese/erasures/1")


def append(path: Path, key: bytes, patient_id: PatientId, at: datetime) -> None:
    """Add a patient, durably; nothing happens when they are there."""
    with locked(path.with_name(path.name + ".lock")):
        if patient_id in read(path, key):
            return
        value = {"patient": patient_id, "at": at.isoformat(), "mac": _mac(key, patient_id, at.isoformat())}
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)  # a line that a power cut left without its end
            file.seek(0, os.SEEK_END)
            file.write(json.dumps(value).encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_directory(path.parent)


def read(path: Path, key: bytes) -> frozenset[PatientId]:
    """The patients named; nobody when there is no file. Refusal "ledger-damaged" for a line that is not ours.

    A last line without its end was being written when the power went: its erasure had not begun, and is begun again by
    whoever asked for it.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return frozenset()
    return frozenset(_entries([line for line in lines if line.endswith(b"\n")], key))


def _entries(lines: Iterable[bytes], key: bytes) -> Iterable[PatientId]:
    for line in lines:
        try:
            value = json.loads(line)
            patient, at, mac = str(value["patient"]), str(value["at"]), str(value["mac"])
        except (ValueError, KeyError, TypeError):
            raise _damaged() from None
        if not hmac.compare_digest(mac, _mac(key, patient, at)):
            raise _damaged()
        yield PatientId(patient)


def _mac(key: bytes, patient: str, at: str) -> str:
    return keyed_hash(key, "erased", patient, at).hex()


def _damaged() -> Refusal:
    return Refusal(
        "records",
        "ledger-damaged",
        "Le registre des effacements est abîmé ou vient d'ailleurs.",
        "Restaurez-le depuis une sauvegarde des clés ; sans lui, un dossier effacé pourrait revenir.",
    )
