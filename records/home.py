"""The data directory on disk: private files, durable renames, overwriting, a lock between processes."""

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

_BLOCK = 64 * 1024


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
def locked(path: Path, *, busy: Refusal | None = None) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` against other processes and threads; freed when a holder dies.

    Waits for it, or raises `busy` when given and somebody holds it.
    """
    with on_disk():
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if busy is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if busy is None:
                raise
            raise busy from None
        yield
    finally:
        os.close(descriptor)


def durable(path: Path, content: bytes) -> None:
    """Write a new private file (0600) whose bytes survive a power cut; its name does after `sync_directory`."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(path: Path, content: bytes) -> None:
    """Give `path` new content in one step: after a power cut it holds the old or the new."""
    pending = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    durable(pending, content)
    os.replace(pending, path)
    sync_directory(path.parent)


def add_whole(path: Path, content: bytes) -> None:
    """Like `durable`, for a file that others may read at any moment: they see nothing or all of it."""
    pending = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    durable(pending, content)
    try:
        os.link(pending, path)  # unlike a renaming, it replaces nothing
    finally:
        pending.unlink()


def shred(path: Path) -> None:
    """Overwrite a file, then remove it. Says nothing about blocks that a disk or a file system kept elsewhere."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        for _ in range(-(-os.fstat(file.fileno()).st_size // _BLOCK)):
            file.write(os.urandom(_BLOCK))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_directory(path.parent)
