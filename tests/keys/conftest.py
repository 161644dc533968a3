"""A key-management service to wrap with, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from records.transit import TransitMaster
from tests.search_api.conftest import _documents, _people, copied
from tests.search_api.world import World, open_world

TOKEN = "jeton-de-test"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its address, the file of its token, its process."""

    url: str
    token_file: Path
    process: subprocess.Popen[str]

    def master(self) -> TransitMaster:
        return TransitMaster(self.url, "anamnese", self.token_file)


@pytest.fixture
def transit(tmp_path: Path) -> Iterator[Service]:
    """A service with a fresh key."""
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN + "\n")
    program = Path(__file__).with_name("transit_server.py")
    with subprocess.Popen([sys.executable, str(program), TOKEN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}/v1/transit"
        try:
            yield Service(url, token_file, process)
        finally:
            process.kill()


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
