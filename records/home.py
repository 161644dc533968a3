"""The data directory on disk: private files, durable renames, a lock between processes, the master key's file."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from access.refusal import Refusal
from records.disk import on_disk, storage_refusal


def make_private_directory(path: Path) -> None:
    """Make `path` and its parents when absent, durably; the last one is its owner's only. Refusal "home-unusable",
    "disk-full" or "storage-closed"."""
    try:
        if not path.is_dir():
            absent = [one for one in (path, *path.parents) if not one.exists()]
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for one in absent:
                sync_directory(one.parent)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise storage_refusal(error) from error
        raise Refusal(
            "records",
            "home-unusable",
            "Le dossier de données ne peut être ni créé ni protégé.",
            "Indiquez par ANAMNESE_HOME un dossier qui vous appartient.",
        ) from None


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable: a renamed file survives a power cut only after this."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` against other processes and threads; freed when a holder dies."""
    with on_disk():
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def master_key(path: Path, *, create: bool) -> bytes:
    """The 32 bytes in the master key's file: 64 hexadecimal digits, or the raw bytes. Made (0600) when `create`."""
    try:
        if create and not path.exists():
            _write_master_key(path)
        content = path.read_bytes()
    except OSError:
        raise Refusal(
            "records",
            "master-key-missing",
            "La clé maîtresse de ce dossier de données est introuvable ou illisible.",
            "Remettez son fichier en place, ou indiquez-le par ANAMNESE_MASTER_KEY_FILE.",
        ) from None
    if len(content) == 32:
        return content
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Refusal(
            "records",
            "master-key-malformed",
            "Le fichier de la clé maîtresse ne contient pas une clé de 32 octets.",
            "Il doit contenir 64 chiffres hexadécimaux.",
        )
    return key


def _write_master_key(path: Path) -> None:
    """Durable before any key is wrapped by it: a key lost after that loses every document."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)
