"""Opaque identifiers: 26 characters of lower-case base32, random or keyed, that look alike."""

from __future__ import annotations

import base64
import secrets


def opaque(digest: bytes) -> str:
    """The first 130 bits of `digest` (at least 17 bytes) as 26 characters of a-z2-7."""
    return base64.b32encode(digest[:20]).decode("ascii").lower()[:26]


def random_id() -> str:
    """A new identifier."""
    return opaque(secrets.token_bytes(20))
