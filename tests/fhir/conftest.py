"""The home of the API's tests, asked in FHIR."""

from __future__ import annotations

from tests.search_api.conftest import closed_home, own_world, world

__all__ = ["closed_home", "own_world", "world"]
