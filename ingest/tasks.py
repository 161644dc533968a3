"""Celery as an alarm clock: a message says "there may be work"; the work itself is claimed from records by lease.

Losing every message loses nothing: a beat every SWEEP seconds wakes the workers anyway.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown
from kombu.exceptions import OperationalError

from ingest.workbench import Workbench
from ingest.worker import drain, renew

log = logging.getLogger("anamnese.tasks")
TASK = "anamnese.work"
QUEUE = "anamnese"
SWEEP = 5.0  # seconds between two unasked looks at the jobs table
TURN = 600.0  # seconds after which a task claims no other job; with the longest turn of a document, half an hour
VISIBILITY = 3600  # seconds, Redis transport's own default, stated because the lowest value of a broker's apps wins

OpenBench = Callable[[], AbstractContextManager[Workbench]]


def client(redis_url: str) -> Celery:
    """The application as a sender sees it."""
    app = Celery("anamnese", broker=redis_url)
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"visibility_timeout": VISIBILITY, "socket_connect_timeout": 2},
        beat_schedule={"sweep": {"task": TASK, "schedule": SWEEP, "options": {"expires": SWEEP}}},
    )
    return app


def waker(redis_url: str) -> Callable[[], None]:
    """A function that wakes the workers; when Redis is away the next sweep finds the job instead."""
    app = client(redis_url)

    def wake() -> None:
        try:
            app.send_task(TASK, retry=False, ignore_result=True)
        except OperationalError:
            log.warning("queue unavailable; the job waits for the next sweep")

    return wake


def watcher(redis_url: str) -> Callable[[], bool]:
    """A function that tells whether a worker answers; False too when Redis is away. Takes up to a second."""
    app = client(redis_url)

    def alive() -> bool:
        try:
            return bool(app.control.ping(timeout=1.0, limit=1))
        except OperationalError:
            return False

    return alive


def run_worker(redis_url: str, concurrency: int, open_bench: OpenBench) -> None:
    """Run a Celery worker in this process until told to stop. The bench is opened in each child, after its fork."""
    app = client(redis_url)
    held = ExitStack()
    bench: list[Workbench] = []

    def _open(**_: object) -> None:
        bench.append(held.enter_context(open_bench()))

    def _close(**_: object) -> None:
        held.close()

    def _work() -> None:
        until = time.monotonic() + TURN
        drain(bench[0], lambda: time.monotonic() > until)  # what is left is for the next sweep
        renew(bench[0])

    worker_process_init.connect(_open, weak=False)
    worker_process_shutdown.connect(_close, weak=False)
    app.task(name=TASK)(_work)

    app.worker_main(
        [
            "worker",
            "--beat",
            "--scheduler=celery.beat:Scheduler",  # in memory: one entry, due at start, needs no file
            f"--concurrency={concurrency}",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
        ]
    )
