"""Fixtures shared by every suite."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# No deadline: the machine may be loaded, and a first example pays for word lists or a model. Timings are benchmarks'.
# In CI the examples are the same at every run: what is found at random is found by developers, not by a landing.
hypothesis.settings.register_profile("usual", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.register_profile("long", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))

pytest_plugins = ["tests.services.fixtures"]
pytest.register_assert_rewrite("tests.proofs.stage")  # a proof that fails says what it saw
PROJECT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT.parent / "shared" / "data"


LONGEST = ("tests/proofs/", "tests/e2e/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: with them at the end, one process works alone for minutes."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


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
