"""The home of tests/search_api, its clock at the real time (signatures are checked against it), and a listener."""

from __future__ import annotations

import dataclasses
import ipaddress
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from records.database import fill_server
from records.keys import KeyStore
from records.postgres import Server
from records.webhooks import KINDS, Webhook
from search_api.egress import Egress
from search_api.webhooks import Look, Teller, register, tell
from tests.events.receiver import Receiver, receiving
from tests.search_api.conftest import DOCTOR, closed_home, copied  # noqa: F401
from tests.search_api.world import World
from tests.services.fixtures import created

HOSPITAL = "750000001"
HERE = Egress((ipaddress.ip_network("127.0.0.0/8"),), plain=True)


@dataclass
class Stage:
    """A world with a receiver."""

    world: World
    receiver: Receiver
    teller: Teller
    server: Server | None = None

    def listen(
        self, practitioner: str = DOCTOR, organization: str = HOSPITAL, kinds: tuple[str, ...] = KINDS
    ) -> Webhook:
        return register(
            self.teller,
            url=self.receiver.url,
            practitioner=practitioner,
            organization=organization,
            kinds=kinds,
            now=self.world.clock.now,
        )

    def tell(self) -> Look:
        return tell(self.teller, self.world.clock.now)

    def told(self) -> list[tuple[str, str | None, str | None]]:
        """What arrives at this look, and only at it."""
        before = len(self.receiver.got)
        self.tell()
        return self.receiver.told()[before:]


on_both_databases = pytest.mark.parametrize(
    "server", ["sqlite", pytest.param("postgresql", marks=pytest.mark.services)], indirect=True
)
"""For what rests on the database: claims, order, what a death or a sweep leaves. Everything else runs on SQLite."""


@pytest.fixture(scope="session")
def home_on_server(
    closed_home: World,  # noqa: F811
    postgresql_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[World, Server]]:
    """The same home with its records in a database, of which each test gets a copy."""
    home = tmp_path_factory.mktemp("on-server") / "home"
    shutil.copytree(closed_home.home, home)
    with created(postgresql_url) as server, closing(KeyStore.open(home)) as keys:
        fill_server(home / "records.db", keys.service_key("records"), server)
        for left in home.glob("records.db*"):
            left.unlink()
        yield dataclasses.replace(closed_home, home=home), server


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server | None]:
    """Where records are kept: a file (None), unless the test asks for both."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    _, filled = request.getfixturevalue("home_on_server")
    with created(request.getfixturevalue("postgresql_url"), filled) as own:
        yield own


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    closed_home: World,  # noqa: F811
    tmp_path: Path,
    server: Server | None,
) -> Iterator[Stage]:
    closed = closed_home if server is None else request.getfixturevalue("home_on_server")[0]
    with copied(closed, tmp_path / "home", server=server) as world:
        world.clock.now = datetime.now(UTC)
        with receiving() as receiver:
            yield Stage(world, receiver, Teller(world.services.records, world.services.policy, HERE), server)
