"""Whatever is asked of any address under /fhir: an answer in FHIR, never a broken service, never another's record."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_api.fhir.router import SEARCHES, fhir_routers
from tests.fhir.asking import consent, post, reference, transaction
from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.world import World

ROUTES = sorted(
    (method, route.path)
    for router in fhir_routers(1000, 1)
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods
)
NAMES = sorted({name for known, *_ in SEARCHES.values() for name in known} | {"_count", "_sort", "_page", "_summary"})
VALUES = st.text(max_size=12) | st.sampled_from(["2020", "ge2020-13", "a|b", "|", ",", "\\,", "-1", "Patient/x", "*/*"])
ODD_PARTS = st.sampled_from(["1", "é", "Patient.ndjson", "a" * 26])
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "Range", "If-None-Match", "Prefer", "If-Range", "Content-Type", "Purpose-Of-Use"]),
    st.sampled_from(["", "*", "bytes=-0", "bytes=5-1", "bytes=0-", 'W/"x"', "handling=strict", "application/fhir+xml"]),
    max_size=3,
)
BODIES = st.binary(max_size=40) | st.sampled_from(
    [
        b'{"resourceType": "Bundle", "type": "transaction", "entry": [{}]}',
        b'{"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {}}]}',
        b'{"resourceType": "Consent", "provision": {"actor": [{}]}}',
        b'{"resourceType": "Patient", "identifier": [{}]}',
        b'{"resourceType": "Parameters", "parameter": [{"name": "resource"}]}',
        b'<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry/></Bundle>',
    ]
)


def test_every_route_is_under_fhir() -> None:
    assert len(ROUTES) >= 50
    assert all(path.startswith("/fhir") for _, path in ROUTES)


@settings(max_examples=150, suppress_health_check=list(HealthCheck), database=None)
@given(st.data())
def test_anything_gets_an_answer_in_fhir(world: World, data: Any) -> None:
    draw = data.draw
    method, path = draw(st.sampled_from(ROUTES))
    marie, lettre = world.patients["marie"], world.documents["lettre"]
    named = st.sampled_from([marie, f"{marie}.{lettre}", f"{marie}.block-1", f"{world.patients['paul']}.x", "x", "."])
    parts = {part: draw(named if part == "identity" else ODD_PARTS) for part in re.findall(r"{(\w+)}", path)}
    address = path.format_map(parts)
    query = draw(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=3))
    if draw(st.booleans()):
        query.append(("patient", marie))
    headers = {**draw(HEADERS), **world.bearer(draw(st.sampled_from([DOCTOR, TRAITANT])))}
    body = draw(BODIES) if method in ("POST", "PUT") else None
    if body is not None and not path.endswith("_search"):
        headers["Content-Type"] = "application/fhir+xml" if body.startswith(b"<") else "application/fhir+json"
    answer = world.http.request(method, address, params=query, headers=headers, content=body)
    assert answer.status_code < 500, (method, address, query, headers, answer.text)
    assert "DURAND" not in answer.text
    if answer.status_code >= 400:
        kind = answer.headers["content-type"]
        assert kind.startswith(("application/fhir+json", "application/fhir+xml")), (address, kind)
        assert "OperationOutcome" in answer.text
    elif answer.headers.get("content-type", "").startswith("application/fhir+json"):
        assert json.loads(answer.content)["resourceType"]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for name, one in inside for found in places(one, (*path, name)))][0 if path else 1 :]


ODD = [
    None,
    "",
    [],
    {},
    0,
    -1,
    True,
    "x",
    "2025-02-30",
    "9999-12-31T23:59:59Z",
    "#a",
    ["x"],
    {"x": 1},
    [None],
    [{}],
    "é" * 3,
]


@settings(max_examples=120, suppress_health_check=list(HealthCheck), database=None)
@given(st.data())
def test_a_submission_that_is_wrong_somewhere_breaks_nothing(world: World, data: Any) -> None:
    document = reference(world, "1", relatesTo=[{"code": "appends", "target": {"reference": "DocumentReference/x"}}])
    bodies = [("", transaction(document, "Texte.")), ("/DocumentReference", document)]
    bodies.append(("/Consent", consent(world, "permit", "urn:oid:1.2.250.1.71.4.2.1", DOCTOR, period={"end": "2030"})))
    traits = {"name": [{"family": "A", "given": ["B"]}], "gender": "male", "birthDate": "1980-01-01"}
    bodies.append(("/Patient/$match", {"resourceType": "Patient", **traits}))
    path, body = deepcopy(data.draw(st.sampled_from(bodies)))  # they share parts with other tests' and each other's
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(places(body)))
        owner: Any = body
        for step in way:
            owner = owner[step]
        owner[last] = deepcopy(data.draw(st.sampled_from(ODD)))  # the next change may fall inside this one
    answer = post(world, path, body)
    assert answer.status_code < 500, (path, json.dumps(body)[:2000], answer.text)
    assert answer.json()["resourceType"]
