"""Tokens made, changed or reused by an attacker who knows everything public: keys, addresses, somebody's real token."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.identities.asking import bearer, status
from tests.identities.conftest import ACCOUNTS, Open
from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.world import World
from tests.services.openid import OpenId, new_key

ATTACKERS = new_key()
INVALID = (401, "token-invalid")


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def signed(provider: OpenId, claims: dict[str, Any], **header: Any) -> str:
    """As the provider would, with its own key: for what must be refused although the signature is right."""
    return jwt.encode({"alg": "RS256", "kid": provider.key.kid, **header}, claims, provider.key)


def test_what_the_attacker_builds_on_is_good(own_world: World, provider: OpenId, federated: Open) -> None:
    http, token = federated(provider), provider.login("doctor")
    assert status(http, own_world, token) == (200, "")
    assert status(http, own_world, signed(provider, claims_of(token))) == (200, "")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_algorithm_none(own_world: World, provider: OpenId, federated: Open, alg: str) -> None:
    http, token = federated(provider), provider.login("doctor")
    header = segment({"alg": alg, "kid": provider.key.kid})
    for signature in ("", token.split(".")[2]):
        assert status(http, own_world, f"{header}.{token.split('.')[1]}.{signature}") == INVALID


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_key_confusion(own_world: World, provider: OpenId, federated: Open, alg: str) -> None:
    """The public key, in each form it can be had in, as the secret of an HMAC."""
    assert isinstance(provider.key, RSAKey)
    http, claims = federated(provider), claims_of(provider.login("doctor"))
    public = provider.key.public_key
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        json.dumps(provider.key.as_dict(private=False)).encode(),
        str(provider.key.as_dict(private=False)["n"]).encode(),
    ]
    for secret in secrets:
        for kid in ({"kid": provider.key.kid}, {}):
            signing = f"{segment({'alg': alg, **kid})}.{segment(claims)}"
            made = hmac.new(secret, signing.encode(), f"sha{alg[2:]}").digest()
            signature = base64.urlsafe_b64encode(made).decode().rstrip("=")
            assert status(http, own_world, f"{signing}.{signature}") == INVALID


FORGERIES: dict[str, Callable[[dict[str, Any], dict[str, Any]], tuple[dict[str, Any], dict[str, Any]]]] = {
    "another audience": lambda c, h: ({**c, "aud": "https://elsewhere.example"}, h),
    "audience of the client": lambda c, h: ({**c, "aud": "app"}, h),
    "no audience": lambda c, h: ({k: v for k, v in c.items() if k != "aud"}, h),
    "another issuer": lambda c, h: ({**c, "iss": "https://elsewhere.example"}, h),
    "issuer with a slash": lambda c, h: ({**c, "iss": c["iss"] + "/"}, h),
    "no issuer": lambda c, h: ({k: v for k, v in c.items() if k != "iss"}, h),
    "issuer that is a list": lambda c, h: ({**c, "iss": [c["iss"]]}, h),
    "no expiry": lambda c, h: ({k: v for k, v in c.items() if k != "exp"}, h),
    "expiry that is a word": lambda c, h: ({**c, "exp": "demain"}, h),
    "not yet": lambda c, h: ({**c, "nbf": c["iat"] + 3600}, h),
    "issued in the future": lambda c, h: ({**c, "iat": c["iat"] + 3600}, h),
    "no subject": lambda c, h: ({k: v for k, v in c.items() if k != "sub"}, h),
    "a key of its own in the header": lambda c, h: (
        c,
        {**h, "jwk": ATTACKERS.as_dict(private=False), "kid": ATTACKERS.kid},
    ),
    "an address of keys in the header": lambda c, h: (c, {**h, "jku": "http://127.0.0.1:9/keys", "kid": "x"}),
    "a key id that is a path": lambda c, h: (c, {**h, "kid": "../../../../dev/null"}),
    "a key id that is a list": lambda c, h: (c, {**h, "kid": ["x"]}),
    "critical and unknown": lambda c, h: (c, {**h, "crit": ["b64"], "b64": False}),
    "another algorithm named": lambda c, h: (c, {**h, "alg": "RS512"}),
}


OWN = {"a key of its own in the header", "an address of keys in the header"}
"""Forgeries signed by the attacker's key; the others by the provider's, so that nothing but their content is wrong."""


@pytest.mark.parametrize("name", FORGERIES)
def test_a_claim_or_a_header_that_is_not_for_us(own_world: World, provider: OpenId, federated: Open, name: str) -> None:
    http, token = federated(provider), provider.login("doctor")
    claims, header = FORGERIES[name](claims_of(token), {"alg": "RS256", "kid": provider.key.kid})
    key = ATTACKERS if name in OWN else provider.key
    assert isinstance(key, RSAKey)
    signing = f"{segment(header)}.{segment(claims)}"
    digest = SHA512() if header["alg"] == "RS512" else SHA256()
    made = key.private_key.sign(signing.encode(), PKCS1v15(), digest)  # type: ignore[union-attr]
    signature = base64.urlsafe_b64encode(made).decode().rstrip("=")
    assert status(http, own_world, f"{signing}.{signature}") == INVALID


def test_another_key_under_the_same_id(own_world: World, provider: OpenId, federated: Open) -> None:
    token = provider.login("doctor")
    forged = jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims_of(token), new_key())
    assert status(federated(provider), own_world, forged) == INVALID


def test_a_payload_changed_under_its_signature(own_world: World, provider: OpenId, federated: Open) -> None:
    http = federated(provider)
    head, _, signature = provider.login("doctor").split(".")
    for change in ({"rpps": TRAITANT}, {"roles": ["auditor"]}, {"scope": "user/*.cruds"}):
        payload = segment({**claims_of(provider.login("doctor")), **change})
        assert status(http, own_world, f"{head}.{payload}.{signature}") == INVALID


def test_an_expired_token(own_world: World, provider: OpenId, federated: Open) -> None:
    http, token = federated(provider), provider.login("doctor")
    claims = claims_of(token)
    old = signed(provider, {**claims, "iat": claims["iat"] - 7200, "exp": claims["iat"] - 3600})
    assert status(http, own_world, old) == (401, "token-expired")
    assert status(http, own_world, token) == (200, "")


def test_an_id_token_is_no_access_token(own_world: World, provider: OpenId, federated: Open) -> None:
    assert status(federated(provider), own_world, provider.id_token("doctor")) == INVALID


def test_a_token_of_another_issuer_of_ours_names_nobody_there(own_world: World, federated: Open) -> None:
    """Two issuers: each verifies with its own keys only."""
    import dataclasses

    from starlette.testclient import TestClient

    from search_api.app import create_app
    from search_api.oidc.config import IssuerSettings
    from search_api.oidc.verify import Federation
    from tests.services.openid import AUDIENCE

    with OpenId(ACCOUNTS).run() as one, OpenId(ACCOUNTS).run() as other:
        federated(one)
        issuers = [
            IssuerSettings(issuer=one.issuer, audience=AUDIENCE, names=frozenset({"practitioner"})),
            IssuerSettings(issuer=other.issuer, audience=AUDIENCE, names=frozenset({"patient"})),
        ]
        services = dataclasses.replace(own_world.services, verifier=Federation(issuers, own_world.services.keys))
        with TestClient(create_app(services)) as http:
            assert status(http, own_world, one.login("doctor")) == (200, "")
            assert status(http, own_world, other.login("marie")) == (200, "")
            assert status(http, own_world, other.login("doctor")) == INVALID
            assert status(http, own_world, one.login("marie")) == INVALID
            posing = claims_of(other.login("doctor")) | {"iss": one.issuer}
            assert status(http, own_world, signed(other, posing)) == INVALID


def test_a_replayed_assertion(own_world: World, provider: OpenId, federated: Open) -> None:
    from tests.identities.test_narrowing import assertion, said, systems

    http, token = federated(provider, systems=systems()), provider.client_token("dpi")
    copied = assertion(own_world)
    assert said(http, own_world, token, copied) == (200, "")
    assert [said(http, own_world, token, copied) for _ in range(3)] == [(401, "assertion-replayed")] * 3
    assert said(http, own_world, token, assertion(own_world, jti="one-time-2")) == (200, "")


def test_a_token_in_the_address_or_twice_is_no_token(own_world: World, provider: OpenId, federated: Open) -> None:
    http, token = federated(provider), provider.login("doctor")
    inside = http.get(own_world.url("marie", f"/documents?access_token={token}"))
    assert (inside.status_code, inside.json()["code"]) == (401, "token-missing")
    twice = http.get(own_world.url("marie", "/documents"), headers=bearer(f"{token} {token}"))
    assert (twice.status_code, twice.json()["code"]) == INVALID


def test_a_suspended_practitioners_token(own_world: World, provider: OpenId, federated: Open) -> None:
    http, token = federated(provider), provider.login("doctor")
    assert status(http, own_world, token) == (200, "")
    own_world.add_practitioner(DOCTOR, suspended=True)
    assert status(http, own_world, token) == (403, "practitioner-suspended")
