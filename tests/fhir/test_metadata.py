"""The capability statement promises what is there, all of it and no more."""

from __future__ import annotations

from typing import Any

import pytest

from search_api.fhir.metadata import statement
from search_api.fhir.router import SEARCHES, fhir_routers
from tests.fhir.asking import code_of, get
from tests.identities.conftest import Open, federated, provider
from tests.search_api.world import World
from tests.services.openid import OpenId

__all__ = ["federated", "provider"]
PROMISED = {
    "AllergyIntolerance", "AuditEvent", "Binary", "Condition", "Consent", "DeviceUseStatement", "DocumentReference",
    "Encounter", "Immunization", "MedicationStatement", "Observation", "Patient", "Procedure", "Provenance",
}  # fmt: skip


def test_every_interaction_that_is_promised_answers(world: World) -> None:
    body = get(world, "/metadata").json()
    (rest,) = body["rest"]
    assert {one["type"] for one in rest["resource"]} == PROMISED
    assert rest["interaction"] == [{"code": "transaction"}]
    for one in rest["resource"]:
        codes = {each["code"] for each in one["interaction"]}
        kind, patient = one["type"], world.patients["marie"]
        tried: dict[str, Any] = {
            "read": get(world, f"/{kind}/{patient}.x"),
            "vread": get(world, f"/{kind}/{patient}.x/_history/1"),
            "search-type": get(world, f"/{kind}?patient={patient}&_id={patient}.x&target={kind}/{patient}.x"),
        }
        for code, answer in tried.items():
            routed = (
                code_of(answer) not in ("no-such-route", "method-not-allowed") if answer.status_code >= 400 else True
            )
            assert routed == (code in codes), (kind, code, answer.text)


def test_every_parameter_that_is_promised_is_one(world: World) -> None:
    body = get(world, "/metadata").json()
    values = {"token": "x", "string": "x", "date": "2020", "reference": "Patient/x", "uri": "urn:x", "special": "x"}
    for one in body["rest"][0]["resource"]:
        for parameter in one.get("searchParam", []):
            query = f"{parameter['name']}={values[parameter['type']]}"
            answer = get(world, f"/{one['type']}?{query}", Prefer="handling=strict")
            if answer.status_code != 200:
                assert code_of(answer) != "unknown-parameter", (one["type"], query)


def test_it_is_made_from_the_routes() -> None:
    """With a router less, what it routed is promised no more."""
    routers = list(fhir_routers(1000, 1))
    routes = [route for router in routers for route in router.routes]
    fewer = [route for route in routes if "Consent" not in route.path]  # type: ignore[attr-defined]
    kinds = [one["type"] for one in statement("http://x", fewer, SEARCHES)["rest"][0]["resource"]]  # type: ignore[arg-type]
    assert "Consent" not in kinds
    assert "Patient" in kinds


@pytest.mark.parametrize("path", ["/", "/Patient/x/y/z", "/Zorg", "/Zorg/1", "/Patient/$everything"])
def test_what_is_not_there(world: World, path: str) -> None:
    answer = get(world, path)
    assert answer.status_code in (403, 404, 405)
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_smart_says_where_to_ask_for_a_token(world: World, federated: Open, provider: OpenId) -> None:
    assert code_of(get(world, "/.well-known/smart-configuration")) == "no-such-resource"
    http = federated(provider)
    told = http.get("/fhir/.well-known/smart-configuration").json()
    assert told["issuer"] == provider.issuer
    assert told["authorization_endpoint"].startswith(provider.issuer)
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "launch-ehr" not in told["capabilities"]


def test_scopes_reach_what_they_name(federated: Open, provider: OpenId, own_world: World) -> None:
    http, marie = federated(provider), own_world.patients["marie"]
    token = provider.login("doctor", "user/DocumentReference.rs")
    headers = {"Authorization": f"Bearer {token}"}
    assert http.get(f"/fhir/DocumentReference?patient={marie}", headers=headers).status_code == 200
    for path in (
        f"/Condition?patient={marie}",
        f"/Patient/{marie}",
        f"/Patient/{marie}/$summary",
        f"/Consent/{marie}.x",
        f"/Encounter?patient={marie}",
        f"/Encounter/{marie}.x",
    ):
        answer = http.get(f"/fhir{path}", headers=headers)
        assert (answer.status_code, code_of(answer)) == (403, "scope-too-narrow"), path
        assert "insufficient_scope" in answer.headers["www-authenticate"]
    mine = {"Authorization": f"Bearer {provider.login('marie', 'patient/DocumentReference.read')}"}
    assert http.get(f"/fhir/DocumentReference?patient={marie}", headers=mine).status_code == 200
    other = http.get(f"/fhir/DocumentReference?patient={own_world.patients['paul']}", headers=mine)
    assert code_of(other) == "scope-too-narrow"
