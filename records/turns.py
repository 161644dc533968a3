"""Whose turn it is to write to a database file: one thread of one process at a time, and nobody for ever.

SQLite's own waiting sleeps up to 100 ms between two tries, so that whoever never sleeps wins every time: with 40
processes writing without a pause a write waited up to 22 s (p99 18.8 s, median 0.04). Here a waiter tries every few
milliseconds, and one of them is the next: whoever just wrote has to become the next first, like all the others.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from records.disk import on_disk

FIRST, LONGEST = 0.0005, 0.004  # seconds between two tries: 250 tries a second cost a waiting process 0.3 % of a core
_locks: dict[str, threading.Lock] = {}
_descriptors: dict[str, int] = {}
_writing = threading.local()


def _after_fork() -> None:
    """A lock held by a thread that a fork did not copy would never be freed in the child, and a lock on a file is
    shared with the parent."""
    global _writing
    for name in list(_locks):
        _locks[name] = threading.Lock()
    for descriptor in _descriptors.values():
        os.close(descriptor)
    _descriptors.clear()
    _writing = threading.local()


os.register_at_fork(after_in_child=_after_fork)


def _mine() -> set[str]:
    """The files that this thread is writing to."""
    if not hasattr(_writing, "names"):
        _writing.names = set()
    names: set[str] = _writing.names
    return names


@contextmanager
def turn(path: Path, patience: float) -> Iterator[None]:
    """Be the only writer to the database `path`. TimeoutError after `patience` seconds; it does not nest."""
    name = str(path)
    if name in _mine():
        raise RuntimeError("a write inside a write would wait for itself")
    deadline = time.monotonic() + patience
    lock = _locks.setdefault(name, threading.Lock())
    if not lock.acquire(timeout=patience):
        raise TimeoutError
    try:
        descriptor, following = _descriptor(f"{name}.write.lock"), _descriptor(f"{name}.next.lock")
        try:
            _wait(following, deadline)
            _wait(descriptor, deadline)
        finally:
            fcntl.flock(following, fcntl.LOCK_UN)
        _mine().add(name)
        try:
            yield
        finally:
            _mine().discard(name)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        lock.release()


def leave(path: Path) -> None:
    """Close what this process keeps open for its turns; the next one opens it again."""
    with _locks.setdefault(str(path), threading.Lock()):
        for name in (f"{path}.write.lock", f"{path}.next.lock"):
            if name in _descriptors:
                os.close(_descriptors.pop(name))


def _descriptor(name: str) -> int:
    if name not in _descriptors:
        with on_disk():
            _descriptors[name] = os.open(name, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o600)
    return _descriptors[name]


def _wait(descriptor: int, deadline: float) -> None:
    pause = FIRST
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError from None
        else:
            return
        time.sleep(pause)
        pause = min(LONGEST, pause * 2)
