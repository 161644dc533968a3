"""The home of tests/search_api, its clock at the real time (signatures are checked against it), and a listener."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from records.webhooks import KINDS, Webhook
from search_api.egress import Egress
from search_api.webhooks import Look, Teller, register, tell
from tests.events.receiver import Receiver, receiving
from tests.search_api.conftest import DOCTOR, closed_home, own_world  # noqa: F401
from tests.search_api.world import World

HOSPITAL = "750000001"
HERE = Egress((ipaddress.ip_network("127.0.0.0/8"),), plain=True)


@dataclass
class Stage:
    """A world with a receiver."""

    world: World
    receiver: Receiver
    teller: Teller

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


@pytest.fixture
def stage(own_world: World) -> Iterator[Stage]:  # noqa: F811
    own_world.clock.now = datetime.now(UTC)
    with receiving() as receiver:
        yield Stage(own_world, receiver, Teller(own_world.services.records, own_world.services.policy, HERE))
