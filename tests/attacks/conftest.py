"""The homes and the provider that attacks are tried on."""

from __future__ import annotations

from tests.identities.conftest import federated, provider
from tests.search_api.conftest import closed_home, own_world, world

__all__ = ["closed_home", "federated", "own_world", "provider", "world"]
