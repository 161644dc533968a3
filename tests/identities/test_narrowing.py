"""SMART scopes narrow; a system adds nothing; acts that cannot be taken back ask for a fresh authentication."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from starlette.testclient import TestClient

from access.smart import Need, parse_scopes
from search_api.oidc.assertion import LIFE
from search_api.oidc.needs import EVERYTHING, need_of
from tests.identities.asking import bearer, routes, status
from tests.identities.conftest import ACCOUNTS, Open
from tests.search_api.conftest import DOCTOR, STRANGER, SUSPENDED, TRAITANT
from tests.search_api.test_journal import entries
from tests.search_api.world import World
from tests.services.openid import AUDIENCE, Key, OpenId, new_key

READ, WRITE = Need("DocumentReference", "r"), Need("Consent", "c")


@pytest.mark.parametrize(
    ("text", "reads", "writes", "reads_own"),
    [
        ("openid scope_all https://x.example/y", None, None, None),
        ("patient/DocumentReference.read", False, False, True),
        ("patient/*.*", False, False, True),
        ("user/DocumentReference.rs", True, False, True),
        ("user/DocumentReference.s", False, False, False),
        ("user/*.cruds", True, True, True),
        ("user/*.write", False, True, False),
        ("system/*.read", True, False, True),
        ("user/DocumentReference.rs?category=x", False, False, False),
        ("user/DocumentReference.", False, False, False),
        ("user/DocumentReference.sr", False, False, False),
        ("USER/*.read", False, False, False),
        ("launch/patient", False, False, False),
    ],
)
def test_scopes_are_what_they_say(text: str, reads: bool | None, writes: bool | None, reads_own: bool | None) -> None:
    scopes = parse_scopes(text)
    if reads is None:
        assert scopes is None
        return
    assert scopes is not None
    assert scopes.allow(READ, own=False) is reads
    assert scopes.allow(WRITE, own=False) is writes
    assert scopes.allow(READ, own=True) is reads_own


def test_every_address_has_its_resource(own_world: World) -> None:
    """What falls back asks for a scope over everything: narrow enough, and named here so that it is a choice."""
    fallen = set()
    for method, route in routes(own_world.app):
        if need_of(method, route.path).resource == EVERYTHING:
            fallen.add(route.path.split("/")[-1] if "{patient_id}" in route.path else route.path.split("/")[2])
    assert fallen >= {"quarantine", "reviews"}
    assert fallen <= {"quarantine", "claims", "reviews", "me", "facts", "timeline", "emergency", "export", "service"}
    assert need_of("POST", "/v1/patients/{patient_id}/search") == Need("DocumentReference", "s")
    assert need_of("GET", "/v1/patients/{patient_id}/documents/{document_id}/content") == READ
    assert need_of("POST", "/v1/patients/{patient_id}/closure") == Need("Consent", "u")


def acts(http: TestClient, world: World, token: str) -> dict[str, tuple[int, str]]:
    """Reading, searching and a few acts of a professional, with one token."""
    asked: dict[str, Any] = {
        "documents": ("GET", "/documents", None),
        "search": ("POST", "/search", {"query": "allergie"}),
        "attest": ("POST", "/grants", {"kind": "attested"}),
        "break-glass": ("POST", "/break-glass", {"reason": "unconscious"}),
        "mask": ("POST", "/masks", {"document_id": world.documents["lettre"], "hidden_from": "patient"}),
        "journal": ("GET", "/journal", None),
    }
    found = {}
    for name, (method, path, body) in asked.items():
        answer = http.request(method, world.url("marie", path), json=body, headers=bearer(token))
        found[name] = (answer.status_code, answer.json().get("code", "") if answer.content else "")
    return found


def test_a_token_to_read_documents_reads_them_and_does_no_act(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    http = federated(provider)
    found = acts(http, own_world, provider.login("traitant", "user/DocumentReference.rs"))
    assert {name for name, (code, _) in found.items() if code < 300} == {"documents", "search"}
    assert {code for _, code in found.values()} == {"", "scope-too-narrow"}
    assert entries(own_world, "marie")[0].detail == "scope-too-narrow"
    whole = acts(http, own_world, provider.login("traitant", "user/*.cruds"))
    bare = acts(http, own_world, provider.login("traitant", "scope_all"))
    assert whole == bare
    assert {code for code, _ in whole.values()} >= {200, 201}


def test_a_wide_scope_widens_nothing(own_world: World, provider: OpenId, federated: Open) -> None:
    http = federated(provider)
    assert status(http, own_world, provider.login("stranger", "user/*.cruds")) == (403, "no-access")
    assert status(http, own_world, provider.login("suspended", "user/*.cruds")) == (403, "practitioner-suspended")


def test_a_scope_for_a_patient_reaches_that_patient_alone(own_world: World, federated: Open) -> None:
    accounts = {"traitant": {"rpps": TRAITANT, "patient": own_world.patients["marie"]}, "lost": {"rpps": TRAITANT}}
    with OpenId(accounts | {"marie": ACCOUNTS["marie"]}).run() as running:
        http = federated(running)
        for who in ("traitant", "marie"):
            token = running.login(who, "patient/DocumentReference.read")
            assert status(http, own_world, token, "marie") == (200, "")
            assert status(http, own_world, token, "paul") == (403, "scope-too-narrow")
        token = running.login("traitant")  # who may see both
        assert status(http, own_world, token, "paul") == (200, "")
        lost = running.login("lost", "patient/*.read")  # of no patient in particular
        assert status(http, own_world, lost, "marie") == (403, "scope-too-narrow")


def test_scopes_may_be_demanded(own_world: World, provider: OpenId, federated: Open) -> None:
    http = federated(provider, smart_required=True)
    assert status(http, own_world, provider.login("doctor")) == (403, "scope-too-narrow")
    assert status(http, own_world, provider.login("doctor", "user/*.cruds")) == (200, "")


def close(http: TestClient, world: World, token: str) -> tuple[int, str, str]:
    answer = http.post(world.url("marie", "/closure"), headers=bearer(token))
    code = answer.json()["code"] if answer.content else ""
    return answer.status_code, code, answer.headers.get("www-authenticate", "")


def test_closing_asks_for_a_fresh_and_strong_authentication(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    stale = (401, "authentication-too-old", 'Bearer error="insufficient_user_authentication"')
    http, fresh = federated(provider), provider.login("marie")
    assert close(http, own_world, provider.login("marie", ago=16 * 60)) == stale
    assert close(federated(provider, acr=("eidas2",)), own_world, fresh) == stale
    assert entries(own_world, "marie")[0].detail == "authentication-too-old"
    assert status(http, own_world, provider.login("doctor")) == (200, "")  # nothing was closed
    assert close(federated(provider, acr=("eidas1",)), own_world, fresh) == (204, "", "")
    assert status(http, own_world, provider.login("doctor")) == (403, "no-access")


def test_who_may_not_close_learns_nothing_from_an_old_authentication(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    http, token = federated(provider), provider.login("stranger", ago=16 * 60)
    answers = [http.post(own_world.url(who, "/closure"), headers=bearer(token)) for who in ("marie", "z" * 26)]
    assert [each.status_code for each in answers] == [403, 403]
    assert answers[0].content == answers[1].content


def test_urgency_asks_for_no_second_authentication(own_world: World, provider: OpenId, federated: Open) -> None:
    token = provider.login("stranger", ago=8 * 3600)
    answer = federated(provider).post(
        own_world.url("marie", "/break-glass"), json={"reason": "unconscious"}, headers=bearer(token)
    )
    assert answer.status_code == 201


KEY = new_key("EC")


def systems(key: Key = KEY, **more: Any) -> list[dict[str, Any]]:
    return [{"client_id": "dpi", "keys": [key.as_dict(private=False)], **more}]


def assertion(world: World, key: Key = KEY, alg: str = "ES256", **changes: Any) -> str:
    stamp = int(world.clock.now.timestamp())
    claims = {"iss": "dpi", "sub": DOCTOR, "aud": AUDIENCE, "iat": stamp, "exp": stamp + 60, "jti": "one-time-1"}
    return jwt.encode({"alg": alg}, {k: v for k, v in (claims | changes).items() if v is not None}, key)


def said(http: TestClient, world: World, token: str, text: str) -> tuple[int, str]:
    return status(http, world, token, **{"Practitioner-Assertion": text})


def test_a_system_alone_reads_nothing_and_for_a_practitioner_what_they_may(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    http, token = federated(provider, systems=systems()), provider.client_token("dpi")
    assert status(http, own_world, token) == (403, "system-needs-practitioner")
    assert said(http, own_world, token, assertion(own_world)) == (200, "")
    entry = entries(own_world, "marie")[0]
    assert (entry.caller, entry.on_behalf) == ("dpi", DOCTOR)
    for sub, expected in {
        STRANGER: "no-access",
        SUSPENDED: "practitioner-suspended",
        "19999999999": "practitioner-unknown",
    }.items():
        text = assertion(own_world, sub=sub, jti=f"for {sub}")
        assert said(http, own_world, token, text) == (403, expected)


def test_a_system_asserts_only_practitioners_of_its_establishment(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    token = provider.client_token("dpi")
    here = federated(provider, systems=systems(finess="750000001"))
    elsewhere = federated(provider, systems=systems(finess="750000009"))
    assert said(here, own_world, token, assertion(own_world)) == (200, "")
    assert said(elsewhere, own_world, token, assertion(own_world, jti="one-time-2")) == (403, "practitioner-unknown")


def test_an_assertion_is_good_once_and_for_whom_it_was_made(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    http, token = federated(provider, systems=systems()), provider.client_token("dpi")
    text = assertion(own_world)
    assert said(http, own_world, token, text) == (200, "")
    assert said(http, own_world, token, text) == (401, "assertion-replayed")
    assert said(federated(provider, systems=systems()), own_world, token, text) == (401, "assertion-replayed")
    own_world.clock.now += timedelta(seconds=100)
    assert said(http, own_world, token, text) == (401, "assertion-invalid")  # and not forgotten before it is too old
    bad = (401, "assertion-invalid")
    fresh = assertion(own_world, jti="one-time-3")
    assert said(http, own_world, provider.client_token("other-system"), fresh) == bad
    own_world.add_practitioner(DOCTOR, organizations=("750000001",))
    answer = http.get(
        own_world.url("paul", "/documents"),
        headers=bearer(provider.login("doctor"), **{"Practitioner-Assertion": fresh}),
    )
    assert answer.json()["code"] == "no-access"  # a person's token stays that person's


def test_a_forged_assertion_is_refused(own_world: World, provider: OpenId, federated: Open) -> None:
    http, token = federated(provider, systems=systems()), provider.client_token("dpi")
    stamp = int(own_world.clock.now.timestamp())
    forged = {
        "another key": assertion(own_world, new_key("EC")),
        "another client": assertion(own_world, iss="other-system"),
        "another audience": assertion(own_world, aud="https://elsewhere.example"),
        "too long a life": assertion(own_world, exp=stamp + int(LIFE.total_seconds()) + 1),
        "expired": assertion(own_world, iat=stamp - 200, exp=stamp - 100),
        "no name of its own": assertion(own_world, jti=None),
        "a short one": assertion(own_world, jti="1"),
        "no practitioner": assertion(own_world, sub=None),
        "not a number of the directory": assertion(own_world, sub="dpi"),
        "never issued": assertion(own_world, iat=None),
        "times that are no numbers": assertion(own_world, exp="demain"),
        "not a token": "x.y.z",
        "a megabyte": "a" * 100_000,
        "empty": "",
    }
    assert {name: said(http, own_world, token, text) for name, text in forged.items()} == dict.fromkeys(
        forged, (401, "assertion-invalid")
    )
    assert said(http, own_world, token, assertion(own_world)) == (200, "")


def test_a_system_does_no_act_that_asks_for_a_persons_presence(
    own_world: World, provider: OpenId, federated: Open
) -> None:
    """Its token has no time of authentication of the practitioner: what asks for one is refused to it."""
    from search_api.desk import is_fresh
    from search_api.oidc.assertion import asserted
    from search_api.oidc.config import System
    from search_api.oidc.verify import Federation

    http = federated(provider, systems=systems())
    verifier = http.app.state.issuer  # type: ignore[attr-defined]
    assert isinstance(verifier, Federation)
    own = verifier.verify(provider.client_token("dpi"), own_world.clock.now)
    system = System(**systems()[0])
    bearer_of = asserted(system, AUDIENCE, own, assertion(own_world), own_world.clock.now).bearer
    assert not is_fresh(bearer_of, own_world.clock.now, timedelta(days=400))


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("scope_all", "bad-resource"),
        ("user/*.cruds", "bad-resource"),
        ("user/Patient.r", "scope-too-narrow"),
        ("patient/DocumentReference.read", "scope-too-narrow"),
    ],
)
def test_a_token_that_brings_nothing_in_has_no_body_looked_at(
    provider: OpenId, federated: Open, scope: str, expected: str
) -> None:
    headers = bearer(provider.login("doctor", scope), **{"Content-Type": "application/fhir+json"})
    answer = federated(provider).post("/fhir", headers=headers, content=b"{ no JSON")
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == expected
