"""A ZIP archive that was sent to be imported: looked through from end to end before anything in it is deposited.

What is wrong with one file is that file's; what is wrong with the archive refuses all of it, so that a cut or damaged
one never leaves half of its documents behind. No name in it is a path here: it is told, and says whose a file is.
"""

from __future__ import annotations

import errno
import io
import re
import stat
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import BinaryIO, cast

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.ndjson import lines_in
from ingest.parsers.archive import NOISE, SUBMISSION
from ingest.parsers.zip_file import ZipFile, damaged
from ingest.workbench import Workbench
from records import bulk_files, bulks, patients
from records.blobs import Blobs
from records.bulks import Bulk, Part
from records.disk import on_disk
from records.shelf import BlobRef

MOST = 20_000
"""Items of what is sent: all are written down in one transaction, during which nobody else writes."""
_DIRECTORY = 8 * 1024 * 1024
"""Bytes of an archive's directory, which is read at once: 400 for each of MOST files."""
_LOCAL = 30  # bytes of the header before a file's own, besides its name
_CHUNK = 256 * 1024
_RENEW = 60.0  # seconds: a gibibyte takes ten, or a minute on a slow disk
_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")  # a file; nothing; the first of several parts
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The other methods take as much memory as an archive asks for."""
_OWN = frozenset({"encrypted-zip", "suspicious-zip"})
_DRIVE = re.compile(r"[A-Za-z]:")

TOO_MANY = Refusal("receive", "too-many-lines", "Cet import a trop de lignes ou de documents.", "Divisez-le.")
ONE_DOCUMENT = Refusal(
    "receive",
    "archive-is-a-document",
    "Cette archive est elle-même un document (Word, OpenDocument, lot XDM…).",
    "Mettez-la, telle quelle, dans une archive avec les autres documents.",
)
OUTSIDE = Refusal(
    "receive",
    "bad-file-name",
    "Le nom de ce fichier sort de l'archive (« .. », disque ou racine).",
    "Refaites l'archive depuis le dossier des documents.",
)
TWICE = Refusal(
    "receive",
    "duplicate-file-name",
    "Plusieurs fichiers de l'archive portent ce nom : lequel est le bon n'est pas sûr, aucun n'est pris.",
    "Donnez à chacun un nom, ou retirez les anciens.",
)
NO_FILE = Refusal(
    "receive",
    "unreadable-file",
    "Ce n'est pas un fichier mais un lien, qui n'est pas suivi.",
    "Mettez dans l'archive le fichier lui-même.",
)
METHOD = Refusal(
    "receive",
    "unsupported-compression",
    "Ce fichier est compressé d'une façon qui n'est pas lue.",
    "Refaites l'archive en ZIP ordinaire (Deflate).",
)


@dataclass(frozen=True, slots=True)
class File:
    """A file of an archive. `name`: its way from the archive's root. `fault`: why it cannot be deposited."""

    name: str
    entry: zipfile.ZipInfo
    fault: Refusal | None

    @property
    def holds_lines(self) -> bool:
        """Whether it is a file of FHIR NDJSON, by its name: what is in it says so of one resource only."""
        return self.name.lower().endswith(".ndjson")


class Archive:
    """An archive, open; hidden files are left out. For one thread. Refusals: those of `ZipFile`, "too-many-lines",
    "archive-is-a-document"."""

    def __init__(self, blobs: Blobs, ref: BlobRef, limits: Limits) -> None:
        self._source = _Source(blobs, ref)
        try:
            self._zip = ZipFile(cast(BinaryIO, self._source), limits)
        finally:
            self._source.rest()
        entries = self._zip.entries
        names = [_name(one) for one in entries]
        if any(map(_is_part_of_one, names)):
            raise ONE_DOCUMENT
        _check_apart(entries)
        shown = [(name, entry) for name, entry in zip(names, entries, strict=True) if not _is_hidden(name, entry)]
        often = Counter(name for name, _ in shown)
        self.files = [File(name, entry, _fault(name, entry, often[name])) for name, entry in shown]
        self._at = {one.entry.header_offset: one for one in self.files}

    @contextmanager
    def open(self, file: File) -> Iterator[io.RawIOBase]:
        """Its bytes, one file at a time. Refusals: its fault, those of `ZipFile`."""
        if file.fault is not None:
            raise file.fault
        try:
            with self._zip.open(file.entry) as stream:
                yield stream
        finally:
            self._source.rest()

    def at(self, place: int) -> File:
        """The file whose entry begins at this byte."""
        if place not in self._at:
            raise damaged()
        return self._at[place]


def is_archive(head: bytes) -> bool:
    """Whether a file that begins so is a ZIP archive."""
    return head.startswith(_BEGINNINGS)


def open_archive(bench: Workbench, bulk: Bulk) -> Archive:
    """The archive of an import. Refusals: of the archive, of its blob."""
    assert bulk.sent is not None
    with bench.records.read() as tx:
        ref = bulk_files.file_of(tx, bench.blobs, bulk.sent)
    limits = replace(bench.limits, bytes=bench.bulk_limit, members=2 * MOST)  # as many hidden ones: a Mac's
    return Archive(bench.blobs, ref, limits)


def unpack(bench: Workbench, bulk: Bulk, renew: Callable[[], None]) -> None:
    """Look through all of an archive, then write down what is in it in its own item's place: files, and the lines of
    NDJSON files, which are one file, as those of a `$export` are.

    Until that is written nothing happened. `renew`: the lease, each minute. Refusals: what is wrong with the whole; of
    a part of this machine that is away.
    """
    archive = open_archive(bench, bulk)
    with_lines: list[File] = []
    renewed = time.monotonic()
    for file in archive.files:
        if _is_whole(archive, file) and file.holds_lines:
            with_lines.append(file)
        if time.monotonic() - renewed > _RENEW:
            renew()
            renewed = time.monotonic()
    items = list(islice(_items(bench, bulk, archive, with_lines), MOST + 1))
    if not items:
        raise Refusal("receive", "empty-bulk", "L'archive ne contient rien à importer.", "Vérifiez-la.")
    if len(items) > MOST:
        raise TOO_MANY
    with bench.records.write() as tx:
        bulks.unpacked(tx, bulk.bulk_id, items)


