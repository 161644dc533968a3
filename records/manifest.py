"""The manifest of a backup: what it is, every file with its size and hash, and an end that shows a cut.

    {"format": 1, "kind": "data", "made": ..., ...}            what the copy is
    {"path": ..., "size": ..., "sha256": ..., "mtime": ...}    a line a file, by path; `mtime` is the source's, in ns
    {"files": ..., "bytes": ..., "mac": ...}                   counts, and a MAC of the home's own keys over all above

It names files by opaque identifiers and keyed hashes, as a listing of the folder would. It is written and read a line
at a time: a hospital's home has millions of files.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self

from access.refusal import Refusal
from records.keys import KeyStore
from records.sealed import derive

MANIFEST = "manifest.jsonl"
_FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Copied:
    """One file of a backup."""

    size: int
    sha256: str
    mtime: int


class Listing:
    """The files of a backup by path, in a small database on disk that goes with the `with`."""

    def __init__(self, path: Path, files: Iterable[tuple[str, Copied]] = ()) -> None:
        self._path = path
        self._rows = sqlite3.connect(path, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = OFF")  # nothing of it outlives a crash
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute(
            "CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER, sha256 TEXT, mtime INTEGER) WITHOUT ROWID"
        )
        self._rows.execute("BEGIN")
        for name, one in files:
            self.add(name, one)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove it."""
        self._rows.close()
        self._path.unlink(missing_ok=True)

    def add(self, path: str, one: Copied) -> None:
        """Name a file, in place of what had this path."""
        self._rows.execute("REPLACE INTO files VALUES (?, ?, ?, ?)", (path, one.size, one.sha256, one.mtime))

    def drop(self, path: str) -> None:
        """Name it no more."""
        self._rows.execute("DELETE FROM files WHERE path = ?", (path,))

    def get(self, path: str) -> Copied | None:
        """A file, or None."""
        row = self._rows.execute("SELECT size, sha256, mtime FROM files WHERE path = ?", (path,)).fetchone()
        return None if row is None else Copied(*row)

    def __contains__(self, path: str) -> bool:
        return self.get(path) is not None

    def __iter__(self) -> Iterator[tuple[str, Copied]]:
        """All of them, by path."""
        for path, *rest in self._rows.execute("SELECT path, size, sha256, mtime FROM files ORDER BY path"):
            yield path, Copied(*rest)

    def young(self, since: int) -> list[str]:
        """The paths of what is younger than `since`, in nanoseconds."""
        return [path for (path,) in self._rows.execute("SELECT path FROM files WHERE mtime > ?", (since,))]

    def totals(self) -> tuple[int, int]:
        """How many files, and their bytes."""
        files, size = self._rows.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM files").fetchone()
        return int(files), int(size)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read once and is whole. `count`: files it names; `mac`: what its writer's key said of it.

    Its lines are read from disk again, and must be those of the first time (`digest`). Refusal "backup-damaged".
    """

    path: Path
    about: Mapping[str, Any]
    count: int
    mac: str
    digest: bytes

    def files(self) -> Iterator[tuple[str, Copied]]:
        """What it names, by path."""
        for number, line, last in self._again():
            if number and not last:
                yield _entry(line)

    def proven(self, key: bytes) -> bool:
        """Whether the holder of these keys wrote it."""
        mac = hmac.new(key, digestmod=hashlib.sha256)
        for _, line, last in self._again():
            if not last:
                mac.update(line)
        return hmac.compare_digest(self.mac, mac.hexdigest())

    def _again(self) -> Iterator[tuple[int, bytes, bool]]:
        seen = hashlib.sha256()
        try:
            for number, line, last in _lines(self.path):
                seen.update(line)
                yield number, line, last
        except _UNREADABLE:
            raise damaged(MANIFEST) from None
        if seen.digest() != self.digest:
            raise damaged(MANIFEST)


def key_of(keys: KeyStore) -> bytes:
    """The key of the MAC."""
    return derive(keys.service_key("records"), "anamnese/backups/1")


def write(folder: Path, about: Mapping[str, Any], files: Listing, key: bytes) -> None:
    """Write the manifest of a folder, durably; the folder's own name is not synced."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    descriptor = os.open(folder / MANIFEST, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:

        def put(value: Mapping[str, Any]) -> None:
            line = _line(value)
            mac.update(line)
            file.write(line)

        put({"format": _FORMAT, **about})
        for path, one in files:
            put({"path": path, "size": one.size, "sha256": one.sha256, "mtime": one.mtime})
        count, size = files.totals()
        file.write(_line({"files": count, "bytes": size, "mac": mac.hexdigest()}))
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Manifest:
    """The manifest of a backup. Refusal "backup-damaged" when it is missing, cut, or none of ours."""
    about: dict[str, Any] = {}
    end: dict[str, Any] = {}
    count, before = 0, ""
    seen = hashlib.sha256()
    try:
        for number, line, last in _lines(folder / MANIFEST):
            seen.update(line)
            if number == 0:
                about = json.loads(line)
            elif last:
                end = json.loads(line)
            else:
                path, _ = _entry(line)
                if path <= before:  # by path, each once
                    raise damaged(MANIFEST)
                count, before = count + 1, path
        if about["format"] != _FORMAT or end["files"] != count:
            raise damaged(MANIFEST)
        return Manifest(folder / MANIFEST, about, count, str(end["mac"]), seen.digest())
    except _UNREADABLE:
        raise damaged(MANIFEST) from None


