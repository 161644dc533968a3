"""The door: to whoever has no access, a patient who exists and one who does not are one and the same, to the byte.

Every endpoint under a patient, for a stranger, an expired grant and a revoked grant, against a patient who does not
exist and a malformed identifier: same status, headers and body, and the same statements in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from search_api.services import ServingIndex
from tests.search_api.conftest import EXPIRED, REVOKED, STRANGER
from tests.search_api.world import World, before_statements

UNKNOWN = "abcdefghijklmnopqrstuvwxyz"
MALFORMED = ("inconnu", "A" * 26, "x" * 2000, "%00", "é" * 20, "..%2F..", "a" * 25)
NO_DOCUMENT = "zyxwvutsrqponmlkjihgfedcba"

REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "identity": ("GET", "/identity", {}),
    "list": ("GET", "/documents", {}),
    "list with a cursor": ("GET", "/documents?cursor=AAAA", {}),
    "upload": ("POST", "/documents", {"files": {"file": ("a.txt", b"bonjour")}}),
    "upload of nothing": ("POST", "/documents", {"files": {"file": ("a.txt", b"")}}),
    "upload that is none": ("POST", "/documents", {"content": b"x"}),
    "document": ("GET", "/documents/{document}", {}),
    "content": ("GET", "/documents/{document}/content", {}),
    "page": ("GET", "/documents/{document}/pages/1.png", {}),
    "search": ("POST", "/search", {"json": {"query": "allergie pénicilline"}}),
    "search by meaning": ("POST", "/search", {"json": {"query": "allergie", "mode": "meaning", "limit": 3}}),
    "grants": ("GET", "/grants", {}),
    "journal": ("GET", "/journal", {}),
    "grant": ("POST", "/grants", {"json": {"grantee": "10000000009"}}),
    "name": ("POST", "/grants", {"json": {"kind": "medecin_traitant", "grantee": "10000000009"}}),
    "revoke": ("DELETE", "/grants/{document}", {}),
    "blocks": ("GET", "/blocks", {}),
    "block": ("POST", "/blocks", {"json": {"practitioner": "10000000009"}}),
    "unblock": ("DELETE", "/blocks/{document}", {}),
    "masks": ("GET", "/masks", {}),
    "mask": ("POST", "/masks", {"json": {"document_id": NO_DOCUMENT}}),
    "hide": ("POST", "/masks", {"json": {"document_id": NO_DOCUMENT, "hidden_from": "patient"}}),
    "unmask": ("DELETE", "/masks/{document}", {}),
    "announce": ("DELETE", "/masks/{document}?hidden_from=patient", {}),
    "oppositions": ("GET", "/oppositions", {}),
    "oppose": ("POST", "/oppositions", {"json": {"kind": "break_glass"}}),
    "withdraw": ("DELETE", "/oppositions/break_glass", {}),
    "record": ("GET", "/record", {}),
    "close": ("POST", "/closure", {}),
    "reopen": ("DELETE", "/closure", {}),
    "contact": ("PUT", "/contact", {"json": {"mail": "a@exemple.test"}}),
    "end emergency": ("DELETE", "/break-glass", {}),
    "representatives": ("GET", "/representatives", {}),
    "represent": ("POST", "/representatives", {"json": {"person": NO_DOCUMENT, "kind": "guardian"}}),
    "end representative": ("DELETE", "/representatives/{document}", {}),
    "curator": ("PUT", "/representatives/{document}", {"json": {"consented": True}}),
    "export": ("GET", "/export", {}),
    "facts": ("GET", "/facts", {}),
    "timeline": ("GET", "/timeline", {}),
    "emergency card": ("GET", "/emergency", {}),
    "observations": ("GET", "/observations", {}),
    "immunizations": ("GET", "/immunizations", {}),
    "like a passage": ("POST", "/search", {"json": {"like": f"{NO_DOCUMENT}.0"}}),
    "a value": ("POST", "/search", {"json": {"query": "dernière créatinine"}}),
    "text": ("GET", "/documents/{document}/pages/1/text", {}),
    "correct": ("PUT", "/documents/{document}/pages/1/text", {"json": {"text": "x", "version": 0}}),
    "episodes": ("GET", "/episodes", {}),
    "archived": ("GET", "/documents?all_states=true", {}),
}
AT_THE_DOOR: dict[str, tuple[str, str, dict[str, Any]]] = {
    "attest": ("POST", "/grants", {"json": {"kind": "attested"}}),
    "break-glass": ("POST", "/break-glass", {"json": {"reason": "unconscious"}}),
    "succession": ("POST", "/succession-requests", {"json": {"kind": "heir", "purpose": "memory"}}),
}
"""What answers something else than the door: their own tests are in test_emergency.py and test_kin.py."""


def _plain(path: str) -> str:
    return path.replace("{number}", "1").replace("{kind}", "break_glass")


def ask(world: World, name: str, patient: str, headers: dict[str, str], document: str = NO_DOCUMENT) -> Any:
    method, path, rest = (REQUESTS | AT_THE_DOOR)[name]
    return world.http.request(method, world.url(patient, path.format(document=document)), headers=headers, **rest)


def told(answer: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status_code, sorted(answer.headers.multi_items()), answer.content


@contextmanager
def traced(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement to records and to the keys, and every call of the index, in order."""
    seen: list[str] = []

    def statement(_c: object, _cursor: object, text: str, *_: object) -> None:
        seen.append(text)

    current = ServingIndex.current
    with monkeypatch.context() as patch:
        patch.setattr(ServingIndex, "current", lambda self: (seen.append("index"), current(self))[1])
        with before_statements(world, statement):
            yield seen


