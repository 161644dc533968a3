"""The master key as a port: both implementations pass one contract."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from access.identifiers import PatientId
from access.refusal import Refusal
from records.keys import KeyStore
from records.master import FileMaster, MasterKey, MovedMaster
from records.rotation import destroy_version, rotate, status
from records.transit import TransitMaster
from tests.keys.openbao import POLICY, Service

KEY = bytes(range(32))
ONE = PatientId("a" * 26)
Fresh = Callable[[], MasterKey]


@pytest.fixture(params=["file", "transit"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """A function that opens the same master key anew, as another process would."""
    if request.param == "transit":
        service: Service = request.getfixturevalue("transit")
        return service.master
    FileMaster(tmp_path / "master.key").create()
    return lambda: FileMaster(tmp_path / "master.key")


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        call()
    return refused.value.code


def test_wraps_under_the_newest_version_and_unwraps_by_any(fresh: Fresh) -> None:
    first = fresh().wrap(KEY, "here")
    assert KEY not in first.ciphertext
    assert fresh().unwrap(first, "here") == KEY
    renewed = fresh().renew()
    second = fresh().wrap(KEY, "here")
    assert second.by == renewed == fresh().versions()[-1]
    assert (first.by.number, second.by.number) == (1, 2)
    assert fresh().unwrap(first, "here") == fresh().unwrap(second, "here") == KEY


def test_a_version_in_the_making_or_being_destroyed_is_never_seen_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process reads at each moment at which a file's bytes are new and not all there, or no longer a key."""
    master = FileMaster(tmp_path / "master.key")
    master.create()
    wrapped = master.wrap(KEY, "here")
    looks = []

    def looked(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            assert FileMaster(tmp_path / "master.key").unwrap(wrapped, "here") == KEY
            looks.append(real)
            return real(*given, **named)

        return call

    with monkeypatch.context() as watched:
        for name in ("fdopen", "fsync"):
            watched.setattr(os, name, looked(getattr(os, name)))
        second = master.renew()
        master.destroy(second)
    assert len(looks) >= 3
    assert [version.number for version in master.versions()] == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]


def test_what_a_killed_process_was_destroying_is_destroyed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = FileMaster(tmp_path / "master.key")
    master.create()
    second = master.renew()

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as short:
        short.setattr("records.master.shred", killed)
        with pytest.raises(KeyboardInterrupt):
            master.destroy(second)
    assert [version.number for version in master.versions()] == [1]
    assert len(list(tmp_path.iterdir())) == 2
    assert master.renew().number == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["master.key", "master.key.v2"]


def test_a_wrapped_key_opens_in_its_place_and_whole_only(fresh: Fresh) -> None:
    wrapped = fresh().wrap(KEY, "here")
    assert code_of(lambda: fresh().unwrap(wrapped, "there")) in {"master-key-wrong", "seal-broken"}
    cut = dataclasses.replace(wrapped, ciphertext=wrapped.ciphertext[:-8])
    assert code_of(lambda: fresh().unwrap(cut, "here")) in {"master-key-wrong", "seal-broken"}


def test_a_destroyed_version_opens_nothing_more(fresh: Fresh) -> None:
    wrapped = fresh().wrap(KEY, "here")
    fresh().renew()
    again = fresh().wrap(KEY, "here")
    fresh().destroy(wrapped.by)
    assert code_of(lambda: fresh().unwrap(wrapped, "here")) == "master-key-wrong"
    assert fresh().unwrap(again, "here") == KEY
    assert [version.number for version in fresh().versions()] == [2]


def test_a_home_lives_rotates_and_forgets_the_old_version_on_either(fresh: Fresh, tmp_path: Path) -> None:
    home = tmp_path / "home"
    keys = KeyStore.open(home, fresh())
    keys.create_patient_key(ONE)
    before = (keys.service_key("records"), keys.patient_key(ONE))
    assert [v.number for v in rotate(keys).spare] == [1]
    assert code_of(lambda: destroy_version(keys, 2)) == "version-in-use"
    assert code_of(lambda: destroy_version(keys, 7)) == "no-version"
    destroy_version(keys, 1)
    again = KeyStore.open(home, fresh())
    assert (again.service_key("records"), again.patient_key(ONE)) == before
    assert status(again).spare == ()


def test_a_home_moves_from_a_file_to_a_service(transit: Service, tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "master.key"
    keys = KeyStore.open(home, file)
    key = keys.service_key("records")
    moving = MovedMaster(transit.master(), FileMaster(file))
    moved = KeyStore.open(home, moving)
    assert moved.service_key("records") == key
    assert rotate(moved).in_use.provider == "transit"
    file.unlink()
    assert KeyStore.open(home, transit.master()).service_key("records") == key


def test_a_service_that_is_sealed_or_gone_stops_a_start_and_no_running_store(
    own_transit: Service, tmp_path: Path
) -> None:
    keys = KeyStore.open(tmp_path / "home", own_transit.master())
    key = keys.service_key("records")
    own_transit.bao.call("PUT", "sys/seal")
    assert code_of(lambda: KeyStore.open(tmp_path / "home", own_transit.master())) == "master-key-unavailable"
    own_transit.bao.process.kill()
    own_transit.bao.process.wait(10)
    assert keys.service_key("records") == key
    keys.create_patient_key(ONE)
    assert code_of(lambda: KeyStore.open(tmp_path / "home", own_transit.master())) == "master-key-unavailable"


def test_a_token_that_may_only_wrap_and_unwrap_runs_a_home_and_rotates_none(transit: Service, tmp_path: Path) -> None:
    """The keepers of the service may keep rotation to themselves: after theirs, the newest version is taken."""
    mount = transit.url.rpartition("/")[2]
    rules = "".join(line for line in POLICY.format(mount=mount).splitlines(True) if "crypt" in line or '"read"' in line)
    transit.bao.call("PUT", f"sys/policies/acl/{mount}", policy=rules)
    keys = KeyStore.open(tmp_path / "home", transit.master())
    assert code_of(lambda: transit.master().renew()) == "master-key-unavailable"
    transit.bao.call("POST", f"{mount}/keys/anamnese/rotate")
    assert status(keys).pending
    assert rotate(keys).in_use.number == 2


def test_a_wrong_or_missing_token_and_a_plain_address_are_refused(transit: Service, tmp_path: Path) -> None:
    transit.token_file.write_text("autre\n")
    assert code_of(lambda: transit.master().wrap(KEY, "here")) == "master-key-unavailable"
    transit.token_file.unlink()
    assert code_of(lambda: transit.master().wrap(KEY, "here")) == "master-key-unavailable"
    assert code_of(lambda: TransitMaster("http://cles.example/v1/transit", "a", tmp_path)) == "bad-settings"


def test_where_the_folder_is_not_ours_the_operator_adds_the_version(tmp_path: Path) -> None:
    """As Docker's secrets are: files that this process only reads."""
    file = tmp_path / "secrets" / "master_key"
    file.parent.mkdir()
    file.write_bytes(bytes(range(32)))
    keys = KeyStore.open(tmp_path / "home", file)
    (file.parent / "master_key.v2").write_text("ab" * 32)
    assert status(keys).pending
    assert rotate(keys).in_use.number == 2
    file.unlink()
    assert KeyStore.open(tmp_path / "home", file).service_key("records") == keys.service_key("records")
