"""Which processes work on a home: each keeps a lock on a file of its own, which the kernel frees the moment it dies.

    home/presence/<16 hexadecimal digits>     locked by its process

A lease alone makes the successor of a killed process wait until it is over, and trusts that no clock was set meanwhile.
A lock needs neither. It proves death only: no file, or a lock that cannot be tried, proves nothing, and the lease
decides (a process of another machine whose home is not shared).
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import threading
from collections.abc import Collection
from pathlib import Path

from records.home import make_private_directory

NAME = 16
"""Characters of a process's name, with which the names of its holders begin."""
_TOKEN = re.compile(rf"[0-9a-f]{{{NAME}}}")


class Presence:
    """The processes of one home. Safe for threads, for several processes, and across a fork."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._pid, self._token, self._descriptor = 0, "", -1

    def name(self) -> str:
        """The name of this process, locked from the first call to its death."""
        with self._lock:
            if self._pid != os.getpid():  # a fork shares its parent's lock: it needs one of its own
                if self._descriptor >= 0:
                    os.close(self._descriptor)
                self._token, self._descriptor = self._register()
                self._pid = os.getpid()
            return self._token

    def holder(self) -> str:
        """The name of this thread as a holder of leases: what `dead` compares, and a part of its own.

        The same at every call: what a thread could not give back while records were away is still its own afterwards.
        """
        return f"{self.name()}-{threading.get_ident():x}"

    def dead(self) -> set[str]:
        """Names of processes that ended. Their holders' leases are nobody's."""
        if not self._folder.is_dir():
            return set()
        return {path.name for path in self._folder.iterdir() if _TOKEN.fullmatch(path.name) and self._ended(path)}

    def forget(self, names: Collection[str]) -> None:
        """Remove the files of these dead, once nothing is leased to them."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Leave: whatever this process still holds may be taken over."""
        with self._lock:
            if self._pid == os.getpid():
                os.close(self._descriptor)
            self._pid, self._token, self._descriptor = 0, "", -1

    def _register(self) -> tuple[str, int]:
        make_private_directory(self._folder)
        while True:
            token = secrets.token_hex(NAME // 2)
            path = self._folder / token
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.exists():
                return token, descriptor
            os.close(descriptor)  # taken for a dead one's between its creation and its lock

    def _ended(self, path: Path) -> bool:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True
