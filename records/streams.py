"""Authenticated encryption of streams of any length, read from any place.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) on AES-256-GCM:

    header   magic(4) | salt(32)
    chunks   64 KiB of plaintext each (the last may be shorter, and is empty only in an empty stream), each with its tag

The key of a stream is derived from the patient's blob key with the salt, so no nonce repeats across streams; the nonce
of a chunk is its number (11 bytes) and a byte that is 1 on the last. The last chunk is also bound to a label known
only when all is written (the blob's name): opening reads it first, which proves that the stream is whole and is the
one asked for, before a byte is served. A bad chunk raises Refusal "seal-broken" and serves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from records.sealed import broken_seal, derive

CHUNK = 64 * 1024  # bytes of plaintext
TAG = 16
MAGIC = b"ANB1"
SALT = 32
HEADER = len(MAGIC) + SALT


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def _cipher(key: bytes, header: bytes) -> AESGCM:
    return AESGCM(derive(key, "anamnese/stream/1", header[len(MAGIC) :]))


class StreamWriter:
    """Encrypts what is written to it into `sink`. `place` (patient and kind) must be given again to read."""

    def __init__(self, sink: Callable[[bytes], object], key: bytes, place: str) -> None:
        header = MAGIC + os.urandom(SALT)
        self._sink, self._place, self._cipher = sink, place, _cipher(key, header)
        self._pending = bytearray()
        self._number = 0
        sink(header)

    def write(self, data: bytes) -> None:
        """Add plaintext. A full chunk stays pending until more arrives: only `finish` knows which is the last."""
        self._pending += data
        if len(self._pending) <= CHUNK:
            return
        whole = (len(self._pending) - 1) // CHUNK
        with memoryview(self._pending) as view:
            for start in range(0, whole * CHUNK, CHUNK):
                self._emit(bytes(view[start : start + CHUNK]), last=False, label="")
        del self._pending[: whole * CHUNK]

    def finish(self, label: str) -> None:
        """Write the last chunk, bound to `label`. Nothing may be written afterwards."""
        self._emit(bytes(self._pending), last=True, label=label)
        self._pending.clear()

    def _emit(self, plaintext: bytes, *, last: bool, label: str) -> None:
        aad = f"{self._place}\x1f{label}".encode()
        self._sink(self._cipher.encrypt(_nonce(self._number, last), plaintext, aad))
        self._number += 1


class StreamReader:
    """Decrypts any range of a stream. Keeps the chunk read last; not for use by several threads at once."""

    def __init__(self, source: BinaryIO, key: bytes, place: str, label: str) -> None:
        self._source, self._place, self._label = source, place, label
        total = source.seek(0, os.SEEK_END)
        source.seek(0)
        header = source.read(HEADER)
        if len(header) < HEADER or header[: len(MAGIC)] != MAGIC or total < HEADER + TAG:
            raise broken_seal()
        self._cipher = _cipher(key, header)
        self._chunks = -(-(total - HEADER) // (CHUNK + TAG))
        self.size = total - HEADER - self._chunks * TAG
        if self._chunks > 1 and self.size <= (self._chunks - 1) * CHUNK:
            raise broken_seal()
        self._held = (self._chunks - 1, self._decrypt(self._chunks - 1))

    def read(self, start: int, end: int) -> bytes:
        """Plaintext bytes start:end, as a slice of the whole would give them (both at least 0)."""
        start, end = min(start, self.size), min(end, self.size)
        if start >= end:
            return b""
        parts = []
        for number in range(start // CHUNK, (end - 1) // CHUNK + 1):
            base = number * CHUNK
            parts.append(self._chunk(number)[max(0, start - base) : end - base])
        return b"".join(parts)

    def _chunk(self, number: int) -> bytes:
        if self._held[0] != number:
            self._held = (number, self._decrypt(number))
        return self._held[1]

    def _decrypt(self, number: int) -> bytes:
        last = number == self._chunks - 1
        self._source.seek(HEADER + number * (CHUNK + TAG))
        sealed = self._source.read(CHUNK + TAG)
        aad = f"{self._place}\x1f{self._label if last else ''}".encode()
        try:
            return self._cipher.decrypt(_nonce(number, last), sealed, aad)
        except (InvalidTag, ValueError):
            raise broken_seal() from None
