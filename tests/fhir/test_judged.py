"""HAPI's validator over every kind of response, in JSON and in XML: no error, in R4's own words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.facts import OppositionKind
from records import will
from records.fact import Assertion, Coding, FactKind, Period
from tests.fhir.asking import RPPS_SYSTEM, consent, get, post, provided, reference, resources, transaction
from tests.fhir.foreign import Judge, judge
from tests.fhir.test_statements import fact
from tests.search_api.conftest import STRANGER
from tests.search_api.telling import say
from tests.search_api.world import World

LONG = os.environ.get("ANAMNESE_LONG") == "1"
pytestmark = pytest.mark.skipif(not LONG, reason="the validator takes 25 seconds of a processor: ANAMNESE_LONG=1")


@pytest.fixture(scope="module")
def validator() -> Iterator[Judge]:
    with judge() as running:
        yield running


def everything(world: World) -> Iterator[tuple[str, bytes]]:
    """Every kind of response, by a name that says which."""
    mine = world.as_patient("marie")
    location = provided(world, reference(world, "1"), "Compte rendu.\n\nFracture.")
    related = [{"code": "replaces", "target": {"reference": location}}]
    newer = provided(world, reference(world, "7", relatesTo=related), "Compte rendu.\n\nFracture, rectifié.")
    world.work()
    told = [fact(kind, f"objet {kind}", one) for kind in FactKind for one in Assertion]
    coded = fact(
        FactKind.CONDITION, "HTA", codes=(Coding("2.16.840.1.113883.6.3", "I10"),), when=Period("2019", "2020")
    )
    say(world, "lettre", *told, coded)
    say(world, "bilan", fact(FactKind.ALLERGY, "Pas d'allergie connue", Assertion.ABSENT))
    with world.services.records.write() as tx:
        will.oppose(tx, world.patients["marie"], OppositionKind.HEIRS, world.clock.now, "marie")
    post(world, "/Consent", consent(world, "deny", RPPS_SYSTEM, "10000000009"), mine)
    (document, *_) = resources(get(world, "/DocumentReference?patient={marie}").json())
    reads = ["/metadata", "/Patient/{marie}", f"/{location}", f"/{newer}/_history", f"/Binary/{document['id']}"]
    searches = [
        "/DocumentReference?patient={marie}&_include=DocumentReference:patient&_count=2",
        "/DocumentReference?patient={marie}&_summary=true&inconnu=1",
        "/DocumentReference?patient={marie}&_summary=count",
        "/DocumentReference?patient={marie}&_content=fracture",
        "/Patient?_id={marie}",
        "/Patient/{marie}/$summary",
    ]
    kinds = ("AllergyIntolerance", "MedicationStatement", "Condition", "Immunization", "Procedure", "Observation")
    facts = [f"/{kind}?patient={{marie}}&_revinclude=Provenance:target" for kind in (*kinds, "DeviceUseStatement")]
    wrong = ["/Zorg", "/DocumentReference", "/DocumentReference/{marie}.x", "/Condition?patient={marie}&code:not=x"]
    for path in (*reads, *searches, *facts, *wrong):
        for form in ("json", "xml"):
            yield f"{path} {form}", get(world, path, Accept=f"application/fhir+{form}").content
    for kind in ("AuditEvent", "Consent"):
        yield kind, get(world, f"/{kind}?patient={{marie}}", mine).content
    yield "transaction-response", post(world, "", transaction(reference(world, "2"), "Autre.")).content
    yield "refused consent", post(world, "/Consent", consent(world, "permit", "x", STRANGER), mine).content


def test_every_response_is_r4(own_world: World, validator: Judge, tmp_path: Path) -> None:
    judged = 0
    for name, content in everything(own_world):
        file = tmp_path / f"{judged}.{'xml' if content.startswith(b'<') else 'json'}"
        file.write_bytes(content)
        errors = [(place, said) for severity, place, said in validator.said(file) if severity in ("ERROR", "FATAL")]
        assert errors == [], (name, content.decode()[:2000])
        judged += 1
    assert judged >= 45


def test_the_judge_does_judge(validator: Judge, tmp_path: Path) -> None:
    """An element that R4 does not know, a code that it does not allow, a reference with no end: each is an error."""
    for body in (
        '{"resourceType": "Patient", "zorg": 1}',
        '{"resourceType": "DocumentReference", "status": "zorg", "content": [{"attachment": {}}]}',
        '{"resourceType": "DocumentReference", "status": "current"}',
    ):
        file = tmp_path / "wrong.json"
        file.write_text(body)
        assert any(severity == "ERROR" for severity, _, _ in validator.said(file)), body
