"""A key-management service to wrap with, and a home to keep keys for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.keys.openbao import Bao, Service, openbao, service
from tests.search_api.conftest import _documents, _people, copied
from tests.search_api.world import World, open_world


@pytest.fixture(scope="session")
def bao() -> Iterator[Bao]:
    """One server for all tests that leave it as it is."""
    with openbao() as made:
        yield made


@pytest.fixture
def transit(bao: Bao, tmp_path: Path) -> Service:
    """A transit engine with a fresh key."""
    return service(bao, tmp_path, f"transit-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def own_transit(tmp_path: Path) -> Iterator[Service]:
    """The same on a server for one test, which may do anything to it."""
    with openbao() as made:
        yield service(made, tmp_path, "transit")


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Marie, with five documents, and Paul with one; closed."""
    world = open_world(tmp_path_factory.mktemp("made") / "home")
    _people(world)
    _documents(world)
    world.close()
    return world


@pytest.fixture
def own_world(filled_home: World, tmp_path: Path) -> Iterator[World]:
    """A copy of that home for one test."""
    with copied(filled_home, tmp_path / "home") as world:
        yield world
