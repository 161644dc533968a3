"""Tokens of a real OpenID provider: who they name, what narrows them, and how its keys are followed."""

from __future__ import annotations

import dataclasses
import json

import pytest
from joserfc import jwt

from search_api.oidc import provider as keys
from search_api.oidc.verify import LEEWAY
from tests.identities.asking import bearer, status
from tests.identities.conftest import ACCOUNTS, Open
from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.test_journal import entries
from tests.search_api.world import World
from tests.services.openid import OpenId, new_key


def test_each_account_is_who_the_provider_says(own_world: World, provider: OpenId, federated: Open) -> None:
    http = federated(provider)
    expected = {
        "doctor": (200, ""),
        "traitant": (200, ""),
        "stranger": (403, "no-access"),
        "suspended": (403, "practitioner-suspended"),
        "unregistered": (403, "profession-sees-nothing"),
        "marie": (200, ""),
        "auditor": (403, "role-reads-no-document"),
        "vigilance": (403, "role-reads-no-document"),
        "two-roles": (401, "token-invalid"),
        "two-bearers": (401, "token-invalid"),
        "nobody": (401, "token-invalid"),
        "malformed": (401, "token-invalid"),
    }
    own_world.grant("unregistered", "marie", "19999999999")
    found = {name: status(http, own_world, provider.login(name)) for name in expected}
    assert found == expected
    assert http.get("/v1/quarantine", headers=bearer(provider.login("vigilance"))).status_code == 200
    assert http.get("/v1/quarantine", headers=bearer(provider.login("auditor"))).status_code == 403
    assert entries(own_world, "marie")[-1].caller_kind in {"practitioner", "patient", "auditor", "administrator"}


