"""The manifest of a backup: what it is, every file with its size and hash, and an end that shows a cut.

    {"format": 1, "kind": "data", "made": ..., ...}            what the copy is
    {"path": ..., "size": ..., "sha256": ..., "mtime": ...}    a line a file; `mtime` is the source's, in nanoseconds
    {"files": ..., "bytes": ..., "mac": ...}                   counts, and a MAC of the home's own keys over all above

It names files by opaque identifiers and keyed hashes, as a listing of the folder would.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from access.refusal import Refusal
from records.home import durable
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


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as read: `body` is what its MAC covers."""

    about: Mapping[str, Any]
    files: Mapping[str, Copied]
    body: bytes
    mac: str

    def proven(self, key: bytes) -> bool:
        """Whether the holder of these keys wrote it."""
        return hmac.compare_digest(self.mac, _mac(key, self.body))


def key_of(keys: KeyStore) -> bytes:
    """The key of the MAC."""
    return derive(keys.service_key("records"), "anamnese/backups/1")


def write(folder: Path, about: Mapping[str, Any], files: Mapping[str, Copied], key: bytes) -> None:
    """Write the manifest of a folder, durably; the folder's own name is not synced."""
    lines: list[dict[str, Any]] = [{"format": _FORMAT, **about}]
    lines += [
        {"path": path, "size": one.size, "sha256": one.sha256, "mtime": one.mtime}
        for path, one in sorted(files.items())
    ]
    body = b"".join(_line(line) for line in lines)
    end = {"files": len(files), "bytes": sum(one.size for one in files.values()), "mac": _mac(key, body)}
    durable(folder / MANIFEST, body + _line(end))


def read(folder: Path) -> Manifest:
    """The manifest of a backup. Refusal "backup-damaged" when it is missing, cut, or none of ours."""
    try:
        content = (folder / MANIFEST).read_bytes()
        lines = content.splitlines(keepends=True)
        about, *entries, end = (json.loads(line) for line in lines)
        files = {_safe(e["path"]): Copied(int(e["size"]), str(e["sha256"]), int(e["mtime"])) for e in entries}
        whole = content.endswith(b"\n") and end["files"] == len(entries) == len(files)
        if about["format"] != _FORMAT or not whole:
            raise damaged(MANIFEST)
        return Manifest(about, files, b"".join(lines[:-1]), str(end["mac"]))
    except (OSError, ValueError, KeyError, TypeError):
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
    for path, expected in manifest.files.items():
        file = folder / path
        if not file.is_file() or file.stat().st_size != expected.size:
            raise damaged(path)


def take(folder: Path, manifest: Manifest, target: Path, copied: Callable[[], object] = lambda: None) -> None:
    """Copy every file of a backup into `target`. Refusal "backup-damaged" for the first that is not what it was."""
    for path, expected in manifest.files.items():
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


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def _mac(key: bytes, body: bytes) -> str:
    return hmac.digest(key, body, hashlib.sha256).hex()
