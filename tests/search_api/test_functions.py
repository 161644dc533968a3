"""Each function can be switched off alone; docs/compliance.md states the status of each."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from access.refusal import Refusal
from cli.settings import load_settings
from search_api.app import create_app
from search_api.functions import FUNCTIONS
from tests.search_api.conftest import STRANGER, TRAITANT
from tests.search_api.test_door import UNKNOWN
from tests.search_api.test_journal import entries
from tests.search_api.world import World

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "compliance.md").read_text(encoding="utf-8")
ASKED: dict[str, tuple[str, str, Any]] = {
    "search": ("POST", "/search", {"query": "allergie"}),
    "documents": ("GET", "/documents/{document}/content", None),
    "deposit": ("POST", "/documents", None),
    "break-glass": ("POST", "/break-glass", {"reason": "other"}),
    "attested-consent": ("POST", "/grants", {"kind": "attested"}),
    "succession": ("POST", "/succession-requests", {"kind": "heir", "purpose": "memory"}),
    "export": ("GET", "/export", None),
    "facts": ("GET", "/facts", None),
    "timeline": ("GET", "/timeline", None),
    "observations": ("GET", "/observations", None),
    "emergency": ("GET", "/emergency", None),
}


def ask(http: TestClient, world: World, name: str, headers: dict[str, str], patient: str = "marie") -> Any:
    method, path, body = ASKED[name]
    address = world.url(patient, path.format(document=world.documents["lettre"]))
    more = {"files": {"file": ("a.txt", b"Lettre. Bonjour.")}} if name == "deposit" else {"json": body}
    return http.request(method, address, headers=headers, **more)


def callers(world: World) -> dict[str, dict[str, str]]:
    """Who may use each function."""
    paul = world.as_patient("paul")
    own = {"break-glass": world.bearer(STRANGER), "succession": paul, "export": world.as_patient("marie")}
    return {name: own.get(name, world.bearer(TRAITANT)) for name in ASKED}


def offered(world: World) -> list[str]:
    """The functions that this version has an address for."""
    paths = world.app.openapi()["paths"]
    return [
        n
        for n, (_, p, _) in ASKED.items()
        if f"/v1/patients/{{patient_id}}{p.replace('document}', 'document_id}')}" in paths
    ]


def test_each_function_is_off_alone_and_before_any_patient_is_looked_at(own_world: World) -> None:
    names = offered(own_world)
    assert len(names) >= 7
    for off in names:
        services = dataclasses.replace(own_world.services, off=frozenset({off}))
        with TestClient(create_app(services)) as http:
            for name, headers in callers(own_world).items():
                if name not in names:
                    continue
                answer = ask(http, own_world, name, headers)
                if name == off:
                    assert (answer.status_code, answer.json()["code"]) == (403, "function-off")
                    assert entries(own_world, "marie")[0].detail == "function-off"
                    nobody = ask(http, own_world, name, headers, UNKNOWN)
                    assert (nobody.content, nobody.headers) == (answer.content, answer.headers)
                else:
                    assert answer.status_code < 300, (off, name, answer.text)


def test_centre_15_is_off_alone(own_world: World) -> None:
    own_world.add_practitioner(STRANGER, regulates=True)
    headers = own_world.bearer(STRANGER) | {"Purpose-Of-Use": "regulation"}
    for off, expected in ((frozenset[Any](), 200), (frozenset({"centre-15"}), 403)):
        with TestClient(create_app(dataclasses.replace(own_world.services, off=off))) as http:
            answer = http.get(own_world.url("marie", "/documents"), headers=headers)
            assert answer.status_code == expected
    assert answer.json()["code"] == "function-off"


def test_the_status_of_every_function_is_stated() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \| (.+) \| `([a-z0-9-]+)` \|$", TEXT, re.MULTILINE)
    assert [row[0] for row in rows] == list(FUNCTIONS)
    assert all(name == switch and len(what) > 10 and len(status) > 10 for name, what, status, switch in rows)


def test_every_setting_that_compliance_names_exists() -> None:
    from cli.settings import Settings

    named = set(re.findall(r"ANAMNESE_([A-Z_]+)", TEXT))
    assert len(named) >= 6
    assert {name for name in named if name.lower() not in Settings.model_fields} == set()


def test_an_unknown_function_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_OFF", '["journal"]')
    with pytest.raises(Refusal):
        load_settings()
