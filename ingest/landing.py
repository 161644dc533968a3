"""A folder where files land: what is completely written, and where it goes afterwards. Knows nothing of documents.

    DIR/<patient's folder>/…/file     landed; hidden names and names of files being written are left alone
    DIR/.done/…                       taken, under the same path
    DIR/.refused/…                    refused, beside `<name>.note.txt`

Polled, because shares of a network tell nobody what others write to them. Nothing is followed: no link, no device.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from access.refusal import Refusal

log = logging.getLogger("anamnese.watch")
DONE, REFUSED, LOCK = ".done", ".refused", ".watch.lock"
NOTE = ".note.txt"
UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".temp", ".swp", "~")
"""How scanners, browsers and copying tools name what they are still writing."""
LONGEST_NAME = 200  # bytes: with a number and NOTE it stays under the 255 of every file system
DEPTH = 8  # folders inside a patient's


@dataclass(frozen=True, slots=True)
class Sign:
    """What changes when a file does."""

    inode: int
    size: int
    modified: int  # nanoseconds

    @classmethod
    def of(cls, found: os.stat_result) -> Sign:
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Landed:
    """A file that lies there, unchanged for long enough. `inside`: its path under the folder."""

    path: Path
    inside: Path
    sign: Sign
    regular: bool


class Landing:
    """One watched folder. For one thread; `alone` keeps other processes away."""

    def __init__(self, root: Path, settle: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`settle`: seconds of `clock` without a change after which a file is completely written."""
        self.root, self.settle, self._clock = root, settle, clock
        self._seen: dict[Path, tuple[Sign, float]] = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only watcher. Refusals "no-such-folder", "already-watched"."""
        if not self.root.is_dir():
            raise Refusal("receive", "no-such-folder", "Le dossier à surveiller n'existe pas.", "Créez-le d'abord.")
        descriptor = os.open(self.root / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Refusal(
                "receive", "already-watched", "Ce dossier est déjà surveillé.", "Arrêtez l'autre surveillance d'abord."
            ) from None
        finally:
            os.close(descriptor)

    def look(self) -> tuple[list[Landed], int]:
        """What is completely written now, by name, and how many files are not yet. Raises OSError when DIR is away."""
        now = self._clock()
        seen: dict[Path, tuple[Sign, float]] = {}
        ready: list[Landed] = []
        for path, found in _walk(self.root, DEPTH):
            sign = Sign.of(found)
            before = self._seen.get(path)
            since = before[1] if before is not None and before[0] == sign else now
            seen[path] = (sign, since)
            if now - since >= self.settle:
                ready.append(Landed(path, path.relative_to(self.root), sign, stat.S_ISREG(found.st_mode)))
        self._seen = seen
        return ready, len(seen) - len(ready)

    def move(self, landed: Landed, where: str, note: str = "") -> bool:
        """Move a file to DONE or REFUSED, its note before it, so that none is refused in silence. Never over another.

        False, and nothing moved, when the file is no longer the one that was taken.
        """
        folder = self.root / where / landed.inside.parent
        folder.mkdir(parents=True, exist_ok=True)
        target = _free_name(folder, landed.inside.name)
        if note:
            write_note(target, note)
        try:
            os.rename(landed.path, target)
        except FileNotFoundError:
            moved = False
        else:
            moved = Sign.of(target.lstat()) == landed.sign
            if not moved:  # another version landed in this very moment: it is not what was taken
                os.rename(target, _free_name(landed.path.parent, landed.inside.name))
        if not moved and note:
            note_of(target).unlink(missing_ok=True)
        _sync(folder)
        return moved

    def delete(self, landed: Landed) -> bool:
        """Delete a file that was taken, by way of DONE so that no other version goes with it."""
        folder = self.root / DONE
        folder.mkdir(exist_ok=True)
        passing = folder / f".{landed.sign.inode}"
        try:
            os.rename(landed.path, passing)
        except FileNotFoundError:
            return False
        if Sign.of(passing.lstat()) == landed.sign:
            passing.unlink()
            return True
        os.rename(passing, _free_name(landed.path.parent, landed.inside.name))
        return False


def opened(landed: Landed) -> int:
    """A descriptor of a landed file. Refusals "not-a-file", "unreadable-file", "still-written"."""
    if not landed.regular:
        raise _not_a_file()
    try:
        descriptor = os.open(landed.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise still_written() from None
    except OSError as error:
        raise (_not_a_file() if error.errno == errno.ELOOP else _unreadable()) from None
    if Sign.of(os.fstat(descriptor)) == landed.sign and not _has_writer(descriptor):
        return descriptor
    os.close(descriptor)
    raise still_written()


class Whole:
    """A stream of a landed file that refuses to end when the file changed while it was read."""

    def __init__(self, descriptor: int, landed: Landed) -> None:
        self._descriptor, self._landed = descriptor, landed

    def read(self, size: int, /) -> bytes:
        try:
            data = os.read(self._descriptor, size)
        except OSError:
            raise _unreadable() from None
        if not data and Sign.of(os.fstat(self._descriptor)) != self._landed.sign:
            raise still_written()
        return data


def note_of(path: Path) -> Path:
    """Where the note on a file stands."""
    return path.with_name(path.name + NOTE)


def write_note(path: Path, text: str) -> None:
    """Write the note on `path`, whole or not at all; unchanged when it says so already."""
    note = note_of(path)
    with suppress(OSError):
        if note.read_text(encoding="utf-8") == text:
            return
    note.parent.mkdir(parents=True, exist_ok=True)
    pending = note.with_name(f".{sha256(os.fsencode(note.name)).hexdigest()[:16]}.tmp")
    with pending.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(pending, note)


def still_written() -> Refusal:
    """Somebody writes the file: it is looked at again later."""
    return Refusal("receive", "still-written", "Le fichier est en cours d'écriture.", "Attendez qu'il soit complet.")


def _walk(folder: Path, depth: int) -> Iterator[tuple[Path, os.stat_result]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
            continue
        try:
            if not entry.is_dir(follow_symlinks=False):
                yield Path(entry.path), entry.stat(follow_symlinks=False)
            elif depth:
                yield from _walk(Path(entry.path), depth - 1)
        except FileNotFoundError:
            continue
        except PermissionError:
            log.warning("a folder or a file of the watched one cannot be looked into")


def _has_writer(descriptor: int) -> bool:
    """Whether a process of this machine has the file open for writing, where the kernel can tell: a read lease is
    refused then (fcntl(2)). Elsewhere (shares, files of other owners) only time tells."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False


