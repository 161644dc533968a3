"""Real services for the tests, started once a session. A missing one is a failure that says what to install."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from cli.local_services import cache_folder, opensearch, postgresql, redis
from records.postgres import Server
from tests.services.object_store import ObjectStore, object_store_in


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


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Address of a PostgreSQL of our own, and of a database that nobody uses."""
    with postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An object store of our own, its account where boto3 looks for it."""
    with object_store_in(tmp_path_factory.mktemp("objects")) as store, pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment().items():
            patch.setenv(name, value)
        yield store


@pytest.fixture
def service_folder() -> Iterator[Path]:
    """A folder that a service's user reaches: pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="anamnese-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_database(postgresql_url: str) -> Iterator[Server]:
    """A new, empty database for one test alone."""
    with created(postgresql_url) as server:
        yield server


@contextmanager
def created(url: str, template: Server | None = None) -> Iterator[Server]:
    """A new database on the server of `url`, empty or a copy of `template`, to which nobody is connected; dropped
    afterwards whoever is still connected."""
    like = "" if template is None else f" TEMPLATE {template.url.rpartition('/')[2]}"
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}{like}")  # type: ignore[arg-type]
    try:
        yield Server(f"{url.rpartition('/')[0]}/{name}")
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@pytest.fixture
def opensearch_prefix() -> str:
    """A namespace of indices for one test alone."""
    return f"t{uuid.uuid4().hex[:12]}"
