"""Launched from a hospital's software at a real provider: the SMART EHR launch, what attacks it; a system's links."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from search_api.app import create_app
from search_api.launch import FRAGMENT
from search_api.oidc.config import EhrLaunch, IssuerSettings, PageClient
from search_api.oidc.verify import Federation
from search_api.web.front import Front
from tests.identities.asking import bearer
from tests.identities.conftest import ACCOUNTS, MARIE, Open
from tests.search_api.conftest import DOCTOR, STRANGER
from tests.search_api.test_journal import entries
from tests.search_api.world import World
from tests.services.openid import AUDIENCE, REDIRECT, OpenId, new_key

NIR = "urn:oid:1.2.250.1.213.1.4.8"


def chart(name: str, *numbers: str) -> dict[str, Any]:
    told = [{"system": NIR, "value": number} for number in numbers]
    return {"resourceType": "Patient", "id": name, "identifier": [{"system": "urn:local", "value": "77"}, *told]}


CHARTS = {
    "ipp-1": chart("ipp-1", MARIE),
    "two": chart("two", MARIE, "185037512345641"),
    "none": chart("none"),
    "other": chart("ipp-1", MARIE),
}
LAUNCHES = {f"at-{name}": name for name in (*CHARTS, "gone", "../ipp-1")} | {"by-ins": MARIE}


@pytest.fixture(scope="module")
def ehr() -> Iterator[OpenId]:
    """A provider that is an EHR too: it launches, and has a FHIR server."""
    with OpenId(ACCOUNTS, launches=LAUNCHES, charts=CHARTS).run() as running:
        yield running


def page(ehr: OpenId, patient: str = "fhir") -> PageClient:
    return PageClient(client_id="app", resource=AUDIENCE, launches=({"iss": ehr.fhir, "patient": patient},))


def launched(ehr: OpenId, launch: str, account: str = "doctor") -> dict[str, str]:
    """What the page sends once its window came back."""
    code, verifier = ehr.code(account, "scope_all", launch=launch, aud=ehr.fhir)
    return {"issuer": ehr.issuer, "code": code, "verifier": verifier, "redirect_uri": REDIRECT, "iss": ehr.fhir}


def sign_in(http: TestClient, told: dict[str, str]) -> Any:
    return http.post("/web/sign-in", json=told)


def follow(http: TestClient, told: dict[str, str]) -> Any:
    return http.post("/v1/launch-links/open", json={"link": told["launch"]}, headers=bearer(told["token"]))


def test_an_ehr_launch_opens_the_patient_in_view(own_world: World, ehr: OpenId, federated: Open) -> None:
    http = federated(ehr, page=page(ehr))
    told = sign_in(http, launched(ehr, "at-ipp-1")).json()
    assert follow(http, told).json() == {"patient_id": own_world.patients["marie"]}
    assert (entries(own_world, "marie")[0].action, entries(own_world, "marie")[0].caller) == (
        "open-launch-link",
        DOCTOR,
    )
    assert follow(http, told).json()["code"] == "no-such-link"


@pytest.mark.parametrize("kind", ["ins", "id"])
def test_the_context_may_name_the_patient_itself(own_world: World, federated: Open, kind: str) -> None:
    name = MARIE if kind == "ins" else own_world.patients["marie"]
    with OpenId(ACCOUNTS, launches={"x": name}).run() as running:
        http = federated(running, page=page(running, kind))
        assert follow(http, sign_in(http, launched(running, "x")).json()).json() == {
            "patient_id": own_world.patients["marie"]
        }


def test_an_ehr_launch_is_no_right(own_world: World, ehr: OpenId, federated: Open) -> None:
    http = federated(ehr, page=page(ehr))
    told = sign_in(http, launched(ehr, "at-ipp-1", "stranger")).json()
    opened = follow(http, told).json()["patient_id"]
    looked = http.post("/v1/patients/lookup", json={"ins": MARIE}, headers=bearer(told["token"])).json()
    assert opened == looked["patient_id"]
    assert http.get(f"/v1/patients/{opened}/identity", headers=bearer(told["token"])).json()["code"] == "no-access"
    assert entries(own_world, "marie")[0].caller == STRANGER


@pytest.mark.parametrize("launch", ["at-two", "at-none", "at-other", "at-gone", "at-../ipp-1", "made-up"])
def test_a_patient_in_view_that_is_nobody_for_certain_is_nobody(ehr: OpenId, federated: Open, launch: str) -> None:
    """Two numbers, none, another's chart, no chart, a path in the name, a launch that the EHR does not know."""
    answer = sign_in(federated(ehr, page=page(ehr)), launched(ehr, launch))
    assert answer.status_code == 200
    assert answer.json()["launch"] == ""


def test_only_an_address_of_the_settings_launches(ehr: OpenId, federated: Open) -> None:
    """Neither another address nor one that looks alike; nothing is fetched from it, and the code is not spent on it."""
    http, told = federated(ehr, page=page(ehr)), launched(ehr, "at-ipp-1")
    evil = (
        "https://evil.example/fhir",
        f"{ehr.fhir}/",
        f"{ehr.fhir}?x=1",
        f"{ehr.fhir}#x",
        ehr.fhir.upper(),
        ehr.issuer,
    )
    for iss in evil:
        answer = sign_in(http, told | {"iss": iss})
        assert (answer.status_code, answer.json()["code"]) == (401, "sign-in-refused")
    assert sign_in(http, told).status_code == 200
    ways = [way for way in http.get("/web/sign-in").json()["ways"] if way["kind"] == "oidc"]
    assert [way["launches"] for way in ways] == [[ehr.fhir]]


