"""A worker of the cluster profile whose Redis is emptied, away or absent from the start, and one told to stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.compose import Home, open_home
from cli.local_services import redis
from records import documents
from records.documents import DocumentState
from records.postgres import Server
from tests.e2e.killing import Ordeal, ordeal

pytestmark = pytest.mark.services
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds: a worker takes about ten to start on a busy machine, and looks every five


@pytest.mark.timeout(900)
def test_a_worker_reads_what_waits_whatever_redis_does(
    tmp_path: Path, opensearch_url: str, opensearch_prefix: str, new_database: Server
) -> None:
    with ExitStack() as held:
        queue = held.enter_context(ExitStack())
        redis_url = queue.enter_context(redis())
        port = int(redis_url.rpartition(":")[2].partition("/")[0])
        cluster = {"profile": "cluster", "redis_url": redis_url, "opensearch_url": opensearch_url}
        settings = cluster | {"records_url": new_database.url, "index_prefix": opensearch_prefix}
        trial = held.enter_context(ordeal(tmp_path, 7, **settings))
        home = held.enter_context(open_home(trial.settings))
        worker = trial.start("worker", "--concurrency", "2")
        held.callback(lambda: worker.end())

        _deposit(trial, home)
        _wait_until_all_is_read(home)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(b"FLUSHALL\r\n")  # no queue is known any more: what is sent to one is dropped
            assert line.recv(16).startswith(b"+OK")
        _deposit(trial, home)
        _wait_until_all_is_read(home)
        queue.close()
        _deposit(trial, home)
        _wait_until_all_is_read(home)

        worker.end()
        worker = trial.start("worker", "--concurrency", "2")  # no Redis when it starts
        _deposit(trial, home)
        _wait_until_all_is_read(home)

        queue.enter_context(redis(port))
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.finish(PATIENCE) == 0


def test_a_process_that_reads_for_too_long_is_killed_so_that_another_takes_its_job() -> None:
    hangs = """
import time
from ingest import tasks
tasks.LIMIT, tasks.SWEEP = 0.5, 0.1
tasks.drain = lambda *given, **named: time.sleep(120)
with tasks._Reader(None, "all", lambda: False):
    time.sleep(120)
"""
    done = subprocess.run([sys.executable, "-c", hangs], cwd=ROOT, timeout=PATIENCE, check=False)
    assert done.returncode == -signal.SIGKILL


def _deposit(trial: Ordeal, home: Home) -> None:
    """Two papers, and nobody is woken."""
    trial.new(2)
    assert len(list(trial.by_hand(home))) == 2


def _wait_until_all_is_read(home: Home) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with home.services.records.read() as tx:
            counts = {state: documents.count_without_scope(tx, state) for state in DocumentState}
        if sum(counts.values()) == counts[DocumentState.SEARCHABLE]:
            return
        assert time.monotonic() < deadline, counts
        time.sleep(0.2)
