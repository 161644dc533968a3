"""Where a list goes on: a signed cursor, good only for the caller, patient, purpose and right that it was given to."""

from __future__ import annotations

import base64
import hashlib
import hmac

from access.refusal import Refusal
from access.scope import Scope

BAD_CURSOR = Refusal(
    "ask", "bad-cursor", "Ce repère de pagination n'est plus valable.", "Reprenez la liste depuis le début."
)
_TAG = 16  # bytes of HMAC-SHA256: 2^128 guesses


class Cursors:
    """Signs and checks cursors with one key of the home."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, scope: Scope, listing: str, position: str) -> str:
        """A cursor to `position` in `listing` ("documents"...)."""
        body = position.encode()
        return base64.urlsafe_b64encode(self._tag(scope, listing, body) + body).decode().rstrip("=")

    def read(self, scope: Scope, listing: str, cursor: str) -> str:
        """The position in a cursor; Refusal when it was not signed for this very right."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raise BAD_CURSOR from None
        tag, body = raw[:_TAG], raw[_TAG:]
        if not hmac.compare_digest(tag, self._tag(scope, listing, body)):
            raise BAD_CURSOR
        return body.decode()

    def _tag(self, scope: Scope, listing: str, body: bytes) -> bytes:
        caller = scope.caller
        bound = (caller.kind, caller.id, caller.system, scope.patient_id, scope.purpose, scope.grant_version, listing)
        message = b"".join(len(part).to_bytes(4, "big") + part for part in (*(s.encode() for s in bound), body))
        return hmac.new(self._key, message, hashlib.sha256).digest()[:_TAG]
