"""A system with its own token says for which practitioner it asks: a small JWT in `Practitioner-Assertion`, good once.

    header    alg of ALGORITHMS, signed by a key that the settings give to this client
    iss       the client, the same as the system's token names
    sub       the practitioner's RPPS
    aud       ours
    iat, exp  at most five minutes apart
    jti       never seen before: a copied assertion opens nothing (records/assertions.py remembers it until it expires)

The system adds no right (EX_AIR-085): the answer is the practitioner's, who must be registered here, where the system
runs, and not be suspended. The time of authentication is not the practitioner's, so no act that asks for it is done.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError

from access.identifiers import is_rpps
from access.refusal import Refusal
from access.scope import CallerKind
from search_api.bearers import Asserted, Authentication, Bearer
from search_api.oidc.config import System
from search_api.oidc.provider import Key, usable_keys

HEADER = "practitioner-assertion"
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "Ed25519"]
LONGEST = 4096  # characters
LIFE = timedelta(minutes=5)
LEEWAY = 30  # seconds

INVALID = Refusal(
    "token",
    "assertion-invalid",
    "Ce système n'a pas établi pour quel professionnel il demande.",
    "Signez une assertion nouvelle à chaque demande.",
)
REPLAYED = Refusal(
    "token", "assertion-replayed", "Cette assertion a déjà servi.", "Signez une assertion nouvelle à chaque demande."
)


def asserted(system: System, audience: str, bearer: Bearer, assertion: str, now: datetime) -> Asserted:
    """The practitioner for whom `bearer`, the system's own, asks. Refusal "assertion-invalid" otherwise."""
    if len(assertion) > LONGEST:
        raise INVALID
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": system.client_id},
        aud={"essential": True, "value": audience},
        sub={"essential": True},
        jti={"essential": True},
        iat={"essential": True},
        exp={"essential": True},
    )
    claims = None
    for key in _keys(system):
        try:
            claims = jwt.decode(assertion, key, algorithms=ALGORITHMS).claims
            break
        except (JoseError, ValueError, TypeError):
            continue
    try:
        registry.validate(claims or {})
    except (JoseError, ValueError, TypeError):
        raise INVALID from None
    assert claims is not None
    rpps, jti, issued, expires = (claims[name] for name in ("sub", "jti", "iat", "exp"))
    if not is_rpps(rpps) or not 8 <= len(jti) <= 128 or not 0 < expires - issued <= LIFE.total_seconds():
        raise INVALID
    named = Bearer(
        CallerKind.PRACTITIONER,
        rpps,
        system=system.client_id,
        authentication=_without_time(bearer),
        asserted=True,
        finess=system.finess,
    )
    until = datetime.fromtimestamp(expires + LEEWAY, UTC)
    return Asserted(named, f"{system.client_id}\x1f{jti}", until)


def _keys(system: System) -> list[Key]:
    return list(usable_keys({"keys": system.keys}).values())


def _without_time(bearer: Bearer) -> Authentication | None:
    told = bearer.authentication
    return None if told is None else dataclasses.replace(told, at=None)
