"""Blobs: uploaded bytes, page texts, vectors, each an encrypted file named by a keyed hash of what it holds.

    shelf                    what is finished, in a folder or a bucket (`records/shelf.py`)
    root/partial/<random>    being written, locked by its writer

A name is an HMAC under the patient's key, so that a known file cannot be recognised by its hash, nor the same file in
two records. What is being written is ciphertext already; left unfinished it is deleted, by its writer or, when that
one died, by the next process that opens the blobs.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import io
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from access.identifiers import PatientId
from access.refusal import Refusal
from records.disk import Reserve, on_disk, storage_refusal
from records.home import make_private_directory
from records.keys import KeyStore, PatientKeys
from records.sealed import keyed_hash
from records.shelf import KIND, BlobRef, Folder, Shelf
from records.streams import StreamReader, StreamWriter


class Blobs:
    """The blobs of one home. Safe for threads and several processes."""

    def __init__(self, root: Path, keys: KeyStore, reserve: Reserve | None = None, shelf: Shelf | None = None) -> None:
        """`root`: where they are written, and where they stand unless another `shelf` is given."""
        self._keys = keys
        self._shelf: Shelf = shelf or Folder(root)
        self._reserve = reserve or Reserve(root, 0)
        self._partial = root / "partial"
        make_private_directory(root)
        make_private_directory(self._partial)
        self._sweep()

    def create(self, patient_id: PatientId, kind: str, key: str | None = None) -> BlobWriter:
        """A writer, to be used in a `with`; what is not committed is deleted on the way out.

        The blob is named by its content, or by `key` when given; a commit replaces the blob of that name in one step.
        Refusals, here and from the writer: "disk-full", "storage-closed", "blobs-unavailable"; nothing is kept then.
        """
        if not KIND.fullmatch(kind):
            raise ValueError("a kind is a lower-case word")
        self._reserve.require()
        return BlobWriter(self, patient_id, kind, key, self._keys.patient_keys(patient_id))

    def named(self, patient_id: PatientId, kind: str, key: str, keys: PatientKeys | None = None) -> BlobRef:
        """The reference of the blob that was, or would be, created with `key`. `keys`: the patient's, as the caller's
        transaction holds them; looked up when not given."""
        return self.named_each(patient_id, kind, (key,), keys)[0]

    def named_each(
        self, patient_id: PatientId, kind: str, names: Iterable[str], keys: PatientKeys | None = None
    ) -> list[BlobRef]:
        """The same for many: the patient's key is looked up once."""
        keys = keys or self._keys.patient_keys(patient_id)
        return [BlobRef(patient_id, _name(keys, kind, f"key {name}")) for name in names]

    def open(self, ref: BlobRef, keys: PatientKeys | None = None) -> BlobReader:
        """A reader. Refusals: "blob-missing", "seal-broken" (cut, changed, or another blob's file), "key-destroyed"."""
        keys = keys or self._keys.patient_keys(ref.patient_id)
        try:
            source = self._shelf.open(ref)
        except FileNotFoundError:
            raise Refusal(
                "records",
                "blob-missing",
                "Un fichier enregistré est introuvable.",
                "Lancez « anamnese verify » et restaurez la dernière sauvegarde.",
            ) from None
        except OSError as error:
            raise storage_refusal(error) from error
        try:
            with on_disk():
                return BlobReader(source, StreamReader(source, keys.blobs, _place(ref.patient_id, ref.kind), ref.name))
        except BaseException:
            source.close()
            raise

    def read(self, ref: BlobRef, keys: PatientKeys | None = None) -> bytes:
        """The whole content, in memory. Refuses like `open`, and "blobs-unavailable" when the disk fails."""
        with self.open(ref, keys) as reader, on_disk():
            return reader.readall()

    def content_hash(self, patient_id: PatientId, stream: BinaryIO | io.RawIOBase) -> str:
        """What `BlobWriter.content_hash` was for this content."""
        hashed = _content_hash(self._keys.patient_keys(patient_id))
        while chunk := stream.read(1024 * 1024):
            hashed.update(chunk)
        return hashed.hexdigest()

    def exists(self, ref: BlobRef) -> bool:
        """Whether it is there. Refusal "blobs-unavailable"."""
        with on_disk():
            return self._shelf.find(ref) is not None

    def delete(self, ref: BlobRef) -> None:
        """Remove a blob, durably; nothing happens when there is none."""
        with on_disk():
            self._shelf.delete(ref)

    def erase(self, patient_id: PatientId) -> int:
        """Remove every blob of a patient, whatever its key has become. Returns how many there were."""
        with on_disk():
            return self._shelf.erase(patient_id)

    def walk(self) -> Iterator[BlobRef]:
        """Every blob stored, in order of patient and name, one patient's in memory. For `verify`: opens nothing."""
        with on_disk():
            yield from (kept.ref for kept in self._shelf.walk())

    @property
    def shelf(self) -> Shelf:
        """What stands where, as ciphertext: for copies of a home."""
        return self._shelf

    def ready(self) -> None:
        """Try what an upload needs. Refusals "disk-full", "storage-closed", "blobs-unavailable"."""
        path, probe = self.start()
        with on_disk(), probe:
            probe.write(b"\0")
            path.unlink()
            self._shelf.ready()

    def start(self) -> tuple[Path, BinaryIO]:
        """A new locked partial file."""
        while True:
            path = self._partial / secrets.token_hex(16)
            with on_disk():
                file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                return path, file
            file.close()  # a sweep took it for a dead one's between its creation and its lock

    def settle(self, partial: Path, ref: BlobRef) -> None:
        """Give a finished file its name, durably."""
        self._shelf.put(partial, ref)

    def _sweep(self) -> None:
        """Delete what dead writers left: a partial file that can be locked has no writer."""
        for path in self._partial.iterdir():
            try:
                with path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink(missing_ok=True)
            except OSError:  # its writer lives, another sweep was first, or nothing can be deleted here now
                continue