def _free_name(folder: Path, name: str) -> Path:
    """`name` in `folder`, numbered when it is taken, shortened when it leaves no room for that."""
    raw = os.fsencode(name)
    if len(raw) > LONGEST_NAME:
        mark = sha256(raw).hexdigest()[:12]
        name = f"{os.fsdecode(raw[: LONGEST_NAME - 40]).encode('utf-8', 'ignore').decode()}-{mark}{_suffix(name)}"
    target, number = folder / name, 1
    while os.path.lexists(target):
        target = folder / f"{name}.{number}"
        number += 1
    return target


def _suffix(name: str) -> str:
    suffix = Path(name).suffix
    return suffix if len(os.fsencode(suffix)) <= 16 else ""


def _sync(folder: Path) -> None:
    """Make the move durable where the file system can. Without it a power cut brings the file back: it is taken again,
    as the same document."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _not_a_file() -> Refusal:
    return Refusal(
        "receive",
        "not-a-file",
        "Ce n'est pas un fichier (lien, périphérique ou autre) ; les liens ne sont pas suivis.",
        "Déposez le fichier lui-même.",
    )


def _unreadable() -> Refusal:
    return Refusal(
        "receive",
        "unreadable-file",
        "Le fichier n'a pas pu être lu.",
        "Vérifiez ses droits et le disque, puis redéposez-le.",
    )
