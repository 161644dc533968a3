"""Real services for the tests, started once a session. A missing one is a failure that says what to install."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from cli.local_services import cache_folder, opensearch, redis


@pytest.fixture(scope="session")
def opensearch_url() -> Iterator[str]:
    """Address of an OpenSearch: the one that ANAMNESE_TEST_OPENSEARCH_URL names, else one of our own."""
    named = os.environ.get("ANAMNESE_TEST_OPENSEARCH_URL")
    if named:
        yield named
        return
    with opensearch(cache_folder()) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Address of a Redis of our own."""
    with redis() as url:
        yield url


@pytest.fixture
def opensearch_prefix() -> str:
    """A namespace of indices for one test alone."""
    return f"t{uuid.uuid4().hex[:12]}"
