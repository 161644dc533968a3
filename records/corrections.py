"""Texts of pages as people corrected them: every one is kept, with the text that it replaced, who and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from access.identifiers import DocumentId, PatientId
from access.scope import Scope
from records import tables
from records.database import Tx
from records.documents import get_document
from records.sealed import seal_json, unseal_json

_C = tables.PageCorrection


@dataclass(frozen=True, slots=True)
class PageCorrection:
    """One correction: `version` counts from 1 for each page. `by` is an identifier, `name` what readers are shown."""

    page: int
    version: int
    by: str
    at: datetime
    name: str = field(repr=False)
    before: str = field(repr=False)
    after: str = field(repr=False)


def corrections(tx: Tx, scope: Scope, document_id: DocumentId, page: int) -> list[PageCorrection]:
    """The corrections of a page of a document inside the Scope, oldest first; none outside."""
    document = get_document(tx, scope, document_id)
    if document is None:
        return []
    key = tx.patient_keys(document.patient_id).columns
    rows = tx.session.scalars(select(_C).where(_C.document_id == document_id, _C.page == page).order_by(_C.version))
    return [_opened(row, unseal_json(key, row.sealed, _place(row))) for row in rows]


def _opened(row: tables.PageCorrection, words: dict[str, Any]) -> PageCorrection:
    return PageCorrection(row.page, row.version, row.corrected_by, row.corrected_at, **words)


def versions_without_scope(tx: Tx, document_id: DocumentId, page: int) -> int:
    """How often a page was corrected, for the administration."""
    found = select(func.count()).select_from(_C).where(_C.document_id == document_id, _C.page == page)
    return tx.session.scalar(found) or 0


def add(tx: Tx, patient_id: PatientId, document_id: DocumentId, one: PageCorrection) -> None:
    """Record a correction. `one.version` must be new: the same twice is an error of the database."""
    row = _C(document_id=document_id, page=one.page, version=one.version)
    words = {"name": one.name, "before": one.before, "after": one.after}
    tx.session.execute(
        insert(_C).values(
            document_id=document_id,
            page=one.page,
            version=one.version,
            patient_id=patient_id,
            corrected_by=one.by,
            corrected_at=one.at,
            sealed=seal_json(tx.patient_keys(patient_id).columns, words, _place(row)),
        )
    )


def _place(row: tables.PageCorrection) -> str:
    return f"page_corrections/sealed/{row.document_id}/{row.page}/{row.version}"
