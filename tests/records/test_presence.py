"""Who holds what when processes die and clocks are set."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from access.identifiers import PatientId
from access.refusal import Refusal
from records import documents, jobs, outbox
from records.documents import DocumentState
from records.presence import Presence
from records.recovery import take_over
from tests.records.building import NOW, Home, deposit, patient

LEASE = timedelta(minutes=10)
DAY = timedelta(days=1)
LIVE = """
import sys
from pathlib import Path
from records.presence import Presence
print(Presence(Path(sys.argv[1])).holder(), flush=True)
sys.stdin.read()
"""


def other_process(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A process that is present, and a holder's name in it."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVE, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=20)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()


def queued(home: Home) -> tuple[PatientId, jobs.Job]:
    with home.records.write() as tx:
        who = patient(tx)
        return who, jobs.enqueue(tx, deposit(home, tx, who).document_id, who, NOW)


def test_a_killed_process_is_dead_at_once_and_a_living_one_is_not(tmp_path: Path) -> None:
    here = Presence(tmp_path / "presence")
    mine = here.name()
    process, holder = other_process(tmp_path / "presence")
    assert here.dead() == set()
    ended(process)
    assert here.dead() == {holder[:16]}
    assert mine not in here.dead()
    here.forget(here.dead())
    assert here.dead() == set()
    here.close()
    assert Presence(tmp_path / "presence").dead() == {mine}


def test_a_fork_is_somebody_else(tmp_path: Path) -> None:
    here = Presence(tmp_path / "presence")
    mine = here.name()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, here.name().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 64).decode()
    os.close(reader)
    os.close(writer)
    assert theirs != mine
    assert here.dead() == {theirs}
    here.close()


def test_what_a_killed_worker_held_is_claimed_without_waiting_for_its_lease(home: Home) -> None:
    who, job = queued(home)
    process, holder = other_process(home.path / "presence")
    with home.records.write() as tx:
        first = jobs.claim(tx, holder, NOW, LEASE)
        outbox.append(tx, who, job.document_id, "put", 1)
        assert outbox.take_cursor(tx, "g", holder, NOW, LEASE)
    assert first is not None
    assert take_over(home.records) == 0
    with home.records.write() as tx:
        assert jobs.claim(tx, "b", NOW, LEASE) is None
        assert not outbox.take_cursor(tx, "g", "b", NOW, LEASE)
    ended(process)
    assert take_over(home.records) == 1
    with home.records.write() as tx:
        second = jobs.claim(tx, "b", NOW, LEASE)
        assert second is not None
        assert (second.job_id, second.attempts) == (job.job_id, 2)
        assert second.fence > first.fence
        assert outbox.take_cursor(tx, "g", "b", NOW, LEASE)
    with pytest.raises(Refusal), home.records.write() as tx:
        jobs.finish(tx, first)
    with pytest.raises(Refusal), home.records.write() as tx:
        outbox.advance(tx, "g", 1, holder=holder, now=NOW)


def test_what_kills_three_workers_is_poison(home: Home) -> None:
    _, job = queued(home)
    for _ in range(3):
        process, holder = other_process(home.path / "presence")
        with home.records.write() as tx:
            assert jobs.claim(tx, holder, NOW, LEASE) is not None
        ended(process)
        take_over(home.records)
    with home.records.write() as tx:
        assert jobs.claim(tx, "b", NOW, LEASE) is None
        document = documents.document_without_scope(tx, job.document_id)
    assert document is not None
    assert (document.state, document.refusal and document.refusal.code) == (DocumentState.REFUSED, "poison-document")


@pytest.mark.parametrize("ahead", [timedelta(hours=2), DAY, 40 * DAY])
def test_a_clock_set_back_does_not_hold_work_for_as_long(home: Home, ahead: timedelta) -> None:
    """Everything was written while the clock was `ahead`; then it was set right."""
    who, job = queued(home)
    wrong = NOW + ahead
    with home.records.write() as tx:
        held = jobs.claim(tx, "elsewhere", wrong, LEASE)
        assert held is not None
        outbox.append(tx, who, job.document_id, "put", 1)
        assert outbox.take_cursor(tx, "g", "elsewhere", wrong, LEASE)
        assert outbox.take_cursor(tx, "g", "b", NOW, LEASE)
        again = jobs.claim(tx, "b", NOW, LEASE)
        assert again is not None
        assert again.job_id == job.job_id
        jobs.release(tx, again, refund=True, not_before=wrong)
        assert jobs.claim(tx, "b", NOW, LEASE) is not None
    with pytest.raises(Refusal), home.records.write() as tx:
        jobs.finish(tx, held)


def test_a_clock_that_jumps_forward_costs_an_attempt_and_nothing_else(home: Home) -> None:
    queued(home)
    with home.records.write() as tx:
        first = jobs.claim(tx, "a", NOW, LEASE)
        second = jobs.claim(tx, "b", NOW + DAY, LEASE)
        assert first is not None
        assert second is not None
    with home.records.write() as tx:
        jobs.renew(tx, second, NOW, LEASE)  # the clock is right again, and the lease with it
        assert jobs.claim(tx, "c", NOW, LEASE) is None
        jobs.finish(tx, second)
    with pytest.raises(Refusal), home.records.write() as tx:
        jobs.finish(tx, first)


@pytest.mark.parametrize("moment", [NOW - DAY, NOW, NOW + timedelta(minutes=4)])
def test_a_wait_of_ours_is_still_waited_for(home: Home, moment: datetime) -> None:
    queued(home)
    with home.records.write() as tx:
        job = jobs.claim(tx, "a", NOW, LEASE)
        assert job is not None
        jobs.release(tx, job, refund=True, not_before=moment)
        assert (jobs.claim(tx, "b", NOW, LEASE) is None) == (moment > NOW)
