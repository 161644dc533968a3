"""Disks of a few megabytes for tests of bad days: real ones, in memory, full or read-only."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MS_RDONLY, MS_REMOUNT, MNT_DETACH = 1, 32, 2
_libc = ctypes.CDLL(None, use_errno=True)


class Disk:
    """A mounted file system."""

    def __init__(self, path: Path, size: int) -> None:
        self.path, self._size = path, size

    def fill(self) -> Path:
        """Leave no byte free. Returns the file to delete to make room again."""
        ballast = self.path / "ballast"
        with ballast.open("ab", buffering=0) as file:
            for step in (65536, 4096, 1):
                try:
                    while True:
                        file.write(bytes(step))
                except OSError:
                    continue
        return ballast

    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def read_only(self, on: bool) -> None:
        _mount(self.path, self._size, MS_REMOUNT | (MS_RDONLY if on else 0))


@contextmanager
def disk(path: Path, megabytes: int) -> Iterator[Disk]:
    """A disk of `megabytes` at `path`. Needs the right to mount: be root, or run the tests by `unshare --map-root-user
    --mount`."""
    path.mkdir()
    _mount(path, megabytes << 20, 0)
    try:
        yield Disk(path, megabytes << 20)
    finally:
        _libc.umount2(str(path).encode(), MNT_DETACH)


def _mount(path: Path, size: int, flags: int) -> None:
    if _libc.mount(b"tmpfs", str(path).encode(), b"tmpfs", flags, f"size={size},mode=700".encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
