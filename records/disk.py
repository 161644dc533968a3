"""The disk: what its failures mean to a person, and the space kept on it for what must be written whatever happens.

A full disk must not stop the journal: without an entry nothing is answered, and a revocation that cannot be recorded
leaves a door open. So a file of `size` bytes holds space that nobody else can take. When less than a quarter of that is
left, it is given up: entries, revocations and states go on in its place, while whatever is bulky (uploads, readings,
the index) waits until there is room for it and for the file again. How long that lasts: see decision 020.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from access.refusal import Refusal

log = logging.getLogger("anamnese.disk")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def full() -> Refusal:
    """There is no room for what is bulky."""
    return Refusal(
        "records",
        "disk-full",
        "Le disque est presque plein : rien de nouveau n'est accepté ; ce qui est reçu attend, rien n'est perdu.",
        "Libérez de l'espace ou agrandissez le disque du dossier de données ; le service reprend de lui-même.",
    )


def storage_refusal(error: OSError) -> Refusal:
    """What a failure of the file system means. Its text may hold a path, so it stays in `__cause__`."""
    if error.errno in _FULL:
        return full()
    if error.errno in _CLOSED:
        return Refusal(
            "records",
            "storage-closed",
            "Le dossier de données, ou le stockage des fichiers, est en lecture seule ou interdit d'accès.",
            "Rendez-le inscriptible (disque remonté en lecture seule ? droits ? compte ?), puis réessayez.",
        )
    return Refusal(
        "records",
        "blobs-unavailable",
        "Le disque du dossier de données, ou le stockage des fichiers, ne répond pas.",
        "Vérifiez-le ; réessayez dans un instant.",
    )


@contextmanager
def on_disk() -> Iterator[None]:
    """Turn what the file system may do to us into a Refusal."""
    try:
        yield
    except OSError as error:
        raise storage_refusal(error) from error


class Reserve:
    """Space of one home, held by a file that several processes share. A `size` of 0 holds nothing and never waits."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size

    def hold(self) -> None:
        """Take the space again when there is room for it and as much again as it keeps free."""
        if not self._size or self._held() or self._free() < self._size + self._size // 2:
            return
        with suppress(OSError):
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            except OSError:
                os.ftruncate(descriptor, 0)
            finally:
                os.close(descriptor)

    def spare(self) -> None:
        """Before a small write that must succeed: give the space up when hardly any other is left."""
        if self._size and self._free() < self._size // 4 and self._held():
            log.error("disk full: the reserved space is given up")
            with suppress(OSError):
                os.truncate(self._path, 0)

    def short(self) -> bool:
        """Whether what is bulky must wait. Tries to hold the space again first."""
        if not self._size:
            return False
        self.hold()
        return not self._held() or self._free() < self._size // 4

    def require(self) -> None:
        """Refusal "disk-full" when what is bulky must wait."""
        if self.short():
            raise full()

    def _held(self) -> bool:
        try:
            return self._path.stat().st_size >= self._size
        except OSError:
            return False

    def _free(self) -> int:
        try:
            disk = os.statvfs(self._path.parent)
        except OSError:
            return 0
        return disk.f_bavail * disk.f_frsize
