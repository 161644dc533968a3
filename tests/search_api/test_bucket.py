"""A service whose files stand in a bucket, on the day the object store is away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from records.bucket import Bucket
from records.shelf import Folder, Place, mark
from tests.search_api.conftest import DOCTOR
from tests.search_api.test_uploads import send
from tests.search_api.world import DAY, World, open_world
from tests.services.object_store import ObjectStore, object_store_in

pytestmark = pytest.mark.services


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """Of this test alone, which may stop it."""
    (tmp_path / "store").mkdir()
    with object_store_in(tmp_path / "store") as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        yield store


@contextmanager
def moved(closed: World, home: Path, place: Place) -> Iterator[World]:
    """A copy of a home, its files in a bucket."""
    shutil.copytree(closed.home, home)
    root, bucket = home / "blobs", Bucket(place)
    for kept in Folder(root).walk():
        bucket.put(root / kept.ref.path, kept.ref)
    mark(root, place)
    world = open_world(home, place=place)
    for names in ("patients", "documents", "grants"):
        getattr(world, names).update(getattr(closed, names))
    with world.http:
        yield world
    world.close()


def test_searches_go_on_and_what_needs_a_file_waits(closed_home: World, store: ObjectStore, tmp_path: Path) -> None:
    with moved(closed_home, tmp_path / "home", store.bucket("maison")) as world:
        headers = world.bearer(DOCTOR)
        letter = world.url("marie", f"/documents/{world.documents['lettre']}/content")

        def found() -> Any:
            answer = world.search("pénicilline", headers)
            assert answer.status_code == 200, answer.text
            return answer.json()["hits"]

        def parts() -> dict[str, Any]:
            return {name: part["ok"] for name, part in world.http.get("/readyz").json()["parts"].items()}

        usual, content = found(), world.http.get(letter, headers=headers)
        assert usual
        assert content.status_code == 200
        assert send(world, headers, b"Compte rendu : goutte.").status_code == 202
        assert parts()["blobs"]
        store.stop()
        assert found() == usual
        refused = world.http.get(letter, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (503, "blobs-unavailable")
        refused = send(world, headers, b"Ordonnance : allopurinol.")
        assert (refused.status_code, refused.json()["code"]) == (503, "blobs-unavailable")
        world.work()
        assert "refused" not in set(world.states().values()), "what waits for its file is not refused"
        assert not parts()["blobs"]
        store.start()
        assert world.http.get(letter, headers=headers).content == content.content
        assert send(world, headers, b"Ordonnance : allopurinol.").status_code == 202
        world.clock.now += DAY  # a wait is over
        world.work()
        headers = world.bearer(DOCTOR)
        assert world.search("allopurinol", headers).json()["hits"]
        assert world.search("goutte", headers).json()["hits"]
        assert parts()["blobs"]
