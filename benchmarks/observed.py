"""A sandbox that writes down what each child used, and the memory of this process and its descendants over time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from access.refusal import Refusal
from ingest.sandbox.client import Sandbox
from ingest.sandbox.room import Place
from ingest.sandbox.run import Run
from ingest.sandbox.verdict import ChildLost
from ingest.sandbox.watch import family

KILLED = frozenset({"too-slow", "too-much-memory", "too-much-text", "parser-failed"})
"""Refusals after which a child may still run: it is killed, and does not tell what it used."""


@dataclass(frozen=True, slots=True)
class Child:
    """What a child did: the name of its file, seconds from start to end, bytes resident at most, how it was lost."""

    name: str
    seconds: float
    peak: int
    lost: str = ""


class Observed(Sandbox):
    """The product's sandbox; `children` is what it did."""

    children: list[Child]

    def __init__(self) -> None:
        super().__init__()
        self.children = []

    @contextmanager
    def _run(self, data: int, request: dict[str, Any], place: Place) -> Iterator[Run]:
        start, lost = time.perf_counter(), ""
        run: Run | None = None
        try:
            with super()._run(data, request, place) as run:
                try:
                    yield run
                except ChildLost as error:
                    lost = error.why
                    raise
                except GeneratorExit:  # whoever asked had the last word and listens no more
                    run.finish()
                    raise
                except Refusal as refusal:
                    if refusal.code not in KILLED:
                        run.finish()
                    raise
                run.finish()
        finally:
            peak = run.peak if run is not None else 0
            self.children.append(Child(request.get("name", ""), time.perf_counter() - start, peak, lost))


class Memory:
    """Bytes of this process and all its descendants, looked at five times a second, in a `with`.

    What processes share is counted once (PSS): a child has most of its memory in common with its server.
    """

    def __init__(self) -> None:
        self.samples: list[tuple[float, int]] = []  # seconds since the start, bytes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._start = time.monotonic()

    @property
    def peak(self) -> int:
        return max((size for _, size in self.samples), default=0)

    def at(self, share: float) -> int:
        """The most that it was in a twentieth of the run from this share of it on."""
        first = int(share * len(self.samples))
        part = self.samples[first : first + max(1, len(self.samples) // 20)]
        return max((size for _, size in part), default=0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            size = sum(map(_share, family(os.getpid())))
            self.samples.append((time.monotonic() - self._start, size))


def _share(process: int) -> int:
    """A process's bytes, what it shares with n others counted as its part of it; 0 when it is gone."""
    try:
        told = Path(f"/proc/{process}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in told.splitlines() if line.startswith("Pss:")), 0)
