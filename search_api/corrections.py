"""A page's text: read it, and correct it where the machine read it badly. The old text is kept, with who and when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from access.acts import Act
from access.refusals import NOT_YOUR_ACT
from access.scope import Basis, Scope
from ingest.correct import CHANGED, LONGEST, corrected, page_of, store
from records import readings
from records.content import Page, Reading
from records.corrections import PageCorrection, corrections
from records.database import Tx
from records.documents import Document
from search_api.desk import NOT_FOUND, AtDesk
from search_api.documents import found, readable
from search_api.services import Services
from search_api.views import PageText

router = APIRouter(prefix="/v1", tags=["documents"])
Number = Annotated[int, Path(ge=1, le=100_000, description="page, à partir de 1")]


class CorrectionBody(BaseModel):
    """`version`: that of the text which is corrected, so that nobody's correction is written over unseen."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=LONGEST)
    version: int = Field(ge=0, le=10**6)


@router.get(
    "/patients/{patient_id}/documents/{document_id}/pages/{number}/text",
    summary="Le texte d'une page, tel qu'il est cherché",
    responses=NOT_FOUND,
)
def read_text(patient_id: str, document_id: str, number: Number, desk: AtDesk) -> PageText:
    """Lu par la machine, ou « texte corrigé par … »."""
    visit = desk.visit(patient_id, "read-page-text")
    with visit.record() as (tx, scope):
        document, page, _ = _page(desk.services, tx, scope, document_id, number)
        known = corrections(tx, scope, document.document_id, number)
    visit.granted([document.document_id], detail=f"page {number}")
    return _view(document, page, known)


@router.put(
    "/patients/{patient_id}/documents/{document_id}/pages/{number}/text",
    summary="Corriger le texte d'une page",
    responses=NOT_FOUND,
)
def write_text(patient_id: str, document_id: str, number: Number, body: CorrectionBody, desk: AtDesk) -> PageText:
    """Par l'auteur du dépôt, son établissement ou le médecin traitant. L'ancien texte est gardé."""
    visit = desk.visit(patient_id, Act.CORRECT)
    with visit.record() as (tx, scope):
        document, page, reading = _page(desk.services, tx, scope, document_id, number)
        _permit(scope, document)
        known = corrections(tx, scope, document.document_id, number)
    if body.version != len(known):
        visit.refused(CHANGED)
        raise CHANGED
    name = desk.caller.name or desk.caller.id
    new = corrected(reading, number, body.text, name, desk.services.embedder)
    made = PageCorrection(
        page=number,
        version=body.version + 1,
        by=desk.caller.id,
        at=desk.now,
        name=name,
        before=page.text,
        after=page_of(new, number).text,
    )
    with visit.act(Act.CORRECT, detail=f"{document.document_id} page {number}") as (tx, scope):
        _permit(scope, found(tx, scope, document.document_id))
        store(tx, desk.services.blobs, document, new, made)
    desk.services.wake()
    return _view(document, page_of(new, number), [*known, made])


def _page(services: Services, tx: Tx, scope: Scope, document_id: str, number: int) -> tuple[Document, Page, Reading]:
    document = readable(found(tx, scope, document_id))
    reading = readings.load_reading(services.blobs, tx, scope, document.document_id)
    page = page_of(reading, number)
    assert reading is not None
    return document, page, reading


def _permit(scope: Scope, document: Document) -> None:
    """Who deposited it, whose establishment did, or the médecin traitant: they answer for what it says."""
    caller = scope.caller
    own = document.deposited_by == caller.id or document.deposited_for in caller.organizations
    if scope.basis not in (Basis.TRAITANT, Basis.GRANT) or not (own or scope.basis is Basis.TRAITANT):
        raise NOT_YOUR_ACT


def _view(document: Document, page: Page, known: list[PageCorrection]) -> PageText:
    last = known[-1] if known else None
    return PageText(
        document_id=document.document_id,
        page=page.number,
        version=len(known),
        text=page.text,
        corrected_by=None if last is None else last.name,
        corrected_at=None if last is None else last.at,
    )
