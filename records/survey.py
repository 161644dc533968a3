"""Records against blobs and jobs, for `verify`: what is missing, damaged, forgotten or left over. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from records import tables
from records.blobs import Blobs
from records.database import Records
from records.documents import DocumentState
from records.readings import spare_blobs_without_scope
from records.shelf import BlobRef

SETTLED = 3600.0  # seconds after which a blob without a record is no upload or reading that is still going on
_UPLOAD = "upload"
_STEP = 1_000  # documents a read
_MOVING = frozenset({DocumentState.RECEIVED, DocumentState.READING})


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found. `lost` and `altered`: documents whose uploaded bytes are gone, or are not what was received.
    `stuck`: on their way with no job to move them. `orphans`: uploads that no record knows. `spare`: readings, vectors
    and pages that nothing refers to. `damage`: problems in the database's own pages.
    """

    documents: int
    blobs: int
    lost: tuple[DocumentId, ...]
    altered: tuple[DocumentId, ...]
    stuck: tuple[DocumentId, ...]
    orphans: tuple[BlobRef, ...]
    spare: tuple[BlobRef, ...]
    damage: int


def survey(records: Records, blobs: Blobs, fingerprint: str, *, everything: bool) -> Survey:
    """Look at every document and every blob. Each upload is opened, which proves that it is whole and its own;
    `everything` also reads and authenticates all of its bytes. `fingerprint`: the embedder's whose vectors are kept.
    """
    damage = records.damage()
    lost: list[DocumentId] = []
    altered: list[DocumentId] = []
    count = 0
    for document_id, ref, content_hash in _uploads(records):
        count += 1
        try:
            whole = _authentic(blobs, ref, content_hash, everything=everything)
        except Refusal as refusal:
            if refusal.code == "key-destroyed":  # erased on purpose
                continue
            (lost if refusal.code == "blob-missing" else altered).append(document_id)
        else:
            if not whole:
                altered.append(document_id)
    with records.read() as tx:
        stuck = _stuck(tx.session.execute(_JOBS).all())
        left = tuple(spare_blobs_without_scope(blobs, tx, (fingerprint,)))
    orphans = tuple(ref for ref in left if ref.kind == _UPLOAD)
    spare = tuple(ref for ref in left if ref.kind != _UPLOAD)
    total = sum(1 for _ in blobs.walk())
    return Survey(count, total, tuple(lost), tuple(altered), stuck, orphans, spare, damage)


def settled(blobs: Blobs, ref: BlobRef) -> bool:
    """Whether a blob is old enough that nobody is about to record it."""
    kept = blobs.shelf.find(ref)
    return kept is not None and time.time() - kept.mtime / 1e9 > SETTLED


_D, _J, _O = tables.Document, tables.Job, tables.OutboxEvent
_FOLLOWED = select(func.coalesce(func.max(tables.Cursor.seq), 0)).scalar_subquery()
_JOBS = (
    select(_D.document_id, _J.state.label("job"))
    .join(_J, _J.document_id == _D.document_id, isouter=True)
    .where(_D.state.in_(sorted(_MOVING)), _D.document_id.not_in(select(_O.document_id).where(_O.seq > _FOLLOWED)))
)


def _uploads(records: Records) -> Iterator[tuple[DocumentId, BlobRef, str]]:
    """Some at a time: no transaction is open while files are read, and no home is whole in memory."""
    some = select(_D.document_id, _D.patient_id, _D.blob, _D.content_hash).order_by(_D.document_id).limit(_STEP)
    last = ""
    while True:
        with records.read() as tx:
            rows = tx.session.execute(some.where(_D.document_id > last)).all()
        for row in rows:
            yield DocumentId(row.document_id), BlobRef(PatientId(row.patient_id), row.blob), row.content_hash
        if len(rows) < _STEP:
            return
        last = rows[-1].document_id


def _authentic(blobs: Blobs, ref: BlobRef, content_hash: str, *, everything: bool) -> bool:
    with blobs.open(ref) as reader:
        return not everything or blobs.content_hash(ref.patient_id, reader) == content_hash


def _stuck(rows: object) -> tuple[DocumentId, ...]:
    """Documents on their way, with nothing left to follow in the outbox, whose jobs, if any, all ended."""
    alive: dict[str, bool] = {}
    for row in rows:  # type: ignore[attr-defined]
        alive[row.document_id] = alive.get(row.document_id, False) or row.job in {"queued", "leased"}
    return tuple(sorted(DocumentId(one) for one, moves in alive.items() if not moves))
