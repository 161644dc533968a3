"""Forty writers at once, threads of several processes, on one database: no error, no lost row, one chain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import text

from records import journal
from records.postgres import Server
from tests.records.building import opened, patient

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, THREADS, EACH = 4, 10, 12


def run(home: Path, processes: int, threads: int, each: int, server: Server | None = None) -> list[dict[str, Any]]:
    """What every process measured, all of them writing at the same time."""
    command = [sys.executable, "-m", "tests.records.writers", str(home), str(threads), str(each)]
    command += [] if server is None else [server.url]
    started = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [json.loads(process.communicate(timeout=280)[0]) for process in started]


def test_forty_writers(tmp_path: Path, server: Server | None) -> None:
    with opened(tmp_path / "home", server=server) as home, home.records.write() as tx:
        who = patient(tx)
    results = run(tmp_path / "home", PROCESSES, THREADS, EACH, server)
    assert [failure for result in results for failure in result["failures"]] == []
    total = PROCESSES * THREADS * EACH
    with opened(tmp_path / "home", server=server) as home, home.records.read() as tx:
        for table in ("documents", "jobs", "journal"):
            assert tx.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == total
        kept = {row.deposited_by for row in tx.session.execute(text("SELECT deposited_by FROM documents"))}
        assert len(kept) == total
        assert journal.verify(tx) == []
        assert journal.anchor(tx).length == total
        entries = journal.entries_for_audit_without_scope(tx, who, total + 1)
        assert {entry.caller for entry in entries} == kept
        assert home.records.damage() == 0
