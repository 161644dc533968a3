"""A body of up to 64 MiB is asked for only from who may bring documents in: over a real socket, most of it unsent."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from access.scope import CallerKind
from records import journal
from search_api.app import create_app
from search_api.functions import OFF, Function
from tests.fhir.asking import FHIR_JSON, code_of
from tests.search_api.conftest import DOCTOR
from tests.search_api.test_server import port
from tests.search_api.world import World

__all__ = ["port"]
PATIENCE = 25  # seconds; the service waits 30 for a byte of a body that it wants
DOORS = ("/fhir", "/fhir/DocumentReference")


def ask(port: int, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    """The answer to the head of a request whose 60 MB do not come; raises TimeoutError when they are waited for."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in headers.items()),
        "Content-Type: application/fhir+json",
        "Content-Length: 60000000",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join(lines).encode() + b'\r\n\r\n{"resourceType": "Bundle", ')
        raw = b""
        while b"\r\n\r\n" not in raw or not raw.rstrip().endswith(b"}"):
            part = connection.recv(65536)
            if not part:
                break
            raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["issue"][0]["details"]["coding"][0]["code"]


@pytest.mark.parametrize("path", DOORS)
def test_who_may_bring_no_document_in_is_refused_before_the_body(own_world: World, port: int, path: str) -> None:
    world = own_world
    world.add_practitioner("10000000077", profession="astrologue", specialty="")
    callers = {
        "nobody": ({}, (401, "token-missing")),
        "a bad token": ({"Authorization": "Bearer x.y.z"}, (401, "token-invalid")),
        "an auditor": (world.bearer(role=CallerKind.AUDITOR), (403, "role-reads-no-document")),
        "an administrator": (world.bearer(role=CallerKind.ADMINISTRATOR), (403, "role-reads-no-document")),
        "a system alone": (world.bearer(system="dpi"), (403, "system-needs-practitioner")),
        "no profession": (world.bearer("10000000077"), (403, "profession-sees-nothing")),
    }
    for who, (headers, expected) in callers.items():
        assert (who, ask(port, path, headers)) == (who, expected)
    with world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, None, 10)
    assert [(entry.action, entry.outcome) for entry in entries[:4]] == [("deposit", "refused")] * 4


def test_who_may_is_waited_for(own_world: World, port: int) -> None:
    """The other half of the proof: the same request by somebody who may deposit is not answered without its body."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        lines = ["POST /fhir HTTP/1.1", "Host: x", "Content-Type: application/fhir+json", "Content-Length: 60000000"]
        lines.append(f"Authorization: {own_world.bearer(DOCTOR)['Authorization']}")
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n{")
        with pytest.raises(TimeoutError):
            connection.recv(1)


@pytest.mark.parametrize("path", DOORS)
def test_a_deposit_that_is_off_looks_at_no_body(own_world: World, path: str) -> None:
    for off, expected in ((frozenset[Function](), "bad-resource"), (frozenset[Function](["deposit"]), OFF.code)):
        with TestClient(create_app(replace(own_world.services, off=off))) as http:
            headers = own_world.bearer(DOCTOR) | FHIR_JSON
            assert code_of(http.post(path, headers=headers, content=b"{ no JSON")) == expected
