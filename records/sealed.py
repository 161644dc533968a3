"""Authenticated encryption of columns.

A sealed column is  version(1) | nonce(12) | AES-256-GCM ciphertext | tag(16)  under the patient's (or a service's) key;
its associated data names table, column and row, so that a value copied to another place does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from access.refusal import Refusal

_VERSION = b"\x01"
_NONCE = 12


def broken_seal() -> Refusal:
    """What is raised when stored bytes do not authenticate: damaged, cut, moved from elsewhere, or another key."""
    return Refusal(
        "records",
        "seal-broken",
        "Une donnée enregistrée est abîmée ou a été modifiée.",
        "Lancez « anamnese verify » et restaurez la dernière sauvegarde.",
    )


def derive(key: bytes, purpose: str, salt: bytes | None = None) -> bytes:
    """A 32-byte subkey of `key` for one purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(SHA256(), 32, salt, purpose.encode()).derive(key)


def keyed_hash(key: bytes, *parts: str) -> bytes:
    """HMAC-SHA256 over parts that cannot run into each other (each is preceded by its length). 32 bytes."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    message = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
    return hmac.digest(key, message, hashlib.sha256)


def seal(key: bytes, plaintext: bytes, aad: str) -> bytes:
    """Seal `plaintext` under a 32-byte key. At most 2^32 values a key (NIST SP 800-38D, random nonces)."""
    nonce = os.urandom(_NONCE)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plaintext, aad.encode())


def unseal(key: bytes, sealed: bytes, aad: str) -> bytes:
    """Inverse of `seal` for the same key and place; a Refusal (seal-broken) for anything else."""
    if sealed[:1] != _VERSION:
        raise broken_seal()
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], aad.encode())
    except (InvalidTag, ValueError):
        raise broken_seal() from None


def seal_json(key: bytes, value: dict[str, Any], aad: str) -> bytes:
    """Seal a JSON object. ASCII escapes carry lone surrogates and NUL, which file names and titles may hold."""
    return seal(key, json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii"), aad)


def unseal_json(key: bytes, sealed: bytes, aad: str) -> dict[str, Any]:
    """Inverse of `seal_json`."""
    value: dict[str, Any] = json.loads(unseal(key, sealed, aad))
    return value
