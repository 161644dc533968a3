"""kill -9 of commands, of the API, of workers and of their children, at random moments of taking documents in.

Nothing acknowledged is lost, nothing is doubled, and `verify` and `audit verify` find nothing to say. In the ordinary
tests 40 kills; with ANAMNESE_LONG=1 a thousand, in chapters of 50 over 300 papers, each in a home of its own.
ANAMNESE_KILL_SEED names the run: one that was interrupted resumes after its last whole chapter.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.report import publish, table
from cli.compose import open_home
from cli.local_services import cache_folder
from ingest.tasks import waker
from records.postgres import Server
from tests.e2e.killing import Ordeal, ordeal

LONG = os.environ.get("ANAMNESE_LONG") == "1"
CHAPTERS, KILLS, PAPERS = 20, 50, 300


def torment(trial: Ordeal, kills: int, most: int) -> None:
    """Kill until `kills` are counted, feeding up to `most` papers."""
    for _ in range(kills * 4):
        if trial.kills.total() >= kills:
            return
        if len(trial.owed) < 4:
            trial.new(min(5, max(1, most - len(trial.given))))
        way = trial.choose.choices((trial.by_command, trial.by_watch, trial.by_http), (3, 2, 3))[0]
        way()
    pytest.fail(f"only {trial.kills} in {kills * 4} rounds")


def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    with ordeal(tmp_path, seed) as trial:
        torment(trial, 34, 120)
        counts = trial.judge()
        assert counts["acknowledged"] == counts["documents"] > 10
        assert counts["deposits in the journal"] > 0, "the API took nothing in"
        assert len(trial.kills) >= 4, trial.kills


@pytest.mark.services
@pytest.mark.timeout(600)
def test_a_celery_worker_and_its_children_die(
    tmp_path: Path, redis_url: str, opensearch_url: str, opensearch_prefix: str, new_database: Server
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    cluster = {
        "profile": "cluster",
        "redis_url": redis_url,
        "opensearch_url": opensearch_url,
        "records_url": new_database.url,
    }
    with ordeal(tmp_path, seed, index_prefix=opensearch_prefix, **cluster) as trial:
        strike_workers(trial, 60 if LONG else 6, redis_url)
        worker = trial.start("worker", "--concurrency", "2")
        try:
            trial.judge()
        finally:
            worker.end()


def strike_workers(trial: Ordeal, kills: int, redis_url: str) -> None:
    """Deposit, and kill the worker that reads: all of it, its parent alone, or one child, which it replaces."""
    wake = waker(redis_url)
    worker = trial.start("worker", "--concurrency", "2")
    with open_home(trial.settings) as home:
        while trial.kills.total() < kills:
            trial.new(3)
            for _ in trial.by_hand(home):
                wake()
            trial.usual["worker"] = 4.0
            trial.strike(worker, "worker")
            if trial.zygote.wait(worker.pid, 0) is not None or not alive(worker.pid):
                worker.end()
                worker = trial.start("worker", "--concurrency", "2")
    worker.end()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.timeout(0)
def a_thousand_kills(tmp_path: Path) -> None:
    seed = int(os.environ.get("ANAMNESE_KILL_SEED", str(random.SystemRandom().randrange(10**6))))
    kept = cache_folder() / f"kills-{seed}.jsonl"
    chapters = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    for number in range(len(chapters), CHAPTERS):
        began = time.monotonic()
        with ordeal(tmp_path / str(number), seed * 1000 + number) as trial:
            torment(trial, KILLS, PAPERS)
            trial.new(PAPERS - len(trial.given))
            counts = trial.judge()
            assert counts["deposits in the journal"] > 0, "the API took nothing in"
        chapters.append({"kills": trial.kills, "counts": counts, "seconds": round(time.monotonic() - began)})
        with kept.open("a") as file:
            file.write(json.dumps(chapters[-1]) + "\n")
        print(f"seed {seed}, chapter {number + 1} of {CHAPTERS}: {json.dumps(chapters[-1])}", flush=True)
    report(seed, chapters)


if LONG:
    test_a_thousand_kills = a_thousand_kills


def report(seed: int, chapters: list[dict[str, dict[str, int]]]) -> None:
    kills, counts = Counter[str](), Counter[str]()
    for chapter in chapters:
        kills.update(chapter["kills"])
        counts.update(chapter["counts"])
    rows = [*sorted(kills.items()), ("**kills in all**", kills.total()), *counts.items(), ("lost", 0), ("doubled", 0)]
    publish(
        "kills",
        "Killed while taking documents in",
        f"{len(chapters)} homes of {PAPERS} papers, seed {seed}, {sum(c['seconds'] for c in chapters)} s."  # type: ignore[misc]
        " Lost, doubled or unclean would fail the test. « child » is one child (Tesseract), or the whole group when"
        " there was none at that moment.\n\n" + table(("what", "count"), rows),
        "ANAMNESE_LONG=1 python -m pytest --timeout=0 tests/e2e/test_kills.py",
    )
