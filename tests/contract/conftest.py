"""The home of the API's tests."""

from __future__ import annotations

from tests.search_api.conftest import closed_home, world

__all__ = ["closed_home", "world"]
