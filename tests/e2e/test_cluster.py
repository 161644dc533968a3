"""The cluster profile while its parts fail: two APIs and two workers on one PostgreSQL, one Redis, one OpenSearch and
one bucket of an object store.

Documents are deposited over HTTP while workers are killed, Redis is stopped and emptied, PostgreSQL and the object
store restart and OpenSearch hangs. Everything acknowledged is read by the workers alone, once; records, journal and
index agree. 25 documents in the ordinary tests, 2,000 with ANAMNESE_LONG=1.
"""

from __future__ import annotations

import http.client
import os
import random
import socket
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from cli.compose import open_home
from cli.local_services import postgresql, redis
from ingest.batch import FINAL
from records import documents
from records.documents import DocumentState
from tests.e2e.killing import Command, Ordeal, ordeal
from tests.services.halting import halted
from tests.services.object_store import object_store_in

pytestmark = pytest.mark.services
LONG = os.environ.get("ANAMNESE_LONG") == "1"
FAILURES = ("redis emptied", "redis stopped", "postgresql restarted", "opensearch hangs", "object store restarted")
PAPERS, EACH = (2000, 20) if LONG else (25, 5)


class Parts:
    """Redis, PostgreSQL and object store of this test alone, at lasting addresses; the session's OpenSearch."""

    def __init__(self, held: ExitStack, folder: Path, index_url: str) -> None:
        files = folder / "objects"
        files.mkdir()
        self.objects = held.enter_context(object_store_in(files))
        self._folder, self._index_url = folder, index_url
        self._stacks = {name: held.enter_context(ExitStack()) for name in ("redis", "postgresql")}
        self.redis_url = self._stacks["redis"].enter_context(redis())
        self.records_url = self._stacks["postgresql"].enter_context(postgresql(folder))
        self.outages: Counter[str] = Counter()
        self._coming: list[str] = []

    def fail(self, choose: random.Random) -> None:
        """One outage, over when this returns."""
        if not self._coming:
            self._coming = choose.sample(FAILURES, len(FAILURES))
        name = self._coming.pop()
        if name == "redis emptied":
            with socket.create_connection(("127.0.0.1", _port(self.redis_url)), timeout=5) as line:
                line.sendall(b"FLUSHALL\r\n")
                assert line.recv(16).startswith(b"+OK")
        elif name == "redis stopped":
            self._stacks["redis"].close()
            time.sleep(choose.uniform(0.5, 3))
            self._stacks["redis"].enter_context(redis(_port(self.redis_url)))
        elif name == "postgresql restarted":
            self._stacks["postgresql"].close()
            time.sleep(choose.uniform(0, 2))
            self._stacks["postgresql"].enter_context(postgresql(self._folder, port=_port(self.records_url)))
        elif name == "object store restarted":
            self.objects.stop()
            time.sleep(choose.uniform(0, 2))
            self.objects.start()
        else:
            with halted(_port(self._index_url)):
                time.sleep(choose.uniform(1, 4))
        self.outages[name] += 1


def _port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.timeout(0 if LONG else 900)
def test_nothing_is_lost_or_doubled_while_the_parts_fail(
    tmp_path: Path,
    service_folder: Path,
    opensearch_url: str,
    opensearch_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed = int(os.environ.get("ANAMNESE_KILL_SEED", str(random.SystemRandom().randrange(10**6))))
    print(f"seed {seed}")
    with ExitStack() as held:
        parts = Parts(held, service_folder, opensearch_url)
        for name, value in parts.objects.environment().items():
            monkeypatch.setenv(name, value)
        urls = {"redis_url": parts.redis_url, "records_url": parts.records_url, "opensearch_url": opensearch_url}
        place = parts.objects.bucket("maison")
        urls |= {"blobs_url": place.url, "blobs_endpoint": parts.objects.url}
        settings = {"profile": "cluster", "index_prefix": opensearch_prefix, **urls}
        trial = held.enter_context(ordeal(tmp_path, seed, **settings))
        ports = [_free_port(), _free_port()]
        apis = [trial.start("serve", "--port", str(port)) for port in ports]
        workers = [trial.start("worker", "--concurrency", "2"), trial.start("worker", "--lane", "quick")]
        try:
            while len(trial.given) < PAPERS:
                trial.new(EACH)
                _deposit(trial, ports, parts)
                _kill_one(trial, workers)
            _read_by_the_workers(trial)
        finally:
            for command in (*apis, *workers):
                command.end()
        counts = trial.judge()
        print(f"outages {dict(parts.outages)}, kills {dict(trial.kills)}, {counts}")
        assert counts["documents"] == PAPERS
        assert counts["deposits in the journal"] == PAPERS
        assert set(parts.outages) == set(FAILURES)


def _deposit(trial: Ordeal, ports: list[int], parts: Parts) -> None:
    """Half of what is owed, an outage, the rest; each by either API, again until it is acknowledged."""
    deadline = time.monotonic() + 180
    waiting = len(trial.owed)
    failed = False
    while trial.owed:
        assert time.monotonic() < deadline, "nothing is acknowledged any more"
        if not failed and len(trial.owed) <= waiting / 2:
            parts.fail(trial.choose)
            failed = True
        paper = trial.choose.choice(trial.owed)
        try:
            document_id = trial._post(trial.choose.choice(ports), paper)
        except (OSError, http.client.HTTPException, ValueError):
            document_id = ""
        if document_id:
            trial.acknowledge(paper, document_id)
        else:
            time.sleep(0.1)


def _kill_one(trial: Ordeal, workers: list[Command]) -> None:
    place = trial.choose.randrange(len(workers))
    trial.usual["worker"] = 2.0
    trial.strike(workers[place], "worker")
    if trial.zygote.wait(workers[place].pid, 0) is not None:
        workers[place].end()
        workers[place] = trial.start("worker", *(("--lane", "quick") if place else ("--concurrency", "2")))


def _read_by_the_workers(trial: Ordeal) -> None:
    """Nobody wakes them any more, and nobody reads in their place."""
    deadline = time.monotonic() + (1800 if LONG else 240)
    with open_home(trial.settings) as home:
        while True:
            with home.services.records.read() as tx:
                moving = sum(documents.count_without_scope(tx, state) for state in set(DocumentState) - FINAL)
                waiting = tx.session.execute(sql("SELECT * FROM jobs WHERE state != 'done'")).mappings().all()
                cursors = tx.session.execute(sql("SELECT * FROM cursors")).mappings().all()
            if not moving:
                return
            assert time.monotonic() < deadline, f"{moving} documents that no worker moves: {waiting}, {cursors}"
            time.sleep(0.5)