def test_the_requests_cover_every_endpoint_under_a_patient(world: World) -> None:
    offered = {
        (method.upper(), re.sub(r"\{(document_id|grant_id|practitioner|relation_id)\}", "{document}", _plain(path)))
        for path, methods in world.app.openapi()["paths"].items()
        for method in methods
        if path.startswith("/v1/patients/{patient_id}")
    }
    asked = {
        (method, f"/v1/patients/{{patient_id}}{path.split('?')[0]}")
        for method, path, _ in (REQUESTS | AT_THE_DOOR).values()
    }
    assert len(offered) >= 28
    assert offered == asked


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("rpps", [STRANGER, EXPIRED, REVOKED])
def test_without_access_a_patient_and_nobody_are_the_same(
    world: World, name: str, rpps: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = world.bearer(rpps)
    ask(world, name, UNKNOWN, headers)  # first use of a statement may read its plan
    with traced(world, monkeypatch) as nobody:
        expected = told(ask(world, name, UNKNOWN, headers))
    assert expected[0] == 403
    assert b"no-access" in expected[2]
    for document in (NO_DOCUMENT, world.documents["lettre"], "pas-un-identifiant"):
        with traced(world, monkeypatch) as somebody:
            answer = told(ask(world, name, "marie", headers, document))
        assert answer == expected
        assert somebody == nobody
    assert len(nobody) > 8
    assert "index" not in nobody


@pytest.mark.parametrize("name", REQUESTS)
def test_a_malformed_identifier_meets_the_same_door(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = world.bearer(STRANGER)
    with traced(world, monkeypatch) as nobody:
        expected = told(ask(world, name, UNKNOWN, headers))
    for malformed in MALFORMED:
        with traced(world, monkeypatch) as seen:
            answer = told(ask(world, name, malformed, headers))
        if "/" in malformed or answer[0] == 404:  # an encoded slash is another address, for everybody
            assert b"no-such-route" in answer[2]
            continue
        assert answer == expected, malformed
        assert seen == nobody


def test_a_patient_at_another_record_meets_the_same_door(world: World) -> None:
    headers = world.as_patient("paul")
    for name in REQUESTS:
        answers = [told(ask(world, name, patient, headers)) for patient in ("marie", UNKNOWN, "inconnu")]
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][0] == 403


def test_a_patient_whose_record_does_not_exist_meets_the_same_door(world: World) -> None:
    headers = world.bearer(patient_id=UNKNOWN)
    stranger = told(ask(world, "list", UNKNOWN, world.bearer(STRANGER)))
    assert told(ask(world, "list", UNKNOWN, headers)) == stranger


def test_every_endpoint_needs_a_token(world: World) -> None:
    for name in REQUESTS:
        answer = ask(world, name, "marie", {})
        assert (answer.status_code, answer.json()["code"]) == (401, "token-missing"), name
