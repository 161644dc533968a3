"""Bearer tokens: who speaks. Signed by the home's own development key and verified with joserfc.

A token only names its bearer. A practitioner's profession, establishments, teams and suspension come from records at
each request, so a change there acts at once whatever tokens are about.

    kind            claims beside iss, aud, iat, exp
    practitioner    rpps, and perhaps the profession to take where no directory knows them ("unregistered")
    patient         patient_id
    system          client_id, and the rpps of the practitioner it speaks for (ACCESS.md 9); alone, it reads nothing
    auditor, administrator   sub, and for an administrator the role "identitovigilance" or none
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OKPKey

from access.habilitation import Matrix
from access.identifiers import PatientId, is_opaque_id, is_rpps
from access.identitovigilance import ROLE
from access.refusal import Refusal
from access.scope import Caller, CallerKind
from records.database import Tx
from records.policy import load_matrix
from records.practitioners import Practitioner, practitioner
from search_api.bearers import Asserted, Bearer, Stated
from search_api.services import Services

ALGORITHM = "Ed25519"
"""The only algorithm accepted. Asymmetric: the public half may be shown without letting anybody sign."""

LONGEST = timedelta(hours=24)
LONGEST_TOKEN = 4096  # characters; ours have about 300

MISSING = Refusal("token", "token-missing", "Il faut un jeton d'accès.", "Joignez l'en-tête Authorization: Bearer.")
INVALID = Refusal("token", "token-invalid", "Ce jeton d'accès n'est pas valable.", "Demandez un nouveau jeton.")
EXPIRED = Refusal("token", "token-expired", "Ce jeton d'accès a expiré.", "Demandez un nouveau jeton.")
SUSPENDED = Refusal(
    "token", "practitioner-suspended", "L'accès de ce professionnel est suspendu.", "Contactez l'administrateur."
)
UNREGISTERED = Refusal(
    "token",
    "practitioner-unknown",
    "Ce professionnel n'est pas enregistré ici pour ce système.",
    "Faites-le enregistrer par l'administrateur.",
)
DISAGREES = Refusal(
    "token",
    "practice-disagrees",
    "La profession que dit votre identité n'est pas celle qui est enregistrée ici.",
    "Faites vérifier votre profession et votre spécialité auprès de l'administrateur.",
)


class Issuer:
    """The development issuer: signs and verifies with the home's key "tokens"."""

    def __init__(self, seed: bytes, issuer: str, audience: str) -> None:
        private = Ed25519PrivateKey.from_private_bytes(seed)
        self._key = OKPKey.import_key(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._issuer = issuer
        self._audience = audience

    def sign(self, claims: dict[str, Any], now: datetime, lifetime: timedelta) -> str:
        """A token with `claims` that lives for `lifetime`, at most LONGEST."""
        stamp = int(now.timestamp())
        life = int(min(lifetime, LONGEST).total_seconds())
        stamped = {"iss": self._issuer, "aud": self._audience, "iat": stamp, "exp": stamp + life, **claims}
        return jwt.encode({"alg": ALGORITHM, "typ": "JWT"}, stamped, self._key, algorithms=[ALGORITHM])

    def verify(self, token: str, now: datetime) -> Bearer:
        """The bearer of a token; Refusal (401) when signature, algorithm, issuer, audience, time or form is wrong."""
        if len(token) > LONGEST_TOKEN:
            raise INVALID
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            registry.validate(claims)
        except ExpiredTokenError:
            raise EXPIRED from None
        except (JoseError, ValueError, TypeError):  # ValueError and TypeError: what is not even shaped like a token
            raise INVALID from None
        return _bearer(claims)

    def asserted(self, bearer: Bearer, assertion: str, now: datetime) -> Asserted:  # noqa: ARG002
        """A development token of a system names its practitioner itself: nothing else is believed."""
        raise INVALID


def issuer_of(services: Services) -> Issuer:
    """The issuer of this home."""
    return Issuer(services.keys.service_key("tokens"), services.token_issuer, services.token_audience)


def issue_token(
    services: Services,
    *,
    rpps: str | None = None,
    patient_id: PatientId | None = None,
    system: str = "",
    role: CallerKind | None = None,
    identity_vigilance: str = "",
    unregistered: str = "",
    lifetime: timedelta,
    now: datetime,
) -> str:
    """A development token for a practitioner, a patient, a system (with or without a practitioner), or a bare role.
    `unregistered`: the profession of a practitioner whom no directory knows; empty: none.

    Where issuers are configured it would open nothing: `anamnese token` refuses before.
    """
    if patient_id is not None:
        claims: dict[str, Any] = {"kind": "patient", "sub": patient_id, "patient_id": patient_id}
    elif system:
        claims = {"kind": "system", "sub": system, "client_id": system, **({"rpps": rpps} if rpps else {})}
    elif rpps is not None:
        claims = {"kind": "practitioner", "sub": rpps, "rpps": rpps, "unregistered": unregistered}
    elif identity_vigilance:
        claims = {"kind": CallerKind.ADMINISTRATOR.value, "sub": identity_vigilance, "role": ROLE}
    else:
        claims = {"kind": (role or CallerKind.AUDITOR).value, "sub": "development"}
    return issuer_of(services).sign(claims, now, lifetime)


def caller_of(tx: Tx, bearer: Bearer, matrix: Matrix | None = None) -> Caller:
    """The caller that a bearer is today; Refusal (403) for a suspended practitioner.

    One whom the directory does not know has no establishment or team, and no profession unless a development token, or
    a trusted issuer, says so: the matrix (the shipped one when not given) then shows them nothing.
    """
    if bearer.kind is not CallerKind.PRACTITIONER:
        return Caller(bearer.kind, bearer.id, profession=bearer.role, system=bearer.system)
    known, matrix = practitioner(tx, bearer.id), matrix or load_matrix()
    if known is not None and known.suspended:
        raise SUSPENDED
    if bearer.asserted and (known is None or (bearer.finess and bearer.finess not in known.organizations)):
        raise UNREGISTERED
    if known is None:
        return _unregistered(bearer, matrix)
    organizations, regulates = frozenset(known.organizations), known.regulates
    if (stated := bearer.stated) is not None:
        _agree(known, stated, matrix)
        organizations = organizations & stated.organizations if stated.organizations else organizations
        regulates = regulates and stated.regulates is not False
    return Caller(
        CallerKind.PRACTITIONER,
        known.rpps,
        name=known.name,
        profession=known.profession,
        specialty=known.specialty,
        organizations=organizations,
        teams=frozenset(known.teams),
        system=bearer.system,
        regulates=regulates,
    )


def _agree(known: Practitioner, stated: Stated, matrix: Matrix) -> None:
    """Refusal when an issuer states practices and none is the one in the directory, by their rows of the matrix."""
    registered = matrix.role_of(known.profession, known.specialty)
    if stated.practices and registered not in [matrix.role_of(*practice) for practice in stated.practices]:
        raise DISAGREES


def _unregistered(bearer: Bearer, matrix: Matrix) -> Caller:
    """Whom no directory knows: as a trusted issuer says, by the narrowest of their practices; else as a token says."""
    stated = bearer.stated
    if stated is None or not stated.trusted or not stated.practices:
        return Caller(CallerKind.PRACTITIONER, bearer.id, profession=bearer.unregistered, system=bearer.system)
    narrowest = min(stated.practices, key=lambda practice: len(matrix.role_of(*practice).types))
    return Caller(
        CallerKind.PRACTITIONER,
        bearer.id,
        profession=narrowest[0],
        specialty=narrowest[1],
        organizations=stated.organizations,
        system=bearer.system,
        regulates=stated.regulates is True,
    )


def _bearer(claims: dict[str, Any]) -> Bearer:
    """The bearer named by verified claims; a malformed or ambiguous one is refused."""
    kind, rpps, patient_id, client = (claims.get(name) for name in ("kind", "rpps", "patient_id", "client_id"))
    has_rpps = isinstance(rpps, str) and is_rpps(rpps)
    if kind == CallerKind.PRACTITIONER and has_rpps and client is None and patient_id is None:
        profession = claims.get("unregistered", "")
        return Bearer(
            CallerKind.PRACTITIONER, str(rpps), unregistered=profession if isinstance(profession, str) else ""
        )
    if kind == CallerKind.SYSTEM and isinstance(client, str) and client and patient_id is None:
        if has_rpps:
            return Bearer(CallerKind.PRACTITIONER, str(rpps), system=client)
        if rpps is None:
            return Bearer(CallerKind.SYSTEM, client, system=client)
    if kind == CallerKind.PATIENT and isinstance(patient_id, str) and is_opaque_id(patient_id) and rpps is None:
        return Bearer(CallerKind.PATIENT, patient_id)
    if kind in (CallerKind.AUDITOR, CallerKind.ADMINISTRATOR) and isinstance(claims.get("sub"), str):
        vigilant = kind == CallerKind.ADMINISTRATOR and claims.get("role") == ROLE
        return Bearer(CallerKind(str(kind)), str(claims["sub"]), role=ROLE if vigilant else "")
    raise INVALID
