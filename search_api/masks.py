"""Acts on one document: masked, hidden from the patient, secret from representatives; versions and twins follow."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from access.acts import Act
from access.refusals import NOT_YOUR_ACT
from access.scope import Basis, Scope
from records import documents, masks
from records.database import Tx
from records.documents import Document
from search_api.act_views import MaskList
from search_api.desk import NOT_FOUND, PROBLEM, AtDesk
from search_api.documents import found

router = APIRouter(prefix="/v1", tags=["masks"])
From = Literal["professionals", "patient", "representatives"]
CONFLICT: dict[int | str, dict[str, Any]] = {
    **NOT_FOUND,
    409: {**PROBLEM, "description": "l'état du document ne le permet pas"},
}


class MaskBody(BaseModel):
    """`hidden_from`: professionals (mask), patient (to be announced), representatives (the minor's secret)."""

    model_config = ConfigDict(extra="forbid")

    document_id: str = Field(max_length=64)
    hidden_from: From = "professionals"


_HIDE = {"professionals": Act.MASK, "patient": Act.HIDE, "representatives": Act.SECRET}
_SHOW = {"professionals": Act.UNMASK, "patient": Act.ANNOUNCE, "representatives": Act.OPEN_SECRET}


@router.get("/patients/{patient_id}/masks", summary="Les documents masqués")
def read_masks(patient_id: str, desk: AtDesk) -> MaskList:
    """Pour le patient et son médecin traitant ; personne d'autre n'en sait rien."""
    visit = desk.visit(patient_id, "read-masks")
    with visit.record() as (tx, scope):
        listed = documents.list_documents(tx, scope) if scope.oversees else []
    masked = [each.document_id for each in listed if each.masked]
    secret = [each.document_id for each in listed if each.hidden_from_representatives]
    visit.granted(sorted({*masked, *secret}))
    return MaskList(patient_id=visit.patient_id, masked=[*masked], hidden_from_representatives=[*secret])


@router.post("/patients/{patient_id}/masks", summary="Masquer un document", status_code=204, responses=CONFLICT)
def hide(patient_id: str, body: MaskBody, desk: AtDesk) -> None:
    """Masqué et caché au patient à la fois est refusé. Effet dès la requête suivante, sans réindexation."""
    act = _HIDE[body.hidden_from]
    visit = desk.visit(patient_id, act)
    with visit.act(act, detail=body.document_id) as (tx, scope):
        document = _theirs(tx, scope, body.document_id, act)
        if act is Act.MASK:
            masks.mask(tx, document.document_id, desk.caller.id, desk.now, desk.services.policy)
        elif act is Act.HIDE:
            masks.hide_from_patient(tx, document.document_id, desk.now)
        else:
            masks.hide_from_representatives(tx, document.document_id)


@router.delete(
    "/patients/{patient_id}/masks/{document_id}", summary="Montrer de nouveau", status_code=204, responses=CONFLICT
)
def show(
    patient_id: str,
    document_id: Annotated[str, Path(max_length=64)],
    desk: AtDesk,
    hidden_from: Annotated[From, Query(description="à qui il était caché")] = "professionals",
) -> None:
    """Démasquer, annoncer au patient, ou ouvrir aux représentants, ce qui ne se reprend pas."""
    act = _SHOW[hidden_from]
    visit = desk.visit(patient_id, act)
    with visit.act(act, detail=document_id) as (tx, scope):
        document = _theirs(tx, scope, document_id, act)
        if act is Act.UNMASK:
            masks.unmask(tx, document.document_id)
        elif act is Act.ANNOUNCE:
            masks.announce(tx, document.document_id)
        else:
            masks.open_to_representatives(tx, document.document_id)


def _theirs(tx: Tx, scope: Scope, document_id: str, act: Act) -> Document:
    """The document, inside the Scope. Hiding from the patient is its author's or the médecin traitant's act."""
    document = found(tx, scope, document_id)
    if act is Act.HIDE and scope.basis is not Basis.TRAITANT and document.deposited_by != scope.caller.id:
        raise NOT_YOUR_ACT
    return document
