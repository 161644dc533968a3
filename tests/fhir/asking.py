"""Small ways of asking /fhir, and the resources that tests send."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World

FHIR_JSON = {"Content-Type": "application/fhir+json"}
RPPS_SYSTEM, FINESS_SYSTEM = "urn:oid:1.2.250.1.71.4.2.1", "urn:oid:1.2.250.1.71.4.2.2"
INS_SYSTEM = "urn:oid:1.2.250.1.213.1.4.8"
FACILITY = {"system": "urn:oid:1.2.250.1.213.1.1.4.9", "code": "SA07"}
EXTENSION = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/PDSm_ISIS"


def get(world: World, path: str, who: dict[str, str] | None = None, **headers: str) -> Any:
    named = path.format(**world.patients)
    return world.http.get(f"/fhir{named}", headers={**(who or world.bearer(DOCTOR)), **headers})


def post(world: World, path: str, body: Any, who: dict[str, str] | None = None, **headers: str) -> Any:
    sent = {**(who or world.bearer(DOCTOR)), **FHIR_JSON, **headers}
    return world.http.post(f"/fhir{path}", headers=sent, content=json.dumps(body))


def resources(bundle: Any, mode: str = "match") -> list[Any]:
    return [one["resource"] for one in bundle.get("entry", []) if one["search"]["mode"] == mode]


def link(bundle: Any, relation: str) -> str:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), "")


def code_of(answer: Any) -> str:
    """The reason of an OperationOutcome."""
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome", body
    return str(body["issue"][0]["details"]["coding"][0]["code"])


def places_of(answer: Any) -> list[str]:
    return [place for issue in answer.json()["issue"] for place in issue.get("expression", [])]


def reference(world: World, name: str, **more: Any) -> dict[str, Any]:
    """A DocumentReference as a French establishment sends it, its bytes in a Binary of the Bundle."""
    return {
        "resourceType": "DocumentReference",
        "contained": [{"resourceType": "Practitioner", "id": "a", "name": [{"family": "HADDAD", "given": ["Samir"]}]}],
        "extension": [{"url": EXTENSION, "valueBoolean": True}],
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:1.2.250.1.999.{name}"},
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "34112-3", "display": "CR hospitalier"}]},
        "category": [{"coding": [{"system": "urn:oid:1.2.250.1.213.1.1.4.1", "code": "10"}]}],
        "subject": {"reference": f"Patient/{world.patients['marie']}"},
        "author": [{"reference": "#a"}],
        "content": [
            {
                "attachment": {"contentType": "text/plain", "url": "urn:uuid:b", "title": f"Compte rendu {name}"},
                "format": {"system": "urn:oid:1.3.6.1.4.1.19376.1.2.3", "code": "urn:ihe:iti:xds-sd:text:2008"},
            }
        ],
        "context": {
            "facilityType": {"coding": [FACILITY]},
            "practiceSetting": {"coding": [{"system": "urn:oid:1.2.250.1.213.1.1.4.10", "code": "ETABLISSEMENT"}]},
            "period": {"start": "2025-05-05T10:00:00+02:00"},
        },
    } | more


def transaction(document: dict[str, Any], text: str) -> dict[str, Any]:
    """ITI-65: a submission set, its document, its bytes."""

    def entry(name: str, resource: dict[str, Any]) -> dict[str, Any]:
        request = {"method": "POST", "url": resource["resourceType"]}
        return {"fullUrl": f"urn:uuid:{name}", "resource": resource, "request": request}

    listed = {"resourceType": "List", "status": "current", "mode": "working", "title": "Lot"}
    data = base64.b64encode(text.encode()).decode()
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": data}
    entries = [entry("l", listed), entry("d", document), entry("b", binary)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def provided(world: World, document: dict[str, Any], text: str) -> str:
    """The reference of a document that was taken and read."""
    answer = post(world, "", transaction(document, text))
    assert answer.status_code == 200, answer.text
    world.work()
    return str(answer.json()["entry"][1]["response"]["location"])


def consent(world: World, kind: str, system: str, value: str, **provision: Any) -> dict[str, Any]:
    actor = {"role": {"text": "destinataire"}, "reference": {"identifier": {"system": system, "value": value}}}
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{world.patients['marie']}"},
        "provision": {"type": kind, "actor": [actor], **provision},
    }
