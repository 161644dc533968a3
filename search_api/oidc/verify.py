"""Verifying the tokens of the configured issuers: which issuer, which key, then everything else, by joserfc."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError

from access.refusal import Refusal
from access.scope import CallerKind
from records.keys import KeyStore
from search_api.bearers import Asserted, Bearer
from search_api.oidc.assertion import INVALID as UNASSERTED
from search_api.oidc.assertion import asserted
from search_api.oidc.claims import bearer_of
from search_api.oidc.code_flow import CodeFlow
from search_api.oidc.config import IssuerSettings, System
from search_api.oidc.provider import AWAY, Provider, fetch_json
from search_api.tokens import EXPIRED, INVALID

LONGEST_TOKEN = 16 * 1024  # characters; a token of Pro Santé Connect with its practices has some 4,000
LEEWAY = 30  # seconds between two clocks
USERINFO_KEPT = 60.0  # seconds: what a provider said of a bearer is asked again after it
USERINFO_AGAIN = 10.0  # seconds: it is not asked about a token sooner after it gave no answer
USERINFO_MOST = 1000


class Federation:
    """The verifier of the service when issuers are configured. Development tokens are then no tokens at all."""

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        keys: KeyStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = {each.issuer: each for each in issuers}
        self._keys = keys
        self._providers = {name: Provider(name, clock) for name in self.settings}
        self._clock = clock
        self._told: OrderedDict[bytes, tuple[float, dict[str, Any] | None]] = OrderedDict()
        self._lock = Lock()

    def ways(self) -> tuple[CodeFlow, ...]:
        """How the page signs in, in the order of the settings."""
        return tuple(
            CodeFlow(self._providers[name], each.page) for name, each in self.settings.items() if each.page is not None
        )

    def verify(self, token: str, now: datetime) -> Bearer:
        """The bearer of an access token. Refusal 401 when anything is wrong with it, 503 when no key can be had."""
        if len(token) > LONGEST_TOKEN:
            raise INVALID
        settings = self.settings.get(str(_peek(token, 1).get("iss")))
        if settings is None:
            raise INVALID
        provider = self._providers[settings.issuer]
        claims = verified(token, provider, settings.algorithms, settings.issuer, settings.audience, now)
        if settings.userinfo:
            claims = self._asked(token, claims, provider)
        return bearer_of(claims, settings, self._keys)

    def asserted(self, bearer: Bearer, assertion: str, now: datetime) -> Asserted:
        """See `search_api.oidc.assertion`. Only a client of the settings, by its own token, may assert."""
        system = self._system(bearer)
        if system is None:
            raise UNASSERTED
        return asserted(system, self.settings[bearer.issuer].audience, bearer, assertion, now)

    def establishment(self, bearer: Bearer) -> str | None:
        """Where a client of the settings runs; None for any other bearer."""
        system = self._system(bearer)
        return None if system is None else system.finess

    def _system(self, bearer: Bearer) -> System | None:
        """The client of the settings that bears its own token."""
        settings = self.settings.get(bearer.issuer)
        if settings is None or bearer.kind is not CallerKind.SYSTEM:
            return None
        return next((each for each in settings.systems if each.client_id == bearer.id), None)

    def provider(self) -> Provider | None:
        """The one to which software is sent to ask for a token: the first that is not Pro Santé Connect, whose clients
        are registered with the state."""
        return next((self._providers[name] for name, one in self.settings.items() if one.profile != "psc"), None)

    def launched_here(self, provider: Provider) -> bool:
        """Whether it launches software with our own patients in context."""
        page = self.settings[provider.issuer].page
        return page is not None and any(each.patient == "id" for each in page.launches)

    def _asked(self, token: str, claims: dict[str, Any], provider: Provider) -> dict[str, Any]:
        """The claims with what the userinfo endpoint adds, which must speak of the same subject. Refusal
        "issuer-unavailable" when it gives no answer, and for a while after: one token asks it no more often."""
        name = hashlib.sha256(token.encode()).digest()
        now = self._clock()
        with self._lock:
            kept = self._told.get(name)
        if kept is None or now - kept[0] > (USERINFO_AGAIN if kept[1] is None else USERINFO_KEPT):
            try:
                told = fetch_json(provider.endpoint("userinfo_endpoint"), {"Authorization": f"Bearer {token}"})
            except Refusal:
                self._keep(name, now, None)
                raise
            self._keep(name, now, told)
        elif kept[1] is None:
            raise AWAY
        else:
            told = kept[1]
        if told.get("sub") != claims.get("sub"):
            raise INVALID
        return {**told, **claims}

    def _keep(self, name: bytes, now: float, told: dict[str, Any] | None) -> None:
        with self._lock:
            self._told[name] = (now, told)
            while len(self._told) > USERINFO_MOST:
                self._told.popitem(last=False)


def verified(
    token: str, provider: Provider, algorithms: Sequence[str], issuer: str, audience: str, now: datetime
) -> dict[str, Any]:
    """The claims of a token signed by a provider's key under an allowed algorithm, for us, now."""
    header = _peek(token, 0)
    kid = header.get("kid")
    if header.get("alg") not in algorithms or "crit" in header or not (kid is None or isinstance(kid, str)):
        raise INVALID
    key = provider.key(kid)
    if key is None or (key.alg or header["alg"]) != header["alg"]:
        raise INVALID
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        claims = jwt.decode(token, key, algorithms=list(algorithms)).claims
        registry.validate(claims)
    except ExpiredTokenError:
        raise EXPIRED from None
    except (JoseError, ValueError, TypeError):
        raise INVALID from None
    return dict(claims)


def _peek(token: str, part: int) -> dict[str, Any]:
    """A segment of a token before anything is verified: to choose issuer and key, nothing else."""
    parts = token.split(".")
    if len(parts) != 3:
        raise INVALID
    try:
        text = parts[part].encode("ascii")
        value = json.loads(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise INVALID from None
    if not isinstance(value, dict):
        raise INVALID
    return value
