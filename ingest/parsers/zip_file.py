"""The files of a ZIP archive in memory, inside limits of count, size and ratio. No name of the archive is a path."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO

from access.refusal import Refusal
from ingest.limits import Limits

_SMALL = 1024 * 1024  # bytes under which a ratio says nothing: an empty form compresses a thousandfold
_CHUNK = 1024 * 1024


class ZipFile:
    """Raises Refusal: "damaged-zip", "encrypted-zip", "too-many-files", "too-large", "suspicious-zip" (a bomb)."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        try:
            self._archive = zipfile.ZipFile(BytesIO(data))
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

    def read(self, name: str) -> bytes:
        """The bytes of a file; what all files expand to counts against one limit."""
        info = next((one for one in self._files if one.filename == name), None)
        if info is None:
            raise damaged()
        if info.flag_bits & 0x1:
            raise Refusal(
                "parse",
                "encrypted-zip",
                "L'archive est protégée par un mot de passe.",
                "Ouvrez-la avec son mot de passe et déposez les documents qu'elle contient.",
            )
        out = bytearray()
        try:
            with self._archive.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    out += chunk
                    self._check(len(out), info.compress_size)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise damaged() from error
        self._left -= len(out)
        return bytes(out)

    def _check(self, size: int, compressed: int) -> None:
        if size > self._left:
            raise _too_large()
        if size > _SMALL and size > self._ratio * max(1, compressed):
            raise Refusal(
                "parse",
                "suspicious-zip",
                "Un fichier de l'archive se décompresse démesurément.",
                "Déposez les documents un par un.",
            )


def _too_large() -> Refusal:
    return Refusal(
        "parse", "too-large", "L'archive décompressée dépasse la taille permise.", "Déposez ses documents un par un."
    )


def damaged() -> Refusal:
    """The Refusal of an archive that is cut or wrong."""
    return Refusal(
        "parse", "damaged-zip", "L'archive est abîmée ou incomplète.", "Refaites-la et déposez-la à nouveau."
    )
