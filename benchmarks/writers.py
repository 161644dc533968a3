"""Forty writers on one SQLite file, each write a document, a job and a journal entry, against a bare synced commit."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from pathlib import Path

from benchmarks.report import milliseconds, table
from tests.records.building import opened, patient
from tests.records.test_writers import run

TITLE = "Concurrent writers of records (SQLite)"
EACH = 12
SHAPES = ((1, 1), (1, 40), (4, 10), (40, 1))
"""Processes and threads in each."""


def measure() -> str:
    """Interleaves the bare commits with each shape, on the same disk."""
    bare: list[float] = []
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (processes, threads) in enumerate(SHAPES):
            bare += _bare_commits(Path(folder) / f"bare-{number}.db")
            home = Path(folder) / f"home-{number}"
            with opened(home) as made, made.records.write() as tx:
                patient(tx)
            results = run(home, processes, threads, EACH if processes * threads > 1 else 20 * EACH)
            seconds = [one for result in results for one in result["seconds"]]
            failures = sum(len(result["failures"]) for result in results)
            measured.append((processes, threads, seconds, failures))
    unit = milliseconds(bare)
    rows = [
        ("one writer, a bare row, synced", len(bare), f"{unit:.2f}", f"{milliseconds(bare, 0.99):.2f}", "1", "", 0),
        *(
            (
                f"{processes} process(es) × {threads} thread(s)",
                len(seconds),
                f"{milliseconds(seconds):.2f}",
                f"{milliseconds(seconds, 0.99):.0f}",
                f"{milliseconds(seconds) / unit:.0f}",
                f"{milliseconds(seconds, 0.99) / unit / (processes * threads):.1f}",
                failures,
            )
            for processes, threads, seconds, failures in measured
        ),
    ]
    head = ("writers", "writes", "p50 ms", "p99 ms", "p50 / bare", "p99 / bare / writers", "errors")
    return (
        "Every writer writes without a pause, so a write waits for those of all the others; the last ratio is what a "
        "write costs at the 99th percentile when that wait is shared out.\n\n" + table(head, rows)
    )


def _bare_commits(path: Path, count: int = 60) -> list[float]:
    """Seconds of single-row commits of plain SQLite with the same journal mode and synchronisation."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE t (x BLOB)")
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO t VALUES (?)", (os.urandom(1000),))
        connection.execute("COMMIT")
        seconds.append(time.perf_counter() - began)
    connection.close()
    return seconds
