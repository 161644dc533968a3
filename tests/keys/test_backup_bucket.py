"""Backup and restore where files stand in a bucket: into one, out of one, and nothing left of what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from access.refusal import Refusal
from records.backup import Backup
from records.bucket import Bucket
from records.erasure import erase
from records.master import FileMaster
from records.restore import Restored, Target, restore
from records.shelf import Place
from tests.keys.test_backup import reopened, saved, sound
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World
from tests.services.object_store import ObjectStore

pytestmark = pytest.mark.services


def into(made: Backup, world: World, home: Path, place: Place | None, **more: Any) -> Restored:
    target = Target(home, FileMaster(world.home / "master.key"), place=place)
    return restore(made.data, more.pop("keys", made.keys), target, world.clock.now, **more)


def stored(place: Place) -> int:
    return sum(1 for _ in Bucket(place).walk())


def test_a_home_moves_into_a_bucket_and_back(own_world: World, object_store: ObjectStore, tmp_path: Path) -> None:
    before = own_world.search("pénicilline", own_world.bearer(DOCTOR)).json()
    place = object_store.bucket("maison")
    made = saved(own_world, tmp_path)
    assert into(made, own_world, tmp_path / "new", place).documents == 6
    assert [path.name for path in (tmp_path / "new" / "blobs").rglob("*")] == ["place"]
    with reopened(tmp_path / "new", own_world, place) as there:
        assert sound(there)
        assert there.search("pénicilline", there.bearer(DOCTOR)).json()["hits"] == before["hits"]
        there.deposit("neuf", "paul", "Courrier du lendemain : allopurinol.")
        there.work()
        assert [path for path in (tmp_path / "new" / "blobs").rglob("*") if path.is_file()] == [
            tmp_path / "new" / "blobs" / "place"
        ]
        first, second = saved(there, tmp_path / "b"), saved(there, tmp_path / "b")
        assert second.linked == first.files - 1  # all but the records
        assert second.missing == 0
        erase(
            there.services.records,
            there.services.blobs,
            there.services.keys,
            there.services.keys.ledger,
            there.patients["marie"],
            there.clock.now,
            "test",
        )
        assert {kept.ref.patient_id for kept in Bucket(place).walk()} == {there.patients["paul"]}
    assert into(second, own_world, tmp_path / "back", None).documents == 7
    with reopened(tmp_path / "back", own_world) as back:
        assert sound(back)


def test_a_bucket_that_holds_something_is_not_restored_into(
    own_world: World, object_store: ObjectStore, tmp_path: Path
) -> None:
    place = object_store.bucket()
    made = saved(own_world, tmp_path)
    into(made, own_world, tmp_path / "new", place)
    held = stored(place)
    with pytest.raises(Refusal) as refused:
        into(made, own_world, tmp_path / "other", place)
    assert refused.value.code == "home-not-empty"
    assert not (tmp_path / "other").exists()
    assert stored(place) == held > 6


@pytest.mark.parametrize("step", ["put", "name"])
def test_what_failed_leaves_nothing_in_the_bucket(
    own_world: World, object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place = object_store.bucket()
    made = saved(own_world, tmp_path)
    put = Bucket.put
    done = 0

    def failing(*args: Any) -> None:
        nonlocal done
        done += 1
        if done == 4:
            raise OSError(5, "away")
        put(*args)

    def broken(_: object) -> None:
        raise KeyboardInterrupt

    if step == "put":
        monkeypatch.setattr(Bucket, "put", failing)
    else:
        monkeypatch.setattr("records.restore._Restore.name", broken)
    with pytest.raises((Refusal, KeyboardInterrupt)):
        into(made, own_world, tmp_path / "new", place)
    assert not (tmp_path / "new").exists()
    assert stored(place) == 0
    monkeypatch.undo()
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    assert into(made, own_world, tmp_path / "new", place).documents == 6
