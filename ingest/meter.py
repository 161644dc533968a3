"""What each stage takes and how it ends, for Prometheus. Labels are names of stages and codes of refusals: nothing of a
document, a patient or a caller ever becomes one.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from access.refusal import Refusal

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

P = ParamSpec("P")
R = TypeVar("R")
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_SHARED = "PROMETHEUS_MULTIPROC_DIR"


@dataclass(frozen=True, slots=True)
class Instruments:
    """Made on first use: whether processes share them is settled when the library is imported (`share`)."""

    stages: Histogram  # its count is the rate
    refusals: Counter
    requests: Histogram


@cache
def instruments() -> Instruments:
    """Those of this process."""
    from prometheus_client import Counter, Histogram

    return Instruments(
        Histogram("anamnese_stage_seconds", "One stage of one document.", ("stage", "outcome"), buckets=SECONDS),
        Counter("anamnese_refusals", "Stages that ended in a refusal, by its code.", ("stage", "code")),
        Histogram("anamnese_request_seconds", "One request.", ("method", "route", "status"), buckets=SECONDS[:12]),
    )


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Time a stage: "done", "refused" (and by which code) or "failed"."""
    began, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "done"
    except Refusal as refusal:
        outcome = "refused"
        instruments().refusals.labels(name, refusal.code).inc()
        raise
    finally:
        instruments().stages.labels(name, outcome).observe(time.perf_counter() - began)


def timed(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The same, of every call of a function."""

    def around(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with stage(name):
                return function(*args, **kwargs)

        return run

    return around


def share() -> CollectorRegistry:
    """One registry over this process and those that it forks. Call it before anything is timed here."""
    if _SHARED not in os.environ:
        os.environ[_SHARED] = tempfile.mkdtemp(prefix="anamnese-metrics-")
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
