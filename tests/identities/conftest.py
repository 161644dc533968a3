"""A home whose callers come from a real OpenID provider."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from search_api.app import create_app
from search_api.oidc.config import IssuerSettings
from search_api.oidc.verify import Federation
from search_api.web.front import Front
from tests.search_api.conftest import DOCTOR, STRANGER, SUSPENDED, TRAITANT, closed_home, own_world, world
from tests.search_api.world import World, ins_of
from tests.services.openid import AUDIENCE, OpenId

__all__ = ["closed_home", "own_world", "world"]
MARIE = ins_of("2850375123456").matricule
ACCOUNTS: dict[str, dict[str, Any]] = {
    "doctor": {"rpps": DOCTOR},
    "traitant": {"rpps": TRAITANT},
    "stranger": {"rpps": STRANGER},
    "suspended": {"rpps": SUSPENDED},
    "unregistered": {"rpps": "19999999999"},
    "nurse": {"rpps": DOCTOR, "profession": "infirmier"},
    "physician": {"rpps": DOCTOR, "profession": "médecin", "specialty": "SM26", "finess": ["750000002"]},
    "marie": {"ins": MARIE},
    "auditor": {"roles": ["auditor"]},
    "vigilance": {"roles": ["identitovigilance"]},
    "two-roles": {"roles": ["auditor", "administrator"]},
    "two-bearers": {"rpps": DOCTOR, "ins": MARIE},
    "nobody": {},
    "in-context": {"rpps": DOCTOR, "patient": "filled in by a test"},
    "malformed": {"rpps": "1' OR '1'='1"},
}
EVERYBODY = frozenset({"practitioner", "patient", "system", "auditor", "administrator"})


@pytest.fixture(scope="session")
def provider() -> Iterator[OpenId]:
    """The provider that most tests share."""
    with OpenId(ACCOUNTS).run() as running:
        yield running


Open = Callable[..., TestClient]


@pytest.fixture
def federated(own_world: World) -> Iterator[Open]:
    """Opens the home's API for the tokens of a provider: `federated(provider, **settings of the issuer)`."""
    own_world.clock.now = datetime.now(UTC)
    with ExitStack() as held:

        def opened(running: OpenId, ticks: Callable[[], float] | None = None, **settings: Any) -> TestClient:
            issuer = IssuerSettings(issuer=running.issuer, audience=AUDIENCE, **{"names": EVERYBODY} | settings)
            clock = {} if ticks is None else {"clock": ticks}
            verifier = Federation([issuer], own_world.services.keys, **clock)
            front = Front(providers=verifier.ways())
            services = dataclasses.replace(own_world.services, verifier=verifier, front=front)
            return held.enter_context(TestClient(create_app(services), raise_server_exceptions=False))

        yield opened
