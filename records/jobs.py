"""Jobs: a row each, claimed by lease and fencing token. The queue only wakes workers; losing it loses nothing.

    queued → leased → done | failed          leased → queued by `release`, or claimable again when its lease is over

`attempts` grows when a job is claimed, before the work, so that a document that kills its worker is counted too; what
was attempted MAX_ATTEMPTS times without an end is refused as "poison-document". The fence of a job is its document's:
it grows with every claim, and a write that carries an older one is refused.

Clocks are set while work goes on. One that jumps forward ends leases early: the fence makes that harmless. One that
jumps back would make a lease, or a wait, last as long as it jumped: what ends later than any could is over.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Update, cast, func, insert, literal_column, or_, select, update

from access.identifiers import DocumentId, JobId, PatientId
from access.refusal import Refusal
from records import documents, tables
from records.database import Tx
from records.documents import DocumentState
from records.errors import lease_lost
from records.opaque import random_id
from records.presence import NAME
from records.statements import among, as_set

MAX_ATTEMPTS = 3
LONGEST_LEASE = timedelta(hours=1)
LONGEST_WAIT = timedelta(minutes=5)
"""No lease and no wait of this product is longer."""
URGENT, USUAL, BULK = 10, 0, -10
"""Priorities: deposited in an emergency, by somebody who may wait for it, by an import of many."""
_T = tables.Job
_SHORT = cast(_T.long, Integer) < 1  # as "= 0", SQLite sorts all of a priority: its index goes on behind a constant
_QUEUED = _T.state == literal_column("'queued'")  # as `ix_jobs_waiting` says it


@dataclass(frozen=True, slots=True)
class Job:
    """A job as claimed. Whoever holds it may write with its `fence` until `leased_until`."""

    job_id: JobId
    document_id: DocumentId
    patient_id: PatientId
    kind: str
    priority: int
    attempts: int
    fence: int
    leased_until: datetime | None
    stage: str


def enqueue(
    tx: Tx,
    document_id: DocumentId,
    patient_id: PatientId,
    now: datetime,
    *,
    kind: str = "ingest",
    priority: int = 0,
    stage: str = "receive",
) -> Job:
    """Add a job for a document. Higher priorities first, then older ones."""
    job_id = JobId(random_id())
    tx.session.execute(
        insert(_T).values(
            job_id=job_id,
            document_id=document_id,
            patient_id=patient_id,
            kind=kind,
            state="queued",
            stage=stage,
            priority=priority,
            long=False,
            attempts=0,
            fence=0,
            not_before=now,
            created_at=now,
        )
    )
    return Job(job_id, document_id, patient_id, kind, priority, 0, 0, None, stage)


def claim(
    tx: Tx, worker: str, now: datetime, lease: timedelta, kind: str | None = None, *, quick: bool = False
) -> Job | None:
    """Take the next job that nobody holds at `now`, for `lease` (at most LONGEST_LEASE); None when there is none.

    `quick`: only those whose first turn is not over. Jobs that used up their attempts are refused on the way.
    """
    while (row := _next(tx, now, kind, quick=quick)) is not None:
        if row.attempts >= MAX_ATTEMPTS:
            _end(tx, row, poisoned())
            continue
        row.attempts += 1
        row.fence = documents.next_fence(tx, DocumentId(row.document_id))
        row.state, row.holder, row.leased_until = "leased", worker, now + lease
        tx.session.flush()
        return _job(row)
    return None


def renew(tx: Tx, job: Job, now: datetime, lease: timedelta) -> None:
    """Keep a job until now + lease. Refusal "lease-lost" when it was claimed by another since, or ended."""
    _held(tx, job, leased_until=now + lease)


def set_stage(tx: Tx, job: Job, stage: str) -> None:
    """Say how far the work is. Refuses like `renew`."""
    _held(tx, job, stage=stage)


def finish(tx: Tx, job: Job) -> None:
    """The work is done. Refuses like `renew`."""
    _held(tx, job, state="done", holder=None, leased_until=None)


def fail(tx: Tx, job: Job, refusal: Refusal) -> None:
    """The document cannot be read: it becomes REFUSED for this reason, the job failed. Refuses like `renew`."""
    _held(tx, job)
    _end(tx, tx.session.get_one(_T, job.job_id, populate_existing=True), refusal)


def release(tx: Tx, job: Job, *, refund: bool = False, not_before: datetime | None = None) -> None:
    """Give a job back unfinished, to be claimed again (from `not_before` on). Refuses like `renew`.

    The attempt counts, and the last one refuses the document, unless `refund`: for a worker that stops in order.
    """
    _held(tx, job)
    row = tx.session.get_one(_T, job.job_id, populate_existing=True)
    if refund:
        row.attempts -= 1
    if row.attempts >= MAX_ATTEMPTS:
        _end(tx, row, poisoned())
        return
    row.state, row.holder, row.leased_until = "queued", None, None
    row.not_before = row.not_before if not_before is None else not_before
    tx.session.flush()


def free(tx: Tx, names: Collection[str]) -> int:
    """Make the leases of these processes (`Presence.dead`) nobody's. Returns how many there were."""
    freed: Update = update(_T).where(_T.state == "leased", among(func.substr(_T.holder, 1, NAME), "names"))
    result = tx.session.execute(freed.values(state="queued", holder=None, leased_until=None), {"names": as_set(names)})
    return int(result.rowcount)  # type: ignore[attr-defined]


