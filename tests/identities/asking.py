"""Small questions that the tests of identities ask, and how they are answered."""

from __future__ import annotations

from starlette.testclient import TestClient

from tests.search_api.world import World


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **more}


def status(http: TestClient, world: World, token: str, patient: str = "marie", **headers: str) -> tuple[int, str]:
    """Of asking for a patient's documents."""
    answer = http.get(world.url(patient, "/documents"), headers=bearer(token, **headers))
    return answer.status_code, answer.json().get("code", "")
