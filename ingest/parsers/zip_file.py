"""The files of a ZIP archive, inside limits of count, size and ratio. No name of the archive is a path."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import IO, BinaryIO

from access.refusal import Refusal
from ingest.limits import Limits

_SMALL = 1024 * 1024  # bytes under which a ratio says nothing: an empty form compresses a thousandfold
_CHUNK = 1024 * 1024
_WRONG = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)
"""What `zipfile` raises over bytes that are not as they say."""


class ZipFile:
    """Raises Refusal: "damaged-zip", "encrypted-zip", "too-many-files", "too-large", "suspicious-zip" (a bomb)."""

    def __init__(self, data: bytes | BinaryIO, limits: Limits) -> None:
        """`data`: the archive's bytes, or a file over them that seeks; its own failures must be Refusals."""
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data)
            self._files = [one for one in self._archive.infolist() if not one.is_dir()]
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, LookupError, OverflowError) as error:
            raise damaged() from error
        except zipfile.LargeZipFile as error:
            raise _too_large() from error
        if len(self._files) > limits.members:
            raise Refusal(
                "parse",
                "too-many-files",
                f"L'archive contient {len(self._files)} fichiers ; la limite est de {limits.members}.",
                "Déposez ses documents en plusieurs fois.",
            )
        self._left, self._ratio = limits.bytes, limits.ratio

    @property
    def names(self) -> list[str]:
        """Names of the files, in the archive's order."""
        return [one.filename for one in self._files]

    @property
    def entries(self) -> list[zipfile.ZipInfo]:
        """What the archive's directory says of its files, in its order: nothing of it is checked."""
        return list(self._files)

    def read(self, name: str | zipfile.ZipInfo) -> bytes:
        """The bytes of a file. Of several with one name (an archive that was added to) only their entries tell."""
        info = name if isinstance(name, zipfile.ZipInfo) else self._first(name)
        if info is None:
            raise damaged()
        out = bytearray()
        with self.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                out += chunk
        return bytes(out)

    def _first(self, name: str) -> zipfile.ZipInfo | None:
        return next((one for one in self._files if one.filename == name), None)

    def open(self, entry: zipfile.ZipInfo) -> Expanding:
        """A file as a stream, one at a time; what all that are read expand to counts against one limit."""
        if entry.flag_bits & 0x1:
            raise Refusal(
                "parse",
                "encrypted-zip",
                "L'archive est protégée par un mot de passe.",
                "Ouvrez-la avec son mot de passe et déposez les documents qu'elle contient.",
            )
        try:
            return Expanding(self, entry, self._archive.open(entry))
        except _WRONG as error:
            raise damaged() from error

    def count(self, more: int, size: int, compressed: int) -> None:
        """Take note that a file of `compressed` bytes expanded to `more`, which makes `size` so far."""
        self._left -= more
        if self._left < 0:
            raise _too_large()
        if size > _SMALL and size > self._ratio * max(1, compressed):
            raise Refusal(
                "parse",
                "suspicious-zip",
                "Un fichier de l'archive se décompresse démesurément.",
                "Déposez les documents un par un.",
            )


class Expanding(io.RawIOBase):
    """A file of an archive, counted as it expands. Read to its end it was what the directory says (CRC)."""

    def __init__(self, archive: ZipFile, entry: zipfile.ZipInfo, stream: IO[bytes]) -> None:
        super().__init__()
        self._archive, self._compressed, self._stream, self._size = archive, entry.compress_size, stream, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._stream.read(len(view))
        except _WRONG as error:
            raise damaged() from error
        self._size += len(data)
        self._archive.count(len(data), self._size, self._compressed)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _too_large() -> Refusal:
    return Refusal(
        "parse", "too-large", "L'archive décompressée dépasse la taille permise.", "Déposez ses documents un par un."
    )


def damaged() -> Refusal:
    """The Refusal of an archive that is cut or wrong."""
    return Refusal(
        "parse", "damaged-zip", "L'archive est abîmée ou incomplète.", "Refaites-la et déposez-la à nouveau."
    )