def copy(source: Path, target: Path) -> Copied:
    """Copy a file, durably but for its name, and hash what was copied."""
    with source.open("rb") as given:
        return pour(given, target, os.fstat(given.fileno()).st_mtime_ns)


def pour(given: BinaryIO, target: Path, mtime: int) -> Copied:
    """The same of what an open reader holds."""
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as taken:
        while chunk := given.read(_CHUNK):
            digest.update(chunk)
            taken.write(chunk)
            size += len(chunk)
        taken.flush()
        os.fsync(taken.fileno())
    return Copied(size, digest.hexdigest(), mtime)


def look(folder: Path, manifest: Manifest) -> None:
    """Refuse at once a folder whose files are missing or of another size; the hashes are compared while copying."""
    for path, expected in manifest.files():
        file = folder / path
        if not file.is_file() or file.stat().st_size != expected.size:
            raise damaged(path)


def take(folder: Path, manifest: Manifest, target: Path, copied: Callable[[], object] = lambda: None) -> None:
    """Copy every file of a backup into `target`. Refusal "backup-damaged" for the first that is not what it was."""
    for path, expected in manifest.files():
        (target / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            found = copy(folder / path, target / path)
        except OSError:
            raise damaged(path) from None
        if (found.size, found.sha256) != (expected.size, expected.sha256):
            raise damaged(path)
        copied()


def damaged(path: str) -> Refusal:
    """A file of a backup is not what was written."""
    return Refusal(
        "restore",
        "backup-damaged",
        f"La sauvegarde est abîmée ou incomplète : {path}.",
        "Rien n'a été restauré. Prenez une autre copie de cette sauvegarde, ou une sauvegarde plus ancienne.",
    )


def _safe(path: object) -> str:
    """A path that stays inside the folder."""
    pure = PurePosixPath(str(path))
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ValueError("a path that leaves the backup")
    return str(pure)


_UNREADABLE = (OSError, ValueError, KeyError, TypeError)


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Each line with its number, and whether it is the last. ValueError for one that is cut."""
    with path.open("rb") as file:
        held = None
        for number, line in enumerate(file):
            if held is not None:
                yield number - 1, held, False
            held = line
        if held is None or not held.endswith(b"\n"):
            raise ValueError("a line that is cut")
        yield number, held, True


def _entry(line: bytes) -> tuple[str, Copied]:
    try:
        value = json.loads(line)
        return _safe(value["path"]), Copied(int(value["size"]), str(value["sha256"]), int(value["mtime"]))
    except _UNREADABLE:
        raise damaged(MANIFEST) from None


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
