"""Records on PostgreSQL: how many deposits a second go through the one writer's turn, and what each leaves on the disk.

    python -m benchmarks.scale_records [--each 200]

Writes `benchmarks/scale/records.json`, which `benchmarks.scale` reads, and prints it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import psycopg

from benchmarks.report import machine, milliseconds
from cli.local_services import postgresql
from records import journal
from records.postgres import Server
from tests.records.building import opened, patient
from tests.records.test_journal import entry
from tests.records.test_writers import run
from tests.services.fixtures import created

OUT = Path(__file__).with_name("scale")
SHAPES = ((1, 1), (1, 16), (4, 4))
"""Processes and threads in each."""


def measure(each: int) -> dict[str, object]:
    """Deposits (document, job, journal entry) by each shape of writers, then the journal alone."""
    writers = {}
    with tempfile.TemporaryDirectory() as folder, postgresql() as url:
        for number, (processes, threads) in enumerate(SHAPES):
            with created(url) as server:
                home = Path(folder) / str(number)
                with opened(home, server=server) as made, made.records.write() as tx:
                    patient(tx)
                before = _size(server)
                began = time.perf_counter()
                found = run(home, processes, threads, each // (processes * threads), server)
                seconds = [one for result in found for one in result["seconds"]]
                assert not [failure for result in found for failure in result["failures"]]
                longest = max(sum(result["seconds"]) / threads for result in found)
                writers[f"{processes} × {threads}"] = {
                    "deposits_a_second": round(len(seconds) / min(longest, time.perf_counter() - began)),
                    "p50_ms": round(milliseconds(seconds), 1),
                    "p99_ms": round(milliseconds(seconds, 0.99), 1),
                }
                document = (_size(server) - before) / len(seconds)
        with created(url) as server, opened(Path(folder) / "journal", server=server) as home:
            with home.records.write() as tx:
                who = patient(tx)
            before, seconds = _size(server), []
            for number in range(each):
                began = time.perf_counter()
                with home.records.write() as tx:
                    journal.append(tx, entry(who, number))
                seconds.append(time.perf_counter() - began)
            looked = (_size(server) - before) / each
    return {
        "machine": machine(),
        "writers": writers,
        "bytes_a_deposit": round(document),
        "bytes_a_look": round(looked),
        "looks_a_second": round(each / sum(seconds)),
    }


def _size(server: Server) -> int:
    with psycopg.connect(server.url) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=2000)
    found = measure(parser.parse_args().each)
    OUT.mkdir(exist_ok=True)
    (OUT / "records.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
