"""One OpenID Connect provider: its discovery document and its signing keys, fetched when needed and kept for a while.

    fresh for 10 minutes     KEYS_FRESH; then renewed at the next token
    kept for an hour         KEYS_KEPT: while the provider is down, what it last published still verifies
    an unknown key id        renews at once, so that a rotation is followed, but at most once in 30 seconds (COOLDOWN):
                             a flood of made-up key ids asks the provider nothing more
    its addresses            kept for good; while it is away they too are asked for at most once in 30 seconds

Only public asymmetric keys are taken, RSA from 2,048 bits on: no shared secret, so HMAC with a public key as secret
finds no key to verify with. Times are those of a monotonic clock, in seconds.
"""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from access.refusal import Refusal
from search_api.oidc.config import safe_address

log = logging.getLogger("anamnese.identities")

KEYS_FRESH = 600.0
KEYS_KEPT = 3600.0
COOLDOWN = 30.0
TIMEOUT = 5.0
LONGEST = 256 * 1024  # bytes of an answer
SMALLEST_RSA = 2048  # bits
Key = RSAKey | ECKey | OKPKey

AWAY = Refusal(
    "token",
    "issuer-unavailable",
    "Le fournisseur d'identité ne répond pas ; votre jeton ne peut pas être vérifié.",
    "Réessayez dans un instant, puis prévenez l'administrateur.",
)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect())


def fetch_json(
    url: str,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    no: Refusal = AWAY,
) -> dict[str, Any]:
    """A JSON object from the provider; with `form`, by POST. Refusal "issuer-unavailable" when it is none, too long,
    late or elsewhere; `no` when the provider answers that it will not (4xx)."""
    if not safe_address(url):
        raise AWAY
    body = None if form is None else urlencode(form).encode()
    request = urllib.request.Request(url, body, headers={"Accept": "application/json", **(headers or {})})
    try:
        with _OPENER.open(request, timeout=TIMEOUT) as answer:
            content = answer.read(LONGEST + 1)
        value = json.loads(content) if len(content) <= LONGEST else None
    except urllib.error.HTTPError as error:
        error.close()
        raise (no if 400 <= error.code < 500 else AWAY) from None
    except (OSError, ValueError):
        raise AWAY from None
    if not isinstance(value, dict):
        raise AWAY
    return value


class Provider:
    """The keys of `issuer`, by key id. Safe in threads; one fetch at a time."""

    def __init__(self, issuer: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._clock = clock
        self._lock = Lock()
        self._document: dict[str, Any] = {}
        self._keys: dict[str, Key] = {}
        self._fetched = self._tried = self._looked = float("-inf")

    def key(self, kid: str | None) -> Key | None:
        """The key of this id, or the only key for a token that names none; None for an unknown one.

        Refusal "issuer-unavailable" (503) when there are no keys to judge by.
        """
        now = self._clock()
        if now - self._fetched > KEYS_FRESH or self._find(kid) is None:
            self._renew(now)
        if now - self._fetched > KEYS_KEPT:
            raise AWAY
        return self._find(kid)

    def endpoint(self, name: str) -> str:
        """An address of the discovery document ("userinfo_endpoint"); Refusal when it has none, or is away."""
        with self._lock:
            if not self._document:
                now = self._clock()
                if now - self._looked < COOLDOWN:
                    raise AWAY
                self._looked = now
            document = self._document or self._discover()
        address = document.get(name)
        if not isinstance(address, str):
            raise AWAY
        return address

    def _find(self, kid: str | None) -> Key | None:
        keys = self._keys
        if kid is None:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(kid)

    def _renew(self, now: float) -> None:
        with self._lock:
            if now - self._tried < COOLDOWN:
                return
            self._tried = now
            try:
                document = self._discover()
                keys = usable_keys(fetch_json(str(document.get("jwks_uri"))))
            except Refusal:
                log.warning("identity provider unavailable")
                return
            if keys:
                self._keys, self._fetched = keys, now

    def _discover(self) -> dict[str, Any]:
        document = fetch_json(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if document.get("issuer") != self.issuer:  # OpenID Connect Discovery 4.3: identical, or it is another's
            raise AWAY
        self._document = document
        return document


def usable_keys(jwks: Mapping[str, Any]) -> dict[str, Key]:
    """The public signing keys of a set, by key id; whatever else stands in it is passed over."""
    listed = jwks.get("keys")
    found: dict[str, Key] = {}
    for each in listed if isinstance(listed, list) else []:
        key = _usable(each)
        if key is not None:
            found.setdefault(key.ensure_kid() or str(key.kid), key)
    return found


def _usable(value: object) -> Key | None:
    if not isinstance(value, dict) or value.get("use", "sig") != "sig" or value.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    public = {name: part for name, part in value.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
    try:
        key = JWKRegistry.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey):
        return key if key.raw_value.key_size >= SMALLEST_RSA else None
    return key if isinstance(key, ECKey | OKPKey) else None
