"""From a stored upload to its pages: the sandbox reads, and what OCR read is kept as it comes.

A page read by OCR costs seconds, so it is kept (sealed, in a blob) before the next one is begun; a worker that is
killed loses one page. When a turn is over, the pages that were not kept yet are, and the job goes back to the queue.
Kept pages are named by document, bytes, recipe and OCR engine: what any other reading kept is never taken.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from access.refusal import Refusal
from ingest.meter import timed
from ingest.sandbox.client import Ended, More, PageRead
from ingest.sandbox.verdict import ChildLost
from ingest.steps import AWAY, Upload
from ingest.workbench import Workbench
from records import jobs, readings
from records.blobs import BlobReader
from records.content import Metadata, Page, Reading
from records.jobs import Job

log = logging.getLogger("anamnese.ingest")
STAGE = "read"
_CHUNK = 1024 * 1024


@timed("read")
def read(job: Job, bench: Workbench, upload: Upload, recipe: str) -> Reading | None:
    """Every page, by a child of its own; None when the turn is over and the rest is for the next one.

    Raises the Refusals of the sandbox, "lease-lost", and ChildLost when the attempt may be repeated.
    """
    document = upload.document
    key = f"{recipe}/{bench.ocr.name}/{document.content_hash}"
    if job.attempts > 1 or job.stage == STAGE:
        upload.kept.update(readings.kept_pages_without_scope(bench.blobs, document, key, bench.limits.pages))
    try:
        fresh, metadata = _turn(job, bench, upload, key)
    except ChildLost as lost:
        log.warning("job %s: its child was lost: %s", job.job_id, lost.why)
        raise
    except Refusal as refusal:
        if refusal.code not in AWAY and refusal.code != "lease-lost":
            forget_pages(bench, upload, recipe)
        raise
    if metadata is None:
        for number in sorted(fresh.keys() - upload.kept):
            readings.save_page_checkpoint(bench.blobs, document, key, fresh[number])
        return None
    old = {
        number: readings.kept_page_without_scope(bench.blobs, document, key, number)
        for number in upload.kept - fresh.keys()
    }
    return Reading(tuple(page for _, page in sorted((old | fresh).items())), metadata)


def forget_pages(bench: Workbench, upload: Upload, recipe: str) -> None:
    """Delete what was kept, once the document has its end."""
    key = f"{recipe}/{bench.ocr.name}/{upload.document.content_hash}"
    readings.drop_page_checkpoints(bench.blobs, upload.document, key, sorted(upload.kept))


def _turn(job: Job, bench: Workbench, upload: Upload, key: str) -> tuple[dict[int, Page], Metadata | None]:
    """One child's work: the pages that it read, and the metadata when it came to the end."""
    fresh: dict[int, Page] = {}
    document = upload.document
    with bench.blobs.open(document.upload) as source:
        for said in bench.sandbox.read(
            _chunks(source), document.file_name, ocr=bench.ocr.name, limits=bench.limits, kept=sorted(upload.kept)
        ):
            if isinstance(said, PageRead):
                fresh[said.page.number] = said.page
                if said.by_ocr:
                    _keep(job, bench, upload, key, said.page)
            elif isinstance(said, Ended):
                return fresh, said.metadata
            elif isinstance(said, More):
                break
    return fresh, None


def _keep(job: Job, bench: Workbench, upload: Upload, key: str, page: Page) -> None:
    """Under the job's fence: a worker that lost its lease learns it here and stops."""
    with bench.records.write() as tx:
        jobs.set_stage(tx, job, STAGE)
    readings.save_page_checkpoint(bench.blobs, upload.document, key, page)
    upload.kept.add(page.number)


def _chunks(source: BlobReader) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk
