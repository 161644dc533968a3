"""Asking too often or too much: refused the same way whoever the patient, and nobody else is slowed."""

from __future__ import annotations

import dataclasses
import random

import pytest
from starlette.testclient import TestClient

from search_api.app import create_app
from search_api.border import BODY_LIMIT
from search_api.rates import MOST, Rates
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.test_journal import MARIE, entries
from tests.search_api.world import World, ins_of

NOBODY = "zyxwvutsrqponmlkjihgfedcba"


class Ticks:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def limited(world: World, ticks: Ticks, **limits: int) -> TestClient:
    services = dataclasses.replace(world.services, rates=Rates(ticks), **limits)
    return TestClient(create_app(services))


def test_a_caller_who_asks_too_often_waits_and_nobody_else_does(own_world: World) -> None:
    ticks = Ticks()
    with limited(own_world, ticks, requests_a_minute=5) as http:

        def ask(rpps: str, patient: str = "marie") -> int:
            return http.get(own_world.url(patient, "/documents"), headers=own_world.bearer(rpps)).status_code

        assert [ask(DOCTOR) for _ in range(7)] == [200] * 5 + [429] * 2
        before = len(entries(own_world))
        refused = [
            http.get(own_world.url(who, "/documents"), headers=own_world.bearer(DOCTOR)) for who in ("marie", NOBODY)
        ]
        assert refused[0].content == refused[1].content
        assert refused[0].headers == refused[1].headers
        assert refused[0].headers["retry-after"] == "60"
        assert refused[0].headers["content-type"] == "application/problem+json"
        assert refused[0].json()["code"] == "too-many-requests"
        assert len(entries(own_world)) == before  # written once a window
        assert entries(own_world, "marie")[0].detail == "too-many-requests"
        assert ask(TRAITANT) == 200
        ticks.now += 120
        assert ask(DOCTOR) == 200


def test_identities_are_not_looked_up_by_the_thousand(own_world: World) -> None:
    ticks = Ticks()
    with limited(own_world, ticks, lookups_a_minute=3) as http:
        answers = [
            http.post("/v1/patients/lookup", json={"ins": ins}, headers=own_world.bearer(STRANGER))
            for ins in (MARIE, ins_of("1990175123456").matricule, MARIE, MARIE, ins_of("1990175123456").matricule)
        ]
        assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
        assert answers[3].content == answers[4].content
        documents = http.get(own_world.url("marie", "/documents"), headers=own_world.bearer(STRANGER))
        assert documents.json()["code"] == "no-access"  # only looking up is over


def test_tokens_that_are_none_are_counted_by_where_they_come_from_and_valid_ones_pass(own_world: World) -> None:
    ticks = Ticks()
    with limited(own_world, ticks, bad_tokens=4) as http:

        def ask(headers: dict[str, str]) -> tuple[int, str | None]:
            answer = http.get(own_world.url("marie", "/documents"), headers=headers)
            return answer.status_code, answer.headers.get("retry-after")

        bad = {"Authorization": "Bearer x.y.z"}
        assert [ask(bad) for _ in range(6)] == [(401, None)] * 4 + [(429, "300")] * 2
        assert ask(own_world.bearer(DOCTOR)) == (200, None)  # a hospital has one address
        ticks.now += 601
        assert ask(bad) == (401, None)


def test_urgency_is_limited_by_its_own_door_and_says_when_to_come_back(own_world: World) -> None:
    ticks = Ticks()
    with limited(own_world, ticks, knocks_an_hour=2) as http:
        answers = [
            http.post(own_world.url(who, "/break-glass"), json={"reason": "other"}, headers=own_world.bearer(STRANGER))
            for who in (NOBODY, "marie", NOBODY, "marie")
        ]
    assert [each.status_code for each in answers] == [403, 201, 429, 429]
    assert answers[2].content == answers[3].content
    assert answers[3].headers["retry-after"] == "600"


def test_the_limit_holds_over_any_minute_and_gives_all_of_it() -> None:
    """A thousand askers at random times: never more than the limit in a minute and an eighth, never much less."""
    source, ticks, rates = random.Random(3), Ticks(), None
    rates = Rates(ticks)
    allowed: list[float] = []
    for _ in range(20_000):
        ticks.now += source.expovariate(1.0)
        if rates.take("k", 30, 60) != "within":
            continue
        allowed.append(ticks.now)
    most = max(sum(1 for other in allowed[i : i + 80] if other - start < 60) for i, start in enumerate(allowed))
    assert 30 <= most <= 45
    assert len(allowed) >= 0.8 * 30 * (allowed[-1] - allowed[0]) / 60


def test_keys_are_forgotten_before_they_fill_the_memory() -> None:
    rates = Rates(Ticks())
    for number in range(MOST + 500):
        rates.take(str(number), 1, 60)
    assert len(rates._counts) == MOST
    assert rates.take(str(MOST + 499), 1, 60) == "first"
    assert rates.take(str(MOST + 499), 1, 60) == "over"


@pytest.mark.parametrize("path", ["/search", "/grants", "/blocks", "/break-glass"])
def test_a_body_is_bounded_whatever_its_length_says(world: World, path: str) -> None:
    body = b'{"query": "' + b"a" * (BODY_LIMIT + 1) + b'"}'
    for headers in ({}, {"Content-Length": "10"}, {"Transfer-Encoding": "chunked"}):
        answer = world.http.post(
            world.url("marie", path),
            content=iter([body]) if "Transfer-Encoding" in headers else body,
            headers=world.bearer(DOCTOR) | {"Content-Type": "application/json"} | headers,
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_an_upload_is_bounded(world: World) -> None:
    big = b"a" * (world.services.upload_limit + 1)
    answer = world.http.post(
        world.url("marie", "/documents"), files={"file": ("a.txt", big)}, headers=world.bearer(DOCTOR)
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
