"""Fixtures of the records suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.records.building import Home, opened


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A new, empty home."""
    with opened(tmp_path / "home") as home:
        yield home
