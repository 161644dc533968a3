"""One child waits for the next document, so that none waits for a fork. It has no other document and no more rights."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ingest.sandbox import fork_server
from ingest.sandbox.fork_server import ForkServer
from tests.sandbox.conftest import ask, evil_server, running


@pytest.fixture
def fresh() -> Iterator[ForkServer]:
    with evil_server() as made:
        read_one(made)  # the first document; then one child waits
        yield made


def read_one(server: ForkServer) -> tuple[int, str]:
    """A document's child, which is gone by then, and its folder."""
    with running(server, "look") as run:
        folder = next(run.values())[1]["folder"]
    while os.path.exists(f"/proc/{run.child}"):  # or it would be taken for the one that waits
        time.sleep(0.01)
    return run.child, folder


def children_of(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def waiting(server: ForkServer) -> int:
    """The one child that waits, once it does: confined and alone. No document's child is left when it is called."""
    while True:  # the test's own timeout ends a vain wait
        with suppress(OSError, ValueError):
            (inner,) = children_of(server.pid())
            (child,) = children_of(inner)
            if status(child)["Seccomp_filters"] == "2":
                return child
        time.sleep(0.1)


def status(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_it_is_confined_before_a_document_comes(fresh: ForkServer) -> None:
    seen = status(waiting(fresh))
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2")
    assert {seen[name] for name in ("CapPrm", "CapEff", "CapInh")} == {"0" * 16}
    assert len(seen["NSpid"].split()) > len(status(os.getpid())["NSpid"].split())


def test_every_document_has_a_child_and_a_folder_of_its_own(fresh: ForkServer) -> None:
    seen = []
    for _ in range(3):
        expected = waiting(fresh)
        seen.append(read_one(fresh))
        assert seen[-1][0] == expected
    assert len({child for child, _ in seen}) == len({folder for _, folder in seen}) == 3


def test_one_that_was_killed_while_it_waited_costs_no_document(fresh: ForkServer) -> None:
    before, child = fresh.pid(), waiting(fresh)
    os.kill(child, signal.SIGKILL)
    while os.path.exists(f"/proc/{child}"):
        time.sleep(0.01)
    assert ask(fresh, "look")[0] == "done"
    assert fresh.pid() == before


def test_a_child_that_ended_before_its_request_was_wholly_given_is_not_taken_for_a_dead_one(
    fresh: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine it has read a short document before the client runs again; the document was then read twice."""
    child, give = waiting(fresh), socket.send_fds

    def slowly(line: socket.socket, *rest: Any) -> int:
        sent = give(line, *rest)
        while os.path.exists(f"/proc/{child}"):
            time.sleep(0.01)
        return sent

    monkeypatch.setattr(fork_server.socket, "send_fds", slowly)
    with running(fresh, "look") as run:
        next(run.values())
    assert run.child == child


def test_only_one_waits_however_many_were_read(fresh: ForkServer) -> None:
    for _ in range(5):
        read_one(fresh)
    waiting(fresh)
    assert len(list(fresh.folder().iterdir())) == 1


def test_a_temporary_folder_that_somebody_wiped_is_made_again(fresh: ForkServer) -> None:
    """Its children would have nowhere to put a page for Tesseract."""
    waiting(fresh)
    before = fresh.folder()
    shutil.rmtree(before)
    assert ask(fresh, "write_file", path="page.pgm") == ["done", 1]
    assert fresh.folder() != before
