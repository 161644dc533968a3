"""Fuzzing through the sandbox: every input has its end, and nothing of it is left.

`ANAMNESE_LONG=1` fuzzes for ANAMNESE_FUZZ_MINUTES (60 by default) and writes its figures to benchmarks/RESULTS.md.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.sandbox.client import Sandbox
from tests.sandbox.fuzzing import BOUNDS, SAMPLES, Tally, leftovers, mutated, seed

MINUTES = float(os.environ.get("ANAMNESE_FUZZ_MINUTES", "60"))
LONG = os.environ.get("ANAMNESE_LONG") == "1"
WORKERS = 2


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Sandbox]:
    made = Sandbox(BOUNDS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def samples() -> dict[str, bytes]:
    return {kind: make() for kind, make in SAMPLES.items()}


def test_the_samples_are_read_as_they_are(fuzzed: Sandbox, samples: dict[str, bytes]) -> None:
    """Otherwise mutations would only ever meet the door."""
    tally = Tally()
    for kind, data in samples.items():
        tally.run(fuzzed, kind, data)
    assert (tally.read, tally.escapes) == (len(SAMPLES), [])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(kind=st.sampled_from(sorted(SAMPLES)), choice=st.randoms(use_true_random=False))
def test_every_mutation_has_its_end(
    fuzzed: Sandbox, samples: dict[str, bytes], kind: str, choice: random.Random
) -> None:
    before = fuzzed.server.pid()
    tally = Tally()
    tally.run(fuzzed, kind, mutated(samples[kind], choice))
    assert tally.escapes == []
    assert not tally.lost
    assert fuzzed.server.pid() == before


def test_nothing_is_left_of_the_mutations(fuzzed: Sandbox) -> None:
    assert leftovers(fuzzed, fuzzed.server.folder()) == []


def test_a_long_run_has_no_escape(fuzzed: Sandbox, samples: dict[str, bytes]) -> None:
    """Minutes in `make long`, three seconds otherwise."""
    before, until = fuzzed.server.pid(), time.monotonic() + (60 * MINUTES if LONG else 3)
    tallies = [Tally() for _ in range(WORKERS)]
    start = seed()

    def work(number: int) -> None:
        choice = random.Random(start + number)
        while time.monotonic() < until:
            kind = choice.choice(sorted(samples))
            tallies[number].run(fuzzed, kind, mutated(samples[kind], choice))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = leftovers(fuzzed, fuzzed.server.folder())
    if LONG:
        _publish(tallies, left, start)
    assert [escape for one in tallies for escape in one.escapes] == [], f"seed {start}"
    assert left == []
    assert fuzzed.server.pid() == before
    assert sum(one.inputs for one in tallies) >= 10


def _publish(tallies: list[Tally], left: list[str], start: int) -> None:
    from benchmarks.report import publish, table

    refused = sum((one.refused for one in tallies), start=type(tallies[0].refused)())
    lost = sum((one.lost for one in tallies), start=type(tallies[0].lost)())
    rows = [
        ["inputs", sum(one.inputs for one in tallies)],
        ["read", sum(one.read for one in tallies)],
        *([f"refused: {code}", count] for code, count in refused.most_common()),
        *([f"child lost: {why}", count] for why, count in lost.most_common()),
        ["escapes", sum(len(one.escapes) for one in tallies)],
        ["processes and files left", len(left)],
        ["slowest (s)", f"{max(one.slowest for one in tallies):.1f}"],
    ]
    body = f"{MINUTES:g} minutes, {WORKERS} at a time, {len(SAMPLES)} samples, seed {start}.\n\n"
    publish("fuzz", "Fuzzing of the parsers", body + table(["what", "count"], rows), f"ANAMNESE_LONG=1 pytest {_HERE}")


_HERE = Path(__file__).relative_to(Path(__file__).resolve().parents[2])