def _items(bench: Workbench, bulk: Bulk, archive: Archive, with_lines: list[File]) -> Iterator[tuple[str, int, Part]]:
    apart = {each.name for each in with_lines}
    for file in archive.files:
        if file.name not in apart:
            yield file.name, file.entry.header_offset, "file"
    if with_lines:
        for name, place in _lines(bench, bulk, with_lines):
            yield name, place, "line"


def _is_whole(archive: Archive, file: File) -> bool:
    """Whether a file reads to its end. Raises what is wrong with the archive."""
    if file.fault is not None:
        return False
    try:
        for _ in _chunks(archive, file):
            pass
    except Refusal as refusal:
        if refusal.code not in _OWN:
            raise
        return False
    return True


def _chunks(archive: Archive, file: File) -> Iterator[bytes]:
    with archive.open(file) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _lines(bench: Workbench, bulk: Bulk, files: list[File]) -> Iterator[tuple[str, int]]:
    """Keep NDJSON files, one after the other, in a blob of their own, where a line can be read without expanding all
    that is before it. Gives each line's name, with its number in its file, and place."""
    assert bulk.sent is not None
    archive = open_archive(bench, bulk)  # once more: what was expanded to look at it counted
    with bench.records.read() as tx:
        tray, key = patients.tray_id(tx.keys), bulk_files.lines_key(bulk.sent)
    first, starts = 1, list[tuple[int, int, str]]()
    with bench.blobs.create(tray, bulk_files.BLOB, key) as writer:
        for file in files:
            starts.append((writer.size, first, file.name))
            last = b"\n"
            for chunk in _chunks(archive, archive.at(file.entry.header_offset)):
                writer.write(chunk)
                first, last = first + chunk.count(b"\n"), chunk[-1:]
            if last != b"\n":
                writer.write(b"\n")
                first += 1
        ref = writer.commit()
    yield from _named(bench, ref, starts)


def _named(bench: Workbench, ref: BlobRef, starts: list[tuple[int, int, str]]) -> Iterator[tuple[str, int]]:
    following = iter(starts[1:])
    (_, first, name), then = starts[0], next(following, None)
    with io.BufferedReader(bench.blobs.open(ref), _CHUNK) as stream:
        for number, place, _ in lines_in(stream):
            while then is not None and place >= then[0]:
                (_, first, name), then = then, next(following, None)
            yield f"{name}:{number - first + 1}", place


class _Source(io.RawIOBase):
    """An archive's blob for `zipfile`, which would take the whole directory at once, however long it says it is, and a
    disk that fails for a damaged archive. The file is open while something is read, and not between."""

    def __init__(self, blobs: Blobs, ref: BlobRef) -> None:
        super().__init__()
        self._blobs, self._ref = blobs, ref
        self._file: io.BufferedReader | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY:
            raise TOO_MANY
        with on_disk():
            return self._opened().read(size)

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        try:
            return self._opened().seek(offset, whence)
        except ValueError:  # before its beginning: `zipfile` looks there, and expects what a file of a disk raises
            raise OSError(errno.EINVAL, "before the beginning") from None

    def tell(self) -> int:
        return self._opened().tell()

    def rest(self) -> None:
        """Close the file until something is read again, from a place that is sought first."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> io.BufferedReader:
        if self._file is None:
            self._file = io.BufferedReader(self._blobs.open(self._ref), _CHUNK)
        return self._file


def _name(entry: zipfile.ZipInfo) -> str:
    """Its way from the root, with "/" between folders, whatever made it; as it is when it leads out."""
    name = entry.filename.replace("\\", "/")
    parts = [one for one in name.split("/") if one not in ("", ".")]
    return name if _leads_out(name) or name.endswith("/") else "/".join(parts)


def _is_part_of_one(name: str) -> bool:
    """Whether this is a part of an office document, or the index of an XDM submission at the archive's root."""
    submission = name.upper().startswith("IHE_XDM/") and SUBMISSION.fullmatch(name) is not None
    return submission or name in ("[Content_Types].xml", "mimetype")


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/") or _DRIVE.match(name) is not None


def _is_hidden(name: str, entry: zipfile.ZipInfo) -> bool:
    """What no folder shows: as in an import from a disk. A folder that another system named with "\\" is one."""
    if _leads_out(name):
        return False
    folder = name.endswith("/") and not entry.file_size
    return folder or NOISE.search(name) is not None or any(one.startswith(".") for one in name.split("/"))


def _fault(name: str, entry: zipfile.ZipInfo, often: int) -> Refusal | None:
    if _leads_out(name) or not name or name.endswith("/"):
        return OUTSIDE
    if often > 1:
        return TWICE
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return NO_FILE
    return METHOD if entry.compress_type not in _METHODS else None


def _check_apart(entries: list[zipfile.ZipInfo]) -> None:
    """Files that share their bytes expand to more than any ratio tells."""
    placed = sorted((one.header_offset, one.header_offset + _LOCAL + one.compress_size) for one in entries)
    if any(end > start for (_, end), (start, _) in pairwise(placed)):
        raise Refusal(
            "parse",
            "suspicious-zip",
            "Des fichiers de l'archive se recouvrent.",
            "Refaites l'archive depuis le dossier des documents.",
        )
