"""What a refusal does not say by its words it does not say by its time."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from cli.compose import open_home
from cli.settings import load_settings
from search_api.app import create_app
from search_api.border import Border, rest_of_beat
from tests.search_api.conftest import DOCTOR, STRANGER
from tests.search_api.world import World

BEAT = 0.05
NOBODY = "zyxwvutsrqponmlkjihgfedcba"


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b""}


def slept(status: int, took: float, beat: float = BEAT) -> list[float]:
    """How long Border held back an answer with this status that took so many seconds; nothing is sent before."""
    now, waits, sent = [100.0], list[float](), list[str]()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        now[0] += took
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def sleep(seconds: float) -> None:
        assert not sent
        waits.append(seconds)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    services = SimpleNamespace(refusal_beat=beat)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "app": SimpleNamespace(state=SimpleNamespace(services=services)),
    }
    asyncio.run(Border(app, lambda: now[0], sleep)(scope, _nothing, send))
    assert sent == ["http.response.start"]
    return waits


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(("took", "waits"), [(0.013, 0.037), (0.049, 0.001), (0.051, 0.049), (0.12, 0.03)])
def test_a_refusal_leaves_on_the_beat(status: int, took: float, waits: float) -> None:
    assert slept(status, took) == [pytest.approx(waits)]


@pytest.mark.parametrize("status", [200, 201, 401, 409, 422, 500])
def test_nothing_else_waits(status: int) -> None:
    assert not slept(status, 0.013)


@given(st.floats(0, 100), st.floats(0.001, 1))
def test_what_is_left_of_a_beat_is_less_than_one(seconds: float, beat: float) -> None:
    rest = rest_of_beat(seconds, beat)
    assert 0 <= rest <= beat
    assert (seconds + rest) / beat == pytest.approx(round((seconds + rest) / beat), abs=1e-6 * (1 + seconds / beat))
    assert rest_of_beat(seconds, 0) == 0


@pytest.mark.parametrize("path", ["/documents", f"/documents/{'q' * 26}", "/search", "/journal", "/emergency"])
@pytest.mark.parametrize(("who", "patient"), [(STRANGER, "marie"), (STRANGER, NOBODY), (DOCTOR, NOBODY)])
def test_the_door_of_the_application_keeps_the_beat(world: World, path: str, who: str, patient: str) -> None:
    method, body = ("POST", {"json": {"query": "allergie"}}) if path == "/search" else ("GET", {})
    with TestClient(create_app(dataclasses.replace(world.services, refusal_beat=BEAT))) as http:
        began = time.monotonic()
        answer = http.request(method, world.url(patient, path), headers=world.bearer(who), **body)
        assert time.monotonic() - began >= BEAT
    assert answer.status_code == 403


def test_it_is_how_a_home_answers_unless_set_otherwise(tmp_path: Any) -> None:
    with open_home(load_settings(home=tmp_path, embedder="none", ocr="none")) as home:
        assert home.services.refusal_beat == BEAT
