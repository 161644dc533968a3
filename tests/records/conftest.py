"""Fixtures of the records suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from records.postgres import Server
from tests.records.building import Home, opened


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def server(request: pytest.FixtureRequest) -> Server | None:
    """Where records are kept: a file (None), or a database of its own on a real server."""
    found: Server | None = request.getfixturevalue("new_database") if request.param == "postgresql" else None
    return found


@pytest.fixture
def home(tmp_path: Path, server: Server | None) -> Iterator[Home]:
    """A new, empty home; a test that takes it runs on both databases."""
    with opened(tmp_path / "home", server=server) as home:
        yield home


@pytest.fixture
def file_home(tmp_path: Path) -> Iterator[Home]:
    """A new, empty home whose records are in a file, for what is particular to it."""
    with opened(tmp_path / "home") as home:
        yield home
