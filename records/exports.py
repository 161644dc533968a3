"""Copies of a record in FHIR: what is being made or was made, for whom, until when. Their files are sealed blobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from access.identifiers import DocumentId, PatientId
from access.scope import Scope
from records import tables
from records.blobs import Blobs
from records.database import Records, Tx
from records.opaque import random_id
from records.sealed import seal_json, unseal_json
from records.shelf import BlobRef

KEPT = timedelta(hours=1)
"""No longer than a blob that no document names is left alone (`records.survey.SETTLED`)."""
BLOB = "export"
"""Kind of the blobs."""
_T = tables.Export


@dataclass(frozen=True, slots=True)
class Export:
    """One copy. `counts`: resources of each file, empty until it is made; `documents`: what is in it."""

    export_id: str
    patient_id: PatientId
    state: str
    holder: str
    started_at: datetime
    expires_at: datetime
    request: str = field(repr=False)
    counts: Mapping[str, int]
    documents: frozenset[DocumentId] = field(repr=False)


def begin(tx: Tx, scope: Scope, documents: Collection[DocumentId], request: str, holder: str, now: datetime) -> Export:
    """Record that a copy of the Scope's documents is being made for its caller, by this right."""
    export_id = random_id()
    said = {
        "caller": [scope.caller.kind, scope.caller.id],
        "grant_version": scope.grant_version,
        "request": request,
        "documents": sorted(documents),
        "counts": {},
    }
    tx.session.execute(
        insert(_T).values(
            export_id=export_id,
            patient_id=scope.patient_id,
            state="making",
            sealed=_sealed(tx, scope.patient_id, export_id, said),
            holder=holder,
            started_at=now,
            expires_at=now + KEPT,
        )
    )
    return _export(tx.session.get_one(_T, export_id), said)


def find(tx: Tx, scope: Scope, export_id: str, now: datetime) -> Export | None:
    """The copy of this name, made for this caller in this record by the right that they still have; None for any
    other, whatever is wrong."""
    row = tx.session.get(_T, export_id, populate_existing=True)
    if row is None or scope.is_empty or row.patient_id != scope.patient_id or row.expires_at <= now:
        return None
    said = unseal_json(tx.patient_keys(scope.patient_id).columns, row.sealed, _aad(export_id))
    mine = said["caller"] == [scope.caller.kind, scope.caller.id] and said["grant_version"] == scope.grant_version
    return _export(row, said) if mine else None


def made(tx: Tx, export: Export, counts: Mapping[str, int]) -> bool:
    """It is complete; False when it was given up meanwhile."""
    row = tx.session.get(_T, export.export_id, populate_existing=True)
    if row is None:
        return False
    key = tx.patient_keys(export.patient_id).columns
    said = unseal_json(key, row.sealed, _aad(export.export_id)) | {"counts": dict(counts)}
    row.sealed, row.state = _sealed(tx, export.patient_id, export.export_id, said), "made"
    tx.session.flush()
    return True


def failed(tx: Tx, export: Export) -> None:
    """It could not be made."""
    tx.session.execute(update(_T).where(_T.export_id == export.export_id).values(state="failed"))


def file_of(blobs: Blobs, export: Export, kind: str) -> BlobRef:
    """Where the resources of a kind are."""
    return blobs.named(export.patient_id, BLOB, key_of(export, kind))


def key_of(export: Export, kind: str) -> str:
    """The key of that blob."""
    return f"{export.export_id} {kind}"


def forget(records: Records, blobs: Blobs, export: Export) -> None:
    """Delete a copy: the row first, so that nothing is offered that is half gone."""
    with records.write() as tx:
        tx.session.execute(delete(_T).where(_T.export_id == export.export_id))
    for kind in export.counts:
        blobs.delete(file_of(blobs, export, kind))


def sweep(records: Records, blobs: Blobs, now: datetime) -> int:
    """Delete what has expired; how many there were."""
    with records.read() as tx:
        over = []
        for row in tx.session.scalars(select(_T).where(_T.expires_at <= now)):
            said = unseal_json(tx.patient_keys(PatientId(row.patient_id)).columns, row.sealed, _aad(row.export_id))
            over.append(_export(row, said))
    for export in over:
        forget(records, blobs, export)
    return len(over)


def _export(row: tables.Export, said: Mapping[str, Any]) -> Export:
    return Export(
        export_id=row.export_id,
        patient_id=PatientId(row.patient_id),
        state=row.state,
        holder=row.holder,
        started_at=row.started_at,
        expires_at=row.expires_at,
        request=said["request"],
        counts=dict(said["counts"]),
        documents=frozenset(DocumentId(one) for one in said["documents"]),
    )


def _sealed(tx: Tx, patient_id: PatientId, export_id: str, said: dict[str, Any]) -> bytes:
    return seal_json(tx.patient_keys(patient_id).columns, said, _aad(export_id))


def _aad(export_id: str) -> str:
    return f"exports/sealed/{export_id}"
