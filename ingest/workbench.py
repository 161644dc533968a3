"""The ports that the recipe works with, built by a composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from index.embedders.port import Embedder
from index.projector import Projector
from ingest.limits import Limits
from ingest.sandbox.client import Sandbox, shared_sandbox
from ocr.port import Ocr
from records.blobs import Blobs
from records.database import Records


def utc_now() -> datetime:
    """The clock of a composition root."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a worker needs. `lease` is how long a job stays its worker's without a renewal.

    `ocr` is only asked its name here: the sandbox's children use such an engine.
    """

    records: Records
    blobs: Blobs
    projector: Projector
    embedder: Embedder
    ocr: Ocr
    limits: Limits = field(default_factory=Limits)
    bulk_limit: int = 2 * 1024**3  # bytes that an archive which is sent to be imported may expand to
    clock: Callable[[], datetime] = utc_now
    lease: timedelta = timedelta(minutes=10)
    sandbox: Sandbox = field(default_factory=shared_sandbox)
    restricted_masks: bool = True  # of the policy: what arrives as R or V is masked