def free_own(tx: Tx, holder: str) -> int:
    """Make what `holder`, who works on nothing now, still holds nobody's: it could not be given back when records were
    away. The attempts count. Returns how many."""
    own: Update = update(_T).where(_T.state == "leased", _T.holder == holder)
    result = tx.session.execute(own.values(state="queued", holder=None, leased_until=None))
    return int(result.rowcount)  # type: ignore[attr-defined]


def again(tx: Tx, document_id: DocumentId, now: datetime) -> None:
    """Have a document read again from its upload, whatever became of it: RECEIVED, with all of its attempts."""
    row = tx.session.scalars(select(_T).where(_T.document_id == document_id, _T.kind == "ingest").limit(1)).first()
    document = documents.document_without_scope(tx, document_id)
    if document is None:
        return
    if row is None:
        enqueue(tx, document_id, document.patient_id, now)
    else:
        row.state, row.attempts, row.not_before, row.stage, row.long = "queued", 0, now, "receive", False
        row.holder, row.leased_until = None, None
    documents.next_fence(tx, document_id)
    documents.set_state(tx, document_id, DocumentState.RECEIVED)


def go_on(tx: Tx, job: Job) -> None:
    """Give a job back because its turn is over and its work got on. Refuses like `renew`.

    Its attempts start again, since an attempt that got on is no failure; from now on it lets shorter jobs of its
    priority pass: a scan of hundreds of pages goes on when none waits.
    """
    _held(tx, job)
    row = tx.session.get_one(_T, job.job_id, populate_existing=True)
    row.state, row.holder, row.leased_until = "queued", None, None
    row.attempts, row.long = 0, True
    tx.session.flush()


def retry_failed(
    tx: Tx, document_ids: Collection[DocumentId] | None, now: datetime, *, patient_id: PatientId | None = None
) -> int:
    """Queue failed jobs again with their attempts back, their documents RECEIVED: of these documents (None: of all),
    of this patient when given. Returns how many."""
    conditions = [_T.state == "failed"]
    if document_ids is not None:
        conditions.append(among(_T.document_id, "document_ids"))
    if patient_id is not None:
        conditions.append(_T.patient_id == patient_id)
    values = {} if document_ids is None else {"document_ids": as_set(document_ids)}
    rows = tx.session.scalars(select(_T).where(*conditions), values).all()
    for row in rows:
        row.state, row.attempts, row.not_before, row.stage, row.long = "queued", 0, now, "receive", False
        documents.set_state(tx, DocumentId(row.document_id), DocumentState.RECEIVED)
    tx.session.flush()
    return len(rows)


