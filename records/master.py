"""The master key as a port: something that wraps one key and unwraps it, in numbered versions.

It wraps the key of the key store and nothing else, when the store is made, opened or rotated: a key-management service
is asked once a start, not once a request. `FileMaster` keeps its versions in files side by side; `records/transit.py`
asks a service that never gives its key away.

    FILE            version 1, made with the home: 64 hexadecimal digits or 32 raw bytes
    FILE.v2, ...    later versions, made by `anamnese keys rotate` or put there by the operator
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from access.refusal import Refusal
from records.home import add_whole, shred, sync_directory
from records.sealed import derive, seal, unseal


@dataclass(frozen=True, slots=True)
class MasterVersion:
    """One version of a master key. `key_id` tells keys apart and tells nothing of them."""

    provider: str
    key_id: str
    number: int

    def __str__(self) -> str:
        return f"{self.provider} {self.key_id} v{self.number}"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A key as a version of a master key wrapped it."""

    by: MasterVersion
    ciphertext: bytes = field(repr=False)


class MasterKey(Protocol):
    """Raises Refusals of stage "records": "master-key-" missing, malformed, wrong, unavailable or unchanged."""

    def wrap(self, key: bytes, place: str) -> Wrapped:
        """Wrap 32 bytes under the newest version, bound to `place`."""

    def unwrap(self, wrapped: Wrapped, place: str) -> bytes:
        """Inverse of `wrap`, by any version that still exists."""

    def versions(self) -> Sequence[MasterVersion]:
        """Those that can unwrap now, oldest first."""

    def renew(self) -> MasterVersion:
        """Make one more version; it wraps from now on."""

    def destroy(self, version: MasterVersion) -> None:
        """Make a version unable to unwrap, for good."""


_GONE = ".gone"
"""Ends the name of a version that is being destroyed."""


class FileMaster:
    """Versions in files that only their owner reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        """Whether there is a file of any version."""
        return bool(self._files())

    def create(self) -> None:
        """Make version 1, durable before anything is wrapped by it."""
        self._write(self._path)

    def wrap(self, key: bytes, place: str) -> Wrapped:
        """See the port."""
        found = self._read()
        if not found:
            raise missing()
        version, master = found[-1]
        return Wrapped(version, seal(derive(master, "anamnese/master/1"), key, place))

    def unwrap(self, wrapped: Wrapped, place: str) -> bytes:
        """See the port. A version is known by its key, not by its file's name."""
        found = self._read()
        if not found:
            raise missing()
        for version, master in found:
            if version.key_id == wrapped.by.key_id:
                return unseal(derive(master, "anamnese/master/1"), wrapped.ciphertext, place)
        raise wrong()

    def versions(self) -> Sequence[MasterVersion]:
        """See the port."""
        return [version for version, _ in self._read()]

    def renew(self) -> MasterVersion:
        """See the port. Refusal "master-key-unchanged" where the folder is not ours to write: the operator adds one."""
        self._shred_gone()
        number = max((number for number, _ in self._files()), default=0) + 1
        path = self._path if number == 1 else self._path.with_name(f"{self._path.name}.v{number}")
        self._write(path)
        return self.versions()[-1]

    def destroy(self, version: MasterVersion) -> None:
        """See the port: overwritten, then removed. Copies that the operator keeps elsewhere are the operator's."""
        for number, path in self._files():
            if number == version.number:
                try:
                    os.replace(path, path.with_name(f".{path.name}{_GONE}"))  # nobody reads what is overwritten
                except OSError:
                    raise _unchanged(path.name) from None
        self._shred_gone()

    def _shred_gone(self) -> None:
        """Also what a process that was killed left between the two steps."""
        for path in self._path.parent.iterdir() if self._path.parent.is_dir() else ():
            if path.name.startswith(f".{self._path.name}") and path.name.endswith(_GONE):
                try:
                    shred(path)
                except OSError:
                    raise _unchanged(path.name) from None

    def legacy(self) -> bytes:
        """Version 1 itself: homes of format 1 have their key store under it, without a wrapped key between."""
        found = self._read()
        if not found:
            raise missing()
        return found[0][1]

    def _files(self) -> list[tuple[int, Path]]:
        named = [(1, self._path)] if self._path.exists() else []
        pattern = re.compile(re.escape(self._path.name) + r"\.v([1-9]\d{0,5})")
        beside = self._path.parent.iterdir() if self._path.parent.is_dir() else ()
        named += [(int(match[1]), path) for path in beside if (match := pattern.fullmatch(path.name))]
        return sorted(named)

    def _read(self) -> list[tuple[MasterVersion, bytes]]:
        found = []
        for number, path in self._files():
            with suppress(FileNotFoundError):  # destroyed since it was listed
                key = _key_of(path)
                found.append((MasterVersion("file", _key_id(key), number), key))
        return found

    def _write(self, path: Path) -> None:
        try:
            add_whole(path, secrets.token_hex(32).encode() + b"\n")
        except OSError:
            raise _unchanged(path.name) from None
        sync_directory(path.parent)


class MovedMaster:
    """From one master key to another: what is new is wrapped by `to`, what `origin` wrapped still opens."""

    def __init__(self, to: MasterKey, origin: MasterKey) -> None:
        self._to, self._origin = to, origin

    def wrap(self, key: bytes, place: str) -> Wrapped:
        """See the port."""
        return self._to.wrap(key, place)

    def unwrap(self, wrapped: Wrapped, place: str) -> bytes:
        """See the port."""
        return (self._origin if wrapped.by.provider == "file" else self._to).unwrap(wrapped, place)

    def versions(self) -> Sequence[MasterVersion]:
        """See the port."""
        return [*self._origin.versions(), *self._to.versions()]

    def renew(self) -> MasterVersion:
        """See the port."""
        return self._to.renew()

    def destroy(self, version: MasterVersion) -> None:
        """See the port."""
        (self._origin if version.provider == "file" else self._to).destroy(version)


def missing() -> Refusal:
    """No master key where one should be."""
    return Refusal(
        "records",
        "master-key-missing",
        "La clé maîtresse de ce dossier de données est introuvable ou illisible.",
        "Remettez son fichier en place, ou indiquez-le par ANAMNESE_MASTER_KEY_FILE.",
    )


def wrong() -> Refusal:
    """Another master key than the one that wrapped."""
    return Refusal(
        "records",
        "master-key-wrong",
        "La clé maîtresse n'ouvre pas le magasin de clés.",
        "Vérifiez ANAMNESE_MASTER_KEY_FILE, ou restaurez le magasin de clés et sa clé ensemble.",
    )


def _unchanged(name: str) -> Refusal:
    return Refusal(
        "records",
        "master-key-unchanged",
        f"Le fichier {name} de la clé maîtresse ne peut être ni écrit ni effacé ici.",
        "Écrivez-le (64 chiffres hexadécimaux) ou effacez-le vous-même, puis relancez la commande.",
    )


def _key_of(path: Path) -> bytes:
    """The 32 bytes in a file: 64 hexadecimal digits, or the raw bytes. FileNotFoundError when it is gone."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError:
        raise missing() from None
    if len(content) == 32:
        return content
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Refusal(
            "records",
            "master-key-malformed",
            "Le fichier de la clé maîtresse ne contient pas une clé de 32 octets.",
            "Il doit contenir 64 chiffres hexadécimaux.",
        )
    return key


def _key_id(key: bytes) -> str:
    return hmac.digest(key, b"anamnese/key-id/1", hashlib.sha256)[:6].hex()
