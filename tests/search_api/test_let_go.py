"""Each way in makes the constant Refusals let go of what they were raised for, once it has answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from access import refusal
from access.refusals import DOOR
from ingest import worker
from ingest.mllp.reception import Reception
from ingest.workbench import Workbench
from records.jobs import Job
from search_api.desk import TOO_NARROW
from search_api.periodic import Periodic
from tests.search_api.conftest import STRANGER
from tests.search_api.world import World


def holding() -> list[str]:
    return [one.code for one in refusal._STANDING if one.__traceback__ is not None]


@pytest.fixture(autouse=True)
def _from_nothing() -> Iterator[None]:
    """DOOR is among those watched, and all hold nothing yet."""
    refusal.let_go()
    assert DOOR in refusal._STANDING
    yield
    refusal.let_go()


def refused(*_: object) -> None:
    raise DOOR


def test_a_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def swallowed(*_: object) -> bool:
        try:
            raise TOO_NARROW  # what leaves as the answer is let go by the framework; this is not
        except refusal.Refusal:
            return True
        return False

    monkeypatch.setattr("search_api.desk.within_scopes", swallowed)
    assert world.http.get(world.url("marie", "/documents"), headers=world.bearer(STRANGER)).status_code == 403
    assert not holding()


def test_a_job(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_job: Job, _bench: Workbench) -> None:
        raise DOOR

    monkeypatch.setattr(worker, "ingest", failing)
    own_world.deposit("one", "marie", "Un texte.")
    assert worker.drain(own_world.bench) >= 1
    assert not holding()


def test_a_message(own_world: World) -> None:
    for _ in range(3):
        Reception(own_world.bench, {}).take(b"MSH|^~\\&|A|B|C|D|20240510||ORU^R01|1|P|2.5\r")
    assert not holding()


def test_what_is_done_again_and_again() -> None:
    with Periodic("test", 0.001, refused):
        pass
    assert not holding()
