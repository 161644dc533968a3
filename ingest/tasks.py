"""Celery as an alarm clock: a message says "there may be work"; the work itself is claimed from records by lease.

Losing every message loses nothing: each process that reads looks by itself every SWEEP seconds, by no message. (A beat
that sends one does not help: once Redis was emptied it knows no queue, and drops what is sent without an error.)
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown, worker_shutting_down
from kombu.exceptions import OperationalError

from ingest.meter import share
from ingest.retell import Retelling
from ingest.workbench import Workbench
from ingest.worker import drain, renew, tell_again

log = logging.getLogger("anamnese.tasks")
TASK = "anamnese.work"
QUEUE = "anamnese"
"""Wake-ups by who uploads: every worker listens."""
LANES = ("all", "quick")
"""What a worker takes: anything, or only what is not a long scan after its first turn (20 pages, about a minute)."""
SWEEP = 5.0  # seconds between two unasked looks at the jobs table
TURN = 600.0  # seconds after which a task claims no other job; with the longest turn of a document, half an hour
LIMIT = 3000  # seconds after which a process that still reads is killed: under VISIBILITY, so no message comes twice
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
        task_time_limit=LIMIT,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # for ever: meanwhile its processes read what waits
        broker_transport_options={"visibility_timeout": VISIBILITY, "socket_connect_timeout": 2},
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


def run_worker(
    redis_url: str, concurrency: int, open_bench: OpenBench, lane: str = "all", metrics_port: int = 0
) -> None:
    """Run a Celery worker in this process until told to stop. The bench is opened in each child, after its fork.

    Told to stop (SIGTERM), each child ends the document, or the turn of a long one, that it reads, and claims no
    other. `metrics_port`: where /metrics of all of them is; 0: nowhere.
    """
    if metrics_port:
        registry = share()  # before anything else imports the library
        from prometheus_client import start_http_server

        start_http_server(metrics_port, registry=registry)
    setup_logging.connect(_own_logs, weak=False)
    app = client(redis_url)
    stopping = mmap.mmap(-1, 1)  # shared with the children that are forked later
    held = ExitStack()
    readers: list[_Reader] = []

    def _open(**_: object) -> None:
        readers.append(_Reader(held.enter_context(open_bench()), lane, lambda: bool(stopping[0])))
        held.enter_context(readers[0])

    def _close(**_: object) -> None:
        held.close()

    def _stop(**_: object) -> None:
        stopping[0] = 1

    def _work() -> None:
        readers[0].work()

    worker_shutting_down.connect(_stop, weak=False)
    worker_process_init.connect(_open, weak=False)
    worker_process_shutdown.connect(_close, weak=False)
    app.task(name=TASK)(_work)

    app.worker_main(
        [
            "worker",
            f"--queues={QUEUE}",
            f"--concurrency={concurrency}",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
        ]
    )


class _Reader:
    """What one process of a worker does: read what waits, when woken and every SWEEP seconds, one at a time.

    Whoever asks, one thread reads: what it could not give back while records were away is its own (`Presence.holder`),
    and nobody else's until the lease is over.
    """

    def __init__(self, bench: Workbench, lane: str, stopping: Callable[[], bool]) -> None:
        self._bench, self._lane, self._stopping = bench, lane, stopping
        self._reading = threading.Lock()
        self._one = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        self._retelling = Retelling(bench)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sweep, name="sweep", daemon=True)

    def __enter__(self) -> _Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._one.shutdown()

    def work(self) -> None:
        """Until nothing waits, or for a TURN; what is left is for the next sweep. When this process reads already, its
        reading finds what came meanwhile."""
        if not self._reading.acquire(blocking=False):
            return
        try:
            self._one.submit(self._read).result()
        finally:
            self._reading.release()

    def _read(self) -> None:
        limit = threading.Timer(LIMIT, os.kill, (os.getpid(), signal.SIGKILL))
        limit.daemon = True
        limit.start()
        try:
            until = time.monotonic() + TURN
            drain(self._bench, lambda: self._ending() or time.monotonic() > until, quick=self._lane == "quick")
            if not self._ending():
                renew(self._bench)
            while not self._ending() and time.monotonic() < until and self._lane == "all":
                if tell_again(self._bench, self._retelling):
                    break
        finally:
            limit.cancel()

    def _ending(self) -> bool:
        return self._over.is_set() or self._stopping()

    def _sweep(self) -> None:
        while not self._over.wait(SWEEP):
            try:
                if not self._ending():
                    self.work()
            except Exception as error:  # records away: look again later, never die
                log.error("sweep: %s", type(error).__name__)


def _own_logs(**_: object) -> None:
    """Celery sets up no logging of its own: its lines go where ours do."""