def test_a_code_is_not_replayed(ehr: OpenId, federated: Open) -> None:
    http, told = federated(ehr, page=page(ehr)), launched(ehr, "at-ipp-1")
    assert sign_in(http, told).status_code == 200
    assert sign_in(http, told).json()["code"] == "sign-in-refused"


def test_a_code_under_anothers_verifier_is_refused(ehr: OpenId, federated: Open) -> None:
    """CSRF: an attacker's own code, put into a victim's window, meets a verifier that is not its own."""
    http, mine, theirs = federated(ehr, page=page(ehr)), launched(ehr, "at-ipp-1"), launched(ehr, "at-ipp-1")
    assert sign_in(http, mine | {"code": theirs["code"]}).json()["code"] == "sign-in-refused"


def test_another_site_cannot_send_the_code_by_a_form(ehr: OpenId, federated: Open) -> None:
    """A form of another site cannot send JSON; an answer to it could not be read, and no cookie is there to be used."""
    http, told = federated(ehr, page=page(ehr)), launched(ehr, "at-ipp-1")
    for media in ("text/plain", "application/x-www-form-urlencoded"):
        sent = http.post("/web/sign-in", json=told, headers={"Content-Type": media, "Origin": "https://evil.example"})
        assert sent.status_code == 422
    answer = http.post("/web/sign-in", json=told, headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control") or name == "set-cookie"]


def test_a_code_sent_elsewhere_is_not_exchanged(ehr: OpenId, federated: Open) -> None:
    """Open redirect: the provider holds the code to the address it was sent to, and sends to registered ones only."""
    http, told = federated(ehr, page=page(ehr)), launched(ehr, "at-ipp-1")
    assert sign_in(http, told | {"redirect_uri": "https://evil.example/back"}).json()["code"] == "sign-in-refused"
    asked = {
        "client_id": "app",
        "response_type": "code",
        "redirect_uri": "https://evil.example/back",
        "scope": "openid",
    }
    answer = httpx.get(f"{ehr.issuer}/auth", params=asked)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_the_answers_of_two_providers_are_not_mixed_up(own_world: World, ehr: OpenId) -> None:
    """A launch of one provider's software with the code of another's, and a token of another issuer than was asked."""
    with OpenId(ACCOUNTS, launches=LAUNCHES, charts=CHARTS).run() as other:
        issuers = [IssuerSettings(issuer=each.issuer, audience=AUDIENCE, page=page(each)) for each in (ehr, other)]
        own_world.clock.now = datetime.now(UTC)
        verifier = Federation(issuers, own_world.services.keys)
        services = replace(own_world.services, verifier=verifier, front=Front(providers=verifier.ways()))
        with TestClient(create_app(services), raise_server_exceptions=False) as http:
            mine = launched(ehr, "at-ipp-1")
            for mixed in ({"issuer": other.issuer}, {"iss": other.fhir}, {"issuer": other.issuer, "iss": other.fhir}):
                assert sign_in(http, mine | mixed).json()["code"] == "sign-in-refused"
            assert sign_in(http, mine).status_code == 200


@pytest.mark.parametrize(
    "iss", ["http://hopital.example/fhir", "https://hopital.example/fhir?x=1", "ftp://x/fhir", "javascript:alert(1)"]
)
def test_an_unsafe_address_is_no_setting(iss: str) -> None:
    with pytest.raises(ValidationError):
        EhrLaunch(iss=iss)


def test_smart_tells_of_launches_where_our_own_fhir_launches(ehr: OpenId, federated: Open) -> None:
    for kind, there in (("fhir", False), ("id", True)):
        told = federated(ehr, page=page(ehr, kind)).get("/fhir/.well-known/smart-configuration").json()
        assert ({"launch-ehr", "context-ehr-patient"} <= set(told["capabilities"])) is there
        assert ("launch" in told["scopes_supported"]) is there


def test_a_system_of_the_settings_makes_links_for_its_own(
    own_world: World, provider: OpenId, federated: Open, caplog: pytest.LogCaptureFixture
) -> None:
    keys = [new_key("EC").as_dict(private=False)]
    systems = [{"client_id": "dpi", "finess": "750000001", "keys": keys}]
    http, dpi = federated(provider, systems=systems), bearer(provider.client_token("dpi"))
    body = {"practitioner": DOCTOR, "ins": MARIE}
    with caplog.at_level(logging.DEBUG):
        made = http.post("/v1/launch-links", json=body, headers=dpi)
        link = made.json()["url"].removeprefix(FRAGMENT)
        doctor = bearer(provider.login("doctor"))
        opened = http.post("/v1/launch-links/open", json={"link": link}, headers=doctor)
    assert opened.json() == {"patient_id": own_world.patients["marie"]}
    assert link not in caplog.text
    assert MARIE not in caplog.text
    elsewhere = http.post("/v1/launch-links", json=body | {"practitioner": STRANGER}, headers=dpi)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "practitioner-unknown")
    other = http.post("/v1/launch-links", json=body, headers=bearer(provider.client_token("other-system")))
    assert (other.status_code, other.json()["code"]) == (403, "act-not-allowed")