def requeue_held(tx: Tx) -> int:
    """Give back every job that somebody held, its attempt too: in a restored home nobody does. Returns how many."""
    statement = update(_T).where(_T.state == "leased")
    values = {"state": "queued", "holder": None, "leased_until": None, "attempts": _T.attempts - 1}
    return int(tx.session.execute(statement.values(values)).rowcount)  # type: ignore[attr-defined]


def last_lease_without_scope(tx: Tx) -> datetime | None:
    """The latest end of a lease: it moves as long as anybody works, however long one document takes."""
    return tx.session.scalars(select(func.max(_T.leased_until)).where(_T.state == "leased")).one()


def oldest(tx: Tx) -> datetime | None:
    """Since when the oldest job that is not over waits; None when there is none."""
    queued = select(_T.created_at).where(_QUEUED).order_by(_T.created_at).limit(1)  # the first of `ix_jobs_waiting`
    leased = select(func.min(_T.created_at)).where(_T.state == "leased")  # as many as work
    return min(filter(None, (tx.session.scalar(queued), tx.session.scalar(leased))), default=None)


def progress(tx: Tx, patient_id: PatientId | None = None) -> dict[str, int]:
    """How many jobs are in each state ("queued", "leased", "done", "failed"), of a patient when given."""
    conditions = [] if patient_id is None else [_T.patient_id == patient_id]
    rows = tx.session.execute(select(_T.state, func.count()).where(*conditions).group_by(_T.state)).all()
    return {"queued": 0, "leased": 0, "done": 0, "failed": 0} | {row[0]: row[1] for row in rows}


def poisoned() -> Refusal:
    """What a document gets that ended no attempt."""
    return Refusal(
        "read",
        "poison-document",
        f"La lecture de ce document a échoué {MAX_ATTEMPTS} fois sans aboutir.",
        "Déposez-le dans un autre format (PDF enregistré à nouveau, image), ou signalez-le à l'administrateur.",
    )


def _next(tx: Tx, now: datetime, kind: str | None, *, quick: bool) -> tables.Job | None:
    """The first of those that wait, or of those whose lease is over: two looks into `ix_jobs_next`, whose order is
    theirs. One statement for both sorted all that waits at every claim, and an import of many was quadratic."""
    waited = or_(_T.not_before <= now, _T.not_before > now + LONGEST_WAIT)
    expired = or_(_T.leased_until <= now, _T.leased_until > now + LONGEST_LEASE)
    wanted = [*([] if kind is None else [_T.kind == kind]), *([_SHORT] if quick else [])]
    found = [
        tx.session.scalars(
            select(_T)
            .where(_T.state == state, free, *wanted)
            .order_by(_T.priority.desc(), _T.long, _T.created_at, _T.job_id)
            .limit(1)
            .with_for_update(skip_locked=True)  # for databases with several writers; SQLite's transaction has the file
            .execution_options(populate_existing=True)
        ).one_or_none()
        for state, free in (("queued", waited), ("leased", expired))
    ]
    return min((row for row in found if row is not None), key=_turn, default=None)


def _turn(row: tables.Job) -> tuple[int, bool, datetime, str]:
    """The order of `_next`."""
    return -row.priority, row.long, row.created_at, row.job_id


def _held(tx: Tx, job: Job, **values: Any) -> None:
    """Change a job's row if this claim is still its newest one and not ended."""
    statement: Update = update(_T).where(_T.job_id == job.job_id, _T.fence == job.fence, _T.state == "leased")
    if not tx.session.execute(statement.values(fence=job.fence, **values)).rowcount:  # type: ignore[attr-defined]
        raise lease_lost()


def _end(tx: Tx, row: tables.Job, refusal: Refusal) -> None:
    row.state, row.holder, row.leased_until, row.stage = "failed", None, None, refusal.stage
    tx.session.flush()
    documents.set_state(tx, DocumentId(row.document_id), DocumentState.REFUSED, refusal=refusal)


def _job(row: tables.Job) -> Job:
    return Job(
        JobId(row.job_id),
        DocumentId(row.document_id),
        PatientId(row.patient_id),
        row.kind,
        row.priority,
        row.attempts,
        row.fence,
        row.leased_until,
        row.stage,
    )
