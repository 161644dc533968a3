"""Small questions that the tests of identities ask, and how they are answered."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from tests.search_api.world import World


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **more}


def status(http: TestClient, world: World, token: str, patient: str = "marie", **headers: str) -> tuple[int, str]:
    """Of asking for a patient's documents."""
    answer = http.get(world.url(patient, "/documents"), headers=bearer(token, **headers))
    return answer.status_code, answer.json().get("code", "")


def routes(app: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    """Every address under /v1 with each of its methods; an application with few would prove nothing."""
    found = [
        route
        for included in app.routes
        for route in getattr(getattr(included, "original_router", None), "routes", [included])
        if isinstance(route, APIRoute) and route.path.startswith("/v1/")
    ]
    assert len(found) >= 35
    for route in found:
        for method in sorted(route.methods):
            yield method, route
