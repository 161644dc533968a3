"""Fixtures shared by every suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["tests.services.fixtures"]
PROJECT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real documents; the test must carry the marker `realdata`."""
    if not SHARED_DATA.is_dir():
        pytest.skip("realdata: ../shared/data is absent on this machine")
    return SHARED_DATA


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_project() -> None:
    """Derived models are made once, in the project's cache."""
    os.environ.setdefault("ANAMNESE_CACHE", str(PROJECT / ".cache"))
