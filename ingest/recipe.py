"""The way of a byte, from a claimed job to a stored reading. The CLI, the worker and the Celery task call it.

The last step, into the index, is the projector's: it follows the outbox that `store` writes to, so an index that is
down delays a document and never costs it an attempt.
"""

from __future__ import annotations

import dataclasses

from access.refusal import Refusal
from clinical.identity import compare, unreleased
from index.embedders.port import fits, quantise
from ingest.meter import timed
from ingest.read import forget_pages, read
from ingest.split import split
from ingest.steps import go_on, hold, quarantine, refuse, store, take, withdraw
from ingest.told import once
from ingest.workbench import Workbench
from records.content import Reading
from records.documents import DocumentState
from records.jobs import Job

VERSION = "7"
"""Names the reading in what is stored; raise it when the same bytes would be read otherwise."""


def ingest(job: Job, bench: Workbench) -> DocumentState:
    """Take one claimed job as far as records go: READING (the projector makes it searchable), quarantined, refused."""
    try:
        upload = take(job, bench)
        reading = read(job, bench, upload, VERSION)
        if reading is None:
            return go_on(job, bench)
        doubt = unreleased(compare(upload.identity, reading.metadata, reading.pages), upload.document.released)
        if doubt is None and not upload.waits and reading.metadata.cancels and not reading.pages:
            return withdraw(job, bench, reading.metadata)
        reading = _cut(reading, bench)
        vectors = _embed(reading, bench)
        if upload.waits:
            state = hold(job, bench, upload, reading, vectors)
        elif doubt is not None:
            state = quarantine(job, bench, upload, reading, vectors, doubt)
        else:
            state = store(job, bench, upload, reading, vectors)
        forget_pages(bench, upload, VERSION)
        return state
    except Refusal as refusal:
        return refuse(job, bench, refusal)


@timed("split")
def _cut(reading: Reading, bench: Workbench) -> Reading:
    passages = split(reading.pages, lambda text: fits(bench.embedder, text))
    return dataclasses.replace(reading, pages=once(reading.pages), passages=passages, recipe=VERSION)


@timed("embed")
def _embed(reading: Reading, bench: Workbench) -> bytes:
    """int8 vectors of the passages in order, dimensions bytes each; empty in words-only mode."""
    if not bench.embedder.dimensions or not reading.passages:
        return b""
    vectors = bench.embedder.embed_passages([passage.text for passage in reading.passages])
    return quantise(vectors, bench.embedder.scale).tobytes()