def test_a_development_token_opens_nothing_beside_an_issuer(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    made_up = own_world.bearer(DOCTOR)["Authorization"].removeprefix("Bearer ")
    assert status(federated(provider), own_world, made_up) == (401, "token-invalid")


def test_an_issuer_names_nobody_but_whom_it_may(own_world: World, provider: OpenId, federated: Open) -> None:
    http = federated(provider, names=frozenset({"practitioner"}))
    assert status(http, own_world, provider.login("doctor")) == (200, "")
    for name in ("marie", "auditor", "vigilance"):
        assert status(http, own_world, provider.login(name)) == (401, "token-invalid")
    assert status(http, own_world, provider.client_token("dpi")) == (401, "token-invalid")


def test_a_suspended_practitioners_token_dies_at_once(own_world: World, provider: OpenId, federated: Open) -> None:
    http, token = federated(provider), provider.login("doctor")
    assert status(http, own_world, token) == (200, "")
    own_world.add_practitioner(DOCTOR, suspended=True)
    assert status(http, own_world, token) == (403, "practitioner-suspended")


def test_what_the_issuer_states_narrows_the_directory(own_world: World, provider: OpenId, federated: Open) -> None:
    http = federated(provider)
    assert status(http, own_world, provider.login("nurse")) == (403, "practice-disagrees")
    own_world.revoke("doctor", "marie")
    own_world.grant("establishment", "marie", "750000001", grantee_kind="organization")
    assert status(http, own_world, provider.login("doctor")) == (200, "")  # it names no establishment
    assert status(http, own_world, provider.login("physician")) == (403, "no-access")  # at work in another one


def test_a_trusted_issuer_stands_for_the_directory_where_that_is_mute(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    account = {"rpps": "19999999999", "profession": "diététicien"}
    own_world.grant("unregistered", "marie", "19999999999")
    with OpenId({"one": account}).run() as running:
        token = running.login("one")
        assert status(federated(running), own_world, token) == (403, "profession-sees-nothing")
        http = federated(running, trusts_professions=True)
        assert status(http, own_world, token) == (200, "")
        dietician = http.get(own_world.url("marie", "/documents"), headers=bearer(token)).json()["documents"]
        everything = federated(provider).get(
            own_world.url("marie", "/documents"), headers=bearer(provider.login("doctor"))
        )
        assert 0 < len(dietician) < len(everything.json()["documents"])
        own_world.add_practitioner("19999999999", suspended=True)
        assert status(http, own_world, token) == (403, "practitioner-suspended")


def test_an_expired_token_is_refused_after_a_small_leeway(own_world: World, provider: OpenId, federated: Open) -> None:
    http, token = federated(provider), provider.login("doctor")
    expiry = jwt.decode(token, provider.key, algorithms=["RS256"]).claims["exp"]
    now = own_world.clock.now
    for seconds, expected in ((LEEWAY - 2, (200, "")), (LEEWAY + 2, (401, "token-expired"))):
        own_world.clock.now = now.fromtimestamp(expiry + seconds, now.tzinfo)
        assert status(http, own_world, token) == expected


@pytest.mark.parametrize(("kind", "alg"), [("EC", "ES256"), ("RSA", "PS256"), ("OKP", "EdDSA")])
def test_algorithms_are_those_of_the_list(own_world: World, federated: Open, kind: str, alg: str) -> None:
    """Ed25519 is signed as "EdDSA" by this provider, a name that says neither curve nor strength: not on the list."""
    with OpenId({"doctor": ACCOUNTS["doctor"]}, key=new_key(kind, alg=alg), alg=alg).run() as running:
        token = running.login("doctor")
        expected = (200, "") if alg != "EdDSA" else (401, "token-invalid")
        assert status(federated(running), own_world, token) == expected
        assert status(federated(running, algorithms=("RS256",)), own_world, token) == (401, "token-invalid")


def test_a_rotation_of_keys_is_followed_and_old_keys_go(own_world: World, federated: Open) -> None:
    ticks = [0.0]
    before = OpenId({"doctor": ACCOUNTS["doctor"]})
    with before.run():
        http, old = federated(before, lambda: ticks[0]), before.login("doctor")
        assert status(http, own_world, old) == (200, "")
        assert before.fetched() == {"keys": 1, "discovery": 1, "token": 1, "userinfo": 0}
    after = dataclasses.replace(before, key=new_key(alg="RS256"))
    with after.run():
        new = after.login("doctor")
        assert status(http, own_world, new) == (401, "token-invalid")  # fetched a moment ago: not yet again
        ticks[0] += keys.COOLDOWN + 1
        assert status(http, own_world, new) == (200, "")
        assert status(http, own_world, old) == (401, "token-invalid")
        assert after.fetched() == {"keys": 1, "discovery": 1, "token": 1, "userinfo": 0}


def test_keys_are_kept_a_while_when_the_provider_is_away_and_no_longer(own_world: World, federated: Open) -> None:
    ticks = [0.0]
    running = OpenId({"doctor": ACCOUNTS["doctor"]})
    with running.run():
        http, token = federated(running, lambda: ticks[0]), running.login("doctor")
        assert status(http, own_world, token) == (200, "")
    ticks[0] += keys.KEYS_FRESH + 1
    assert status(http, own_world, token) == (200, "")
    ticks[0] += keys.KEYS_KEPT
    assert status(http, own_world, token) == (503, "issuer-unavailable")


def test_a_flood_of_unknown_keys_asks_the_provider_once(own_world: World, federated: Open) -> None:
    with OpenId(ACCOUNTS).run() as running:
        http = federated(running)
        assert status(http, own_world, running.login("doctor")) == (200, "")
        claims = {"iss": running.issuer, "aud": "x", "sub": "x", "exp": 2**32}
        for _ in range(50):
            key = new_key("EC")
            forged = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
            assert status(http, own_world, forged) == (401, "token-invalid")
        assert running.fetched()["keys"] == 1


def test_a_provider_that_says_it_is_another_is_not_believed(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    renamed = dataclasses.replace(provider)
    renamed.__class__ = type("Renamed", (OpenId,), {"issuer": f"http://localhost:{provider.port}"})
    claims = jwt.decode(provider.login("doctor"), provider.key, algorithms=["RS256"]).claims
    token = jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims | {"iss": renamed.issuer}, provider.key)
    assert status(federated(renamed), own_world, token) == (503, "issuer-unavailable")


def test_the_userinfo_endpoint_speaks_for_a_mute_token_about_the_same_subject(
    own_world: World, federated: Open
) -> None:
    with OpenId(ACCOUNTS, mute=True).run() as running:
        token = running.login("doctor")
        assert status(federated(running), own_world, token) == (401, "token-invalid")
        assert status(federated(running, userinfo=True), own_world, token) == (200, "")
    with OpenId(ACCOUNTS, mute=True, liar="traitant").run() as running:
        assert status(federated(running, userinfo=True), own_world, running.login("doctor")) == (401, "token-invalid")


def test_the_journal_names_who_the_provider_named(own_world: World, provider: OpenId, federated: Open) -> None:
    status(federated(provider), own_world, provider.login("traitant"))
    entry = entries(own_world, "marie")[0]
    assert (entry.caller, entry.outcome, entry.action) == (TRAITANT, "granted", "list-documents")
    assert "traitant" not in json.dumps(entry.policy_version)
