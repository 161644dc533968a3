"""The engines under the contract: every test that takes `generations` or `engine` runs once on each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.port import Generations, Index
from tests.index.building import GENERATION

ENGINES = [
    "embedded",
    pytest.param("opensearch", marks=pytest.mark.services),
]


@pytest.fixture(params=ENGINES)
def generations(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Generations]:
    """A new, empty home of one production engine."""
    if request.param == "embedded":
        from index.embedded import EmbeddedGenerations

        embedded = EmbeddedGenerations(tmp_path / "index", key=bytes(range(32)))
        yield embedded
        embedded.close()
        return
    from index.opensearch import OpenSearchGenerations

    url = request.getfixturevalue("opensearch_url")
    cluster = OpenSearchGenerations(url, namespace=f"t{uuid.uuid4().hex[:12]}")
    yield cluster
    cluster.destroy()


@pytest.fixture
def engine(generations: Generations) -> Index:
    """One open, empty generation."""
    return generations.open(GENERATION)