def _place(patient_id: PatientId, kind: str) -> str:
    """What every chunk of a blob is bound to."""
    return f"{patient_id}\x1f{kind}"


def _content_hash(keys: PatientKeys) -> hmac.HMAC:
    return hmac.new(keys.names, b"content", hashlib.sha256)


def _name(keys: PatientKeys, kind: str, what: str) -> str:
    return f"{kind}-{keyed_hash(keys.names, 'blob', kind, what).hex()}"


class BlobWriter:
    """Encrypts as it goes. After `commit`: `content_hash` (hex HMAC under the patient's key) and `size` (bytes)."""

    def __init__(self, blobs: Blobs, patient_id: PatientId, kind: str, key: str | None, keys: PatientKeys) -> None:
        self._blobs, self._patient_id, self._kind, self._key, self._keys = blobs, patient_id, kind, key, keys
        self._hash = _content_hash(keys)
        self._path, self._file = blobs.start()
        self._stream = StreamWriter(self._file.write, keys.blobs, _place(patient_id, kind))
        self._done = False
        self.size = 0

    @property
    def content_hash(self) -> str:
        """Keyed hash of what was written so far; equal content of one patient has equal hashes."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Add bytes."""
        self._hash.update(data)
        with on_disk():
            self._stream.write(data)
        self.size += len(data)
        return len(data)

    def commit(self) -> BlobRef:
        """Finish, and return once the blob would survive a power cut. The same content again replaces itself."""
        what = f"content {self.content_hash}" if self._key is None else f"key {self._key}"
        ref = BlobRef(self._patient_id, _name(self._keys, self._kind, what))
        with on_disk():
            self._stream.finish(ref.name)
            self._file.flush()
            self._blobs.settle(self._path, ref)
        self._done = True
        self._file.close()
        return ref

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._done:
            with suppress(OSError):  # a disk that fails again here must not hide its first failure
                self._path.unlink(missing_ok=True)
            with suppress(OSError):
                self._file.close()


class BlobReader(io.RawIOBase):
    """A readable, seekable file over a blob. Not for several threads at once."""

    def __init__(self, source: BinaryIO, stream: StreamReader) -> None:
        super().__init__()
        self._source, self._stream, self._position = source, stream, 0
        self.size = stream.size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("seek before the start")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read_range(self, start: int, end: int) -> bytes:
        """Bytes start:end, without moving."""
        return self._stream.read(start, end)

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._stream.read(self._position, self._position + len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        data = self._stream.read(self._position, self.size)
        self._position = max(self._position, self.size)
        return data

    def close(self) -> None:
        self._source.close()
        super().close()
