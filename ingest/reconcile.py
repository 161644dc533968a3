"""`verify`: records, blobs, jobs and index brought to agree. Records and uploads are right; all else is made again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from access.identifiers import DocumentId
from access.refusal import Refusal
from index.verify import VerifyReport
from ingest.receive import receive
from ingest.workbench import Workbench
from ingest.worker import drain
from records import jobs
from records.recovery import take_over
from records.shelf import BlobRef
from records.survey import Survey, settled, survey

Orphans = Literal["keep", "adopt", "delete"]
_UNREADABLE = frozenset({"index-unreadable"})


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was found and what became of it. `reread`: documents sent back to be read again from their uploads.
    `again`: the same looks after the repairs; what they still find needs a person.
    """

    index: VerifyReport
    found: Survey
    rebuilt: bool
    reread: tuple[DocumentId, ...]
    left: Survey

    @property
    def clean(self) -> bool:
        """Nothing is missing, altered, stuck or unaccounted for now."""
        left = self.left
        return self.index.clean and not (left.lost or left.altered or left.stuck or left.orphans or left.damage)

    def as_dict(self) -> dict[str, object]:
        """The JSON object of `anamnese verify --json`."""
        found = self.found
        return self.index.as_dict() | {
            "blobs": found.blobs,
            "rebuilt": self.rebuilt,
            "lost": list(found.lost),
            "altered": list(found.altered),
            "stuck": list(found.stuck),
            "reread": list(self.reread),
            "orphans": [f"{ref.patient_id}/{ref.name}" for ref in found.orphans],
            "spare": len(found.spare),
            "damage": found.damage,
            "clean": self.clean,
        }

    def lines(self) -> Iterator[str]:
        """French sentences for a terminal; identifiers only."""
        yield from self.index.lines()
        found = self.found
        yield f"Fichiers : {found.blobs} pour {found.documents} document(s)."
        if found.damage:
            yield f"Base des dossiers abîmée ({found.damage} anomalie(s)) : restaurez la dernière sauvegarde."
        for said, those in (
            ("fichier déposé disparu : à restaurer, ou à déposer de nouveau", found.lost),
            ("fichier déposé altéré : à restaurer, ou à déposer de nouveau", found.altered),
            ("en attente sans personne pour le lire, " + ("repris" if self.reread else "à reprendre"), found.stuck),
            ("relu depuis son fichier", self.reread),
        ):
            yield from (f"{one} : {said}" for one in those)
        for ref in self.left.orphans:
            yield f"{ref.patient_id}/{ref.name} : fichier déposé que la base ne connaît pas (--orphans adopt|delete)"
        if found.spare:
            yield f"{found.spare} fichier(s) dérivé(s) inutile(s)."


def reconcile(bench: Workbench, *, repair: bool, everything: bool, orphans: Orphans = "keep") -> Reconciliation:
    """Compare all, and when `repair` mend what can be: the index from records, readings from uploads, documents that
    nobody moves, what is left over. Uploads without a record are kept unless `orphans` says otherwise: after a
    database that lost its end they are all that is left of what was received. Deleting waits until they are old.
    """
    take_over(bench.records)
    index, rebuilt = _index(bench, repair=repair)
    found = _survey(bench, everything=everything)
    if not repair:
        return Reconciliation(index, found, rebuilt, (), found)
    reread = _reread(bench, index, found)
    for ref in found.spare:
        if settled(bench.blobs, ref):
            bench.blobs.delete(ref)
    for ref in found.orphans if orphans != "keep" else ():
        _settle_orphan(bench, ref, adopt=orphans == "adopt")
    if reread or (orphans == "adopt" and found.orphans):
        drain(bench)
        index, _ = _index(bench, repair=True)
    return Reconciliation(index, found, rebuilt, reread, _survey(bench, everything=False, before=found))


def _index(bench: Workbench, *, repair: bool) -> tuple[VerifyReport, bool]:
    """The index compared, and whether it had to be built again because its file cannot be read."""
    try:
        return bench.projector.verify(bench.clock(), repair=repair), False
    except Refusal as refusal:
        if refusal.code not in _UNREADABLE or not repair:
            raise
    bench.projector.reindex(bench.clock())
    return bench.projector.verify(bench.clock(), repair=repair), True


def _survey(bench: Workbench, *, everything: bool, before: Survey | None = None) -> Survey:
    """`before`: a thorough look already done, whose finds about uploads stand, for nothing mends those."""
    now = survey(bench.records, bench.blobs, bench.embedder.fingerprint, everything=everything)
    if before is None:
        return now
    return Survey(now.documents, now.blobs, before.lost, before.altered, now.stuck, now.orphans, now.spare, now.damage)


def _reread(bench: Workbench, index: VerifyReport, found: Survey) -> tuple[DocumentId, ...]:
    """Send back what can be read again: its upload is whole."""
    gone = {*found.lost, *found.altered}
    chosen = tuple(sorted({*index.broken, *found.stuck} - gone))
    with bench.records.write() as tx:
        for document_id in chosen:
            jobs.again(tx, document_id, bench.clock())
    return chosen


def _settle_orphan(bench: Workbench, ref: BlobRef, *, adopt: bool) -> None:
    """Take an upload without a record in as a document of the record that it lies in, or delete it."""
    if not adopt:
        if settled(bench.blobs, ref):
            bench.blobs.delete(ref)
        return
    with bench.blobs.open(ref) as stream:
        receive(
            stream,
            patient_id=ref.patient_id,
            file_name="document retrouvé",
            origin="upload",
            deposited_by="verify",
            deposited_for="",
            blobs=bench.blobs,
            records=bench.records,
            now=bench.clock(),
            limit=bench.limits.bytes,
        )
