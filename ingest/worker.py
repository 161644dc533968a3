"""Workers in this process: claim a job, run the recipe, let the projector follow."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from access.refusal import Refusal, let_go
from ingest.meter import stage
from ingest.recipe import ingest
from ingest.retell import Retelling
from ingest.workbench import Workbench
from records import jobs
from records.jobs import Job
from records.quarantine import sweep
from records.recovery import take_over

log = logging.getLogger("anamnese.worker")
IDLE = 1.0  # seconds between two looks at the jobs table when nobody wakes a worker
PATIENCE = 30.0  # seconds, the longest wait between two tries of an index that is down


def drain(bench: Workbench, done: Callable[[], bool] = lambda: False, *, quick: bool = False) -> int:
    """Run claimed jobs until none is left or `done`, and project what is stored, before them too: a cursor that this
    thread could not release keeps everybody else waiting. Returns how many jobs were run.
    `quick`: leave long scans to others once their first turn is over."""
    take_over(bench.records)
    worker = bench.records.presence.holder()
    ran = 0
    sweep(bench.records, bench.blobs)
    project(bench)
    while not done() and (job := _claim(bench, worker, quick=quick)) is not None:
        run(job, bench)
        ran += 1
        project(bench)
    project(bench)
    return ran


def run(job: Job, bench: Workbench) -> None:
    """Run one claimed job. What is not a Refusal is a bug or a broken machine: the job is given back, and its third
    attempt refuses the document."""
    try:
        with _kept(job, bench):
            ingest(job, bench)
    except Exception as error:  # the border of the pipeline: nothing of the document may reach the log
        log.error("job %s failed at attempt %s: %s", job.job_id, job.attempts, type(error).__name__)
        try:
            with bench.records.write() as tx:
                jobs.release(tx, job)
        except Refusal as refusal:  # the document was erased, another worker has it, or records are away
            log.warning("job %s was not given back: %s", job.job_id, refusal.code)
    finally:
        let_go()


def project(bench: Workbench) -> bool:
    """Follow the outbox into the index. False when the index is away or the disk full: documents wait, visibly, in
    state `reading`."""
    if bench.records.reserve.short():
        return False
    try:
        with stage("project"):
            bench.projector.catch_up(bench.clock())
    except Refusal as refusal:
        log.warning("projection waits: %s", refusal.code)
        return False
    return True


def renew(bench: Workbench) -> bool:
    """One step of building the index again aside, when this code or this model writes another. False: there is more."""
    try:
        return bench.projector.renew(bench.clock())
    except Refusal as refusal:
        log.warning("the new index waits: %s", refusal.code)
        return True


def tell_again(bench: Workbench, retelling: Retelling) -> bool:
    """One step of telling again what earlier rules told. False: there is more."""
    return bench.records.reserve.short() or retelling.step()


def _claim(bench: Workbench, worker: str, *, quick: bool) -> Job | None:
    if bench.records.reserve.short():
        log.warning("disk full: documents wait")
        return None
    with bench.records.write() as tx:
        jobs.free_own(tx, worker)
        return jobs.claim(tx, worker, bench.clock(), bench.lease, quick=quick)


@contextmanager
def _kept(job: Job, bench: Workbench) -> Iterator[None]:
    """Renew the lease every third of its length while the work lasts."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(bench.lease.total_seconds() / 3):
            try:
                with bench.records.write() as tx:
                    jobs.renew(tx, job, bench.clock(), bench.lease)
            except Refusal as refusal:
                log.warning("lease of job %s: %s", job.job_id, refusal.code)
                if refusal.code == "lease-lost":  # the fence will refuse what this worker still writes
                    return

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Workers:
    """Threads that read documents beside the API (profile single). `wake` is what an upload calls."""

    def __init__(self, bench: Workbench, count: int = 2) -> None:
        self._bench = bench
        self._retelling = Retelling(bench)
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self.settled = threading.Event()
        """Set once the index was counted against records."""
        self._threads = [threading.Thread(target=self._loop, name=f"reader-{n}", daemon=True) for n in range(count)]

    def __enter__(self) -> Workers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._awake.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def wake(self) -> None:
        """There may be work."""
        self._awake.set()

    def alive(self) -> bool:
        """Whether every reader thread runs: a part of /readyz."""
        return all(thread.is_alive() for thread in self._threads)

    def _loop(self) -> None:
        wait = IDLE
        while not self._stopping.is_set():
            self._awake.wait(wait)
            self._awake.clear()
            try:
                if not self.settled.is_set():
                    self._bench.projector.recount(self._bench.clock())
                    self.settled.set()
                drain(self._bench, self._stopping.is_set)
                settled = renew(self._bench)
                wait = IDLE if tell_again(self._bench, self._retelling) and settled else 0.0
            except Exception as error:  # records away: wait longer, never die
                log.error("reader: %s", type(error).__name__)
                wait = min(PATIENCE, wait * 2)
