"""Jobs: one live holder, none lost, poison refused; whatever workers do, and in whatever order."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from access.identifiers import JobId
from access.refusal import Refusal
from records import document_pages, documents, jobs
from records.database import Tx
from records.documents import DocumentState
from records.jobs import Job
from tests.records.building import MINUTE, NOW, Home, deposit, opened, patient

LEASE = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
UNREADABLE = Refusal("parse", "encrypted-pdf", "Ce PDF est protégé.", "Retirez le mot de passe.")


def queued(home: Home, tx: Tx, count: int = 1) -> list[Job]:
    who = patient(tx)
    made = [deposit(home, tx, who, b"%d" % n) for n in range(count)]
    return [jobs.enqueue(tx, d.document_id, who, NOW + n * SECOND) for n, d in enumerate(made)]


def state_of(tx: Tx, job: Job) -> DocumentState:
    document = documents.document_without_scope(tx, job.document_id)
    assert document is not None
    return document.state


def test_claims_go_by_priority_then_age_and_kind(home: Home) -> None:
    with home.records.write() as tx:
        first, second, third = queued(home, tx, 3)
        urgent = jobs.enqueue(tx, third.document_id, third.patient_id, NOW + MINUTE, priority=5)
        other = jobs.enqueue(tx, third.document_id, third.patient_id, NOW, kind="embed", priority=9)
        now = NOW + MINUTE
        order = [jobs.claim(tx, "w", now, LEASE, "ingest") for _ in range(5)]
        assert [job and job.job_id for job in order] == [urgent.job_id, first.job_id, second.job_id, third.job_id, None]
        claimed = jobs.claim(tx, "w", now, LEASE)
        assert claimed is not None
        assert claimed.job_id == other.job_id
        assert jobs.progress(tx) == {"queued": 0, "leased": 5, "done": 0, "failed": 0}


def test_long_readings_let_others_of_their_priority_pass_and_quick_workers_leave_them(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        made = [
            jobs.enqueue(tx, deposit(home, tx, who, b"%d" % n).document_id, who, NOW + n * SECOND, priority=priority)
            for n, priority in enumerate((jobs.BULK, jobs.URGENT, jobs.USUAL, jobs.USUAL))
        ]
        bulk, urgent, first, second = (job.job_id for job in made)

        def turn(**options: bool) -> Job:
            claimed = jobs.claim(tx, "w", NOW + MINUTE, LEASE, **options)  # type: ignore[arg-type]
            assert claimed is not None
            return claimed

        one = turn()
        jobs.go_on(tx, one)
        assert (one.job_id, turn().job_id) == (urgent, urgent)  # an urgent scan goes on before all others
        two = turn()
        jobs.go_on(tx, two)
        assert two.job_id == first
        assert [turn(quick=True).job_id for _ in range(2)] == [second, bulk]
        assert jobs.claim(tx, "q", NOW + MINUTE, LEASE, quick=True) is None
        assert turn().job_id == first
        jobs.again(tx, two.document_id, NOW)
        assert turn(quick=True).job_id == first  # read again from its first page


def test_a_lost_lease_refuses_every_write_of_its_holder(home: Home) -> None:
    with home.records.write() as tx:
        queued(home, tx)
        old = jobs.claim(tx, "a", NOW, LEASE)
        assert old is not None
        assert jobs.claim(tx, "b", NOW + LEASE - SECOND, LEASE) is None
        new = jobs.claim(tx, "b", NOW + LEASE, LEASE)
        assert new is not None
        assert (new.job_id, new.attempts) == (old.job_id, 2)
        assert new.fence > old.fence
    acts = [
        lambda tx: jobs.renew(tx, old, NOW, LEASE),
        lambda tx: jobs.finish(tx, old),
        lambda tx: jobs.fail(tx, old, UNREADABLE),
        lambda tx: jobs.release(tx, old),
        lambda tx: jobs.set_stage(tx, old, "read"),
        lambda tx: documents.set_state(tx, old.document_id, DocumentState.SEARCHABLE, fence=old.fence),
        lambda tx: document_pages.set_pages(tx, old.document_id, 3, [], fence=old.fence),
    ]
    for act in acts:
        with pytest.raises(Refusal) as refused, home.records.write() as tx:
            act(tx)
        assert (refused.value.stage, refused.value.code) == ("store", "lease-lost")
    with home.records.write() as tx:
        jobs.renew(tx, new, NOW + LEASE, LEASE)
        documents.set_state(tx, new.document_id, DocumentState.SEARCHABLE, fence=new.fence, now=NOW)
        jobs.finish(tx, new)
        assert state_of(tx, new) is DocumentState.SEARCHABLE
        with pytest.raises(Refusal):
            jobs.finish(tx, new)


@pytest.mark.parametrize("way", ["its worker dies", "its worker gives it back"])
def test_the_third_failure_refuses_the_document(home: Home, way: str) -> None:
    now = NOW
    with home.records.write() as tx:
        (job,) = queued(home, tx)
        for attempt in (1, 2, 3):
            assert state_of(tx, job) is DocumentState.RECEIVED
            claimed = jobs.claim(tx, "w", now, LEASE)
            assert claimed is not None
            assert claimed.attempts == attempt
            if way == "its worker gives it back":
                jobs.release(tx, claimed)
            now += LEASE
        assert jobs.claim(tx, "w", now, LEASE) is None
        document = documents.document_without_scope(tx, job.document_id)
        assert document is not None
        assert document.state is DocumentState.REFUSED
        assert document.refusal is not None
        assert document.refusal.code == "poison-document"
        assert jobs.progress(tx)["failed"] == 1


def test_a_poison_document_does_not_hold_up_the_others(home: Home) -> None:
    with home.records.write() as tx:
        poison, good = queued(home, tx, 2)
        now = NOW + MINUTE
        for _ in range(3):
            first = jobs.claim(tx, "w", now, LEASE)
            assert first is not None
            assert first.job_id == poison.job_id
            now += LEASE
        following = jobs.claim(tx, "w", now, LEASE)
        assert following is not None
        assert following.job_id == good.job_id


def test_a_worker_that_stops_in_order_costs_no_attempt_and_may_ask_for_later(home: Home) -> None:
    with home.records.write() as tx:
        queued(home, tx)
        for _ in range(5):
            job = jobs.claim(tx, "w", NOW, LEASE)
            assert job is not None
            assert job.attempts == 1
            jobs.release(tx, job, refund=True)
        job = jobs.claim(tx, "w", NOW, LEASE)
        assert job is not None
        jobs.release(tx, job, not_before=NOW + MINUTE)
        assert jobs.claim(tx, "w", NOW, LEASE) is None
        assert jobs.claim(tx, "w", NOW + MINUTE, LEASE) is not None


def test_a_refusal_is_kept_and_only_failed_ones_are_tried_again(home: Home) -> None:
    with home.records.write() as tx:
        queued(home, tx, 3)
        now = NOW + MINUTE
        bad, good, waiting = (jobs.claim(tx, "w", now, LEASE) for _ in range(3))
        assert bad is not None
        assert good is not None
        assert waiting is not None
        jobs.fail(tx, bad, UNREADABLE)
        jobs.finish(tx, good)
        document = documents.document_without_scope(tx, bad.document_id)
        assert document is not None
        assert (document.state, document.refusal) == (DocumentState.REFUSED, UNREADABLE)
        assert jobs.retry_failed(tx, [good.document_id, waiting.document_id], now) == 0
        assert jobs.retry_failed(tx, [bad.document_id], now) == 1
        assert jobs.retry_failed(tx, None, now, patient_id=bad.patient_id) == 0
        again = jobs.claim(tx, "w", now, LEASE)
        assert again is not None
        assert (again.job_id, again.attempts) == (bad.job_id, 1)
        assert again.fence > bad.fence
        document = documents.document_without_scope(tx, bad.document_id)
        assert document is not None
        assert (document.state, document.refusal) == (DocumentState.RECEIVED, None)


def test_a_removal_fences_off_the_job_that_was_running(home: Home) -> None:
    with home.records.write() as tx:
        queued(home, tx)
        job = jobs.claim(tx, "w", NOW, LEASE)
        assert job is not None
        assert documents.next_fence(tx, job.document_id) > job.fence
    with pytest.raises(Refusal), home.records.write() as tx:
        documents.set_state(tx, job.document_id, DocumentState.SEARCHABLE, fence=job.fence)


def test_threads_share_the_jobs_without_loss_or_double(home: Home) -> None:
    with home.records.write() as tx:
        expected = {job.job_id for job in queued(home, tx, 40)}
    taken: list[JobId] = []

    def work(name: str) -> None:
        while True:
            with home.records.write() as tx:
                job = jobs.claim(tx, name, NOW + MINUTE, LEASE)
            if job is None:
                return
            taken.append(job.job_id)
            with home.records.write() as tx:
                jobs.finish(tx, job)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 40
    assert set(taken) == expected


class Workers(RuleBasedStateMachine):
    """Three workers that claim, renew, finish, fail, give back, die and come back late, against a model of a job."""

    @initialize(count=st.integers(1, 4))
    def fill(self, count: int) -> None:
        self._stack = ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self.home = self._stack.enter_context(opened(Path(folder) / "home"))
        self.now: datetime = NOW + MINUTE
        with self.home.records.write() as tx:
            self.all = {job.job_id for job in queued(self.home, tx, count)}
        self.claims: list[Job] = []
        self.holder: dict[JobId, tuple[Job, datetime]] = {}  # the newest claim and the end of its lease
        self.attempts = dict.fromkeys(self.all, 0)
        self.ended: set[JobId] = set()

    def teardown(self) -> None:
        if hasattr(self, "_stack"):
            self._stack.close()

    @rule(worker=st.sampled_from("abc"))
    def claim(self, worker: str) -> None:
        with self.home.records.write() as tx:
            job = jobs.claim(tx, worker, self.now, LEASE)
        free = {one for one in self.all - self.ended if one not in self.holder or self.holder[one][1] <= self.now}
        spent = {one for one in free if self.attempts[one] >= jobs.MAX_ATTEMPTS}
        if job is None:
            assert free == spent, "a job was lost"
            self.ended |= spent
            return
        assert job.job_id in free - spent, "a job was given to two live holders"
        before = [claim.fence for claim in self.claims if claim.document_id == job.document_id]
        assert job.fence > max(before, default=0)
        self.attempts[job.job_id] += 1
        assert job.attempts == self.attempts[job.job_id]
        self.claims.append(job)
        self.holder[job.job_id] = (job, self.now + LEASE)
        with self.home.records.read() as tx:
            self.ended |= {one for one in spent if self.state(tx, one) is DocumentState.REFUSED}

    def state(self, tx: Tx, job_id: JobId) -> DocumentState:
        return state_of(tx, next(claim for claim in self.claims if claim.job_id == job_id))

    @rule(seconds=st.sampled_from([1, 120, 300, 600]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def act(self, pick: int, verb: str) -> None:
        if not self.claims:
            return
        claim = self.claims[pick % len(self.claims)]
        newest = self.holder.get(claim.job_id, (None, None))[0]
        allowed = newest is not None and newest.fence == claim.fence and claim.job_id not in self.ended
        try:
            with self.home.records.write() as tx:
                match verb:
                    case "renew":
                        jobs.renew(tx, claim, self.now, LEASE)
                    case "finish":
                        jobs.finish(tx, claim)
                    case "fail":
                        jobs.fail(tx, claim, UNREADABLE)
                    case "release":
                        jobs.release(tx, claim)
            refused = None
        except Refusal as refusal:
            refused = refusal.code
        assert refused == (None if allowed else "lease-lost"), f"{verb}: {refused}"
        if refused:
            return
        if verb == "renew":
            self.holder[claim.job_id] = (claim, self.now + LEASE)
            return
        del self.holder[claim.job_id]
        if verb != "release" or self.attempts[claim.job_id] >= jobs.MAX_ATTEMPTS:
            self.ended.add(claim.job_id)

    @rule(pick=st.integers(0, 30))
    def renew(self, pick: int) -> None:
        self.act(pick, "renew")

    @rule(pick=st.integers(0, 30))
    def finish(self, pick: int) -> None:
        self.act(pick, "finish")

    @rule(pick=st.integers(0, 30))
    def fail(self, pick: int) -> None:
        self.act(pick, "fail")

    @rule(pick=st.integers(0, 30))
    def release(self, pick: int) -> None:
        self.act(pick, "release")

    @invariant()
    def every_job_is_somewhere(self) -> None:
        if not hasattr(self, "home"):
            return
        with self.home.records.read() as tx:
            counts = jobs.progress(tx)
        assert sum(counts.values()) == len(self.all)
        assert counts["done"] + counts["failed"] == len(self.ended)
        assert counts["leased"] == len(self.holder.keys() - self.ended)


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
