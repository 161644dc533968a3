"""What says to replace or cancel another sender's document, for identity vigilance: who sent what, and a decision."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from access.senders import Sender
from records import contested
from records.contested import Contest
from search_api.desk import PROBLEM, AtDesk
from search_api.quarantine import permitted
from search_api.view_base import View

router = APIRouter(prefix="/v1", tags=["quarantine"])


class NamedView(View):
    """A document of another sender. `cancelled`: it is said to be withdrawn; else to be replaced or completed."""

    document_id: str
    senders: str = Field(description="déposant et établissement")
    cancelled: bool


class ClaimView(View):
    """A document that names others. Nothing that it or they say is shown."""

    document_id: str
    patient_id: str
    received_at: str
    senders: str
    others: list[NamedView]


class ClaimList(View):
    """Oldest first."""

    claims: list[ClaimView]


class VerdictBody(BaseModel):
    """`accepted`: it does what it says; else nothing changes."""

    model_config = ConfigDict(extra="forbid")

    accepted: bool
    reason: str = Field(min_length=3, max_length=1000, description="inscrit au journal, lisible par l'auditeur")


class VerdictView(View):
    """What was decided; the last word counts."""

    document_id: str
    patient_id: str
    accepted: bool


@router.get("/claims", summary="Les documents qui disent remplacer ou annuler celui d'un autre émetteur")
def read_claims(desk: AtDesk, limit: Annotated[int, Query(ge=1, le=200, description="documents")] = 50) -> ClaimList:
    """Réservé à la cellule d'identitovigilance. Rien ne change avant sa décision ; chaque dossier en garde la trace."""
    right = permitted(desk, "claim-list")
    with desk.services.records.write() as tx:
        found = contested.show(tx, right, limit, desk.now, desk.request_id)
    return ClaimList(claims=[view_of(one) for one in found])


@router.post(
    "/claims/{document_id}",
    summary="Laisser un document en remplacer ou annuler un autre, ou non",
    responses={404: {**PROBLEM, "description": "aucun document de ce nom n'en conteste un autre"}},
)
def decide_claim(document_id: str, body: VerdictBody, desk: AtDesk) -> VerdictView:
    """L'émetteur nommé a été interrogé : le document fait ce qu'il dit, ou rien ne change."""
    right = permitted(desk, "claim-accept" if body.accepted else "claim-refuse")
    with desk.services.records.write() as tx:
        settled = contested.settle(
            tx, right, document_id, desk.now, desk.request_id, accepted=body.accepted, reason=body.reason.strip()
        )
    desk.services.wake()  # the index follows
    return VerdictView(document_id=settled.claims.document_id, patient_id=settled.patient_id, accepted=body.accepted)


def view_of(one: Contest) -> ClaimView:
    """One as identity vigilance sees it."""
    return ClaimView(
        document_id=one.claims.document_id,
        patient_id=one.patient_id,
        received_at=one.claims.received_at.isoformat(),
        senders=sent_by(one.claims.senders),
        others=[
            NamedView(
                document_id=other.document_id,
                senders=sent_by(other.senders),
                cancelled=other.document_id in one.cancels,
            )
            for other in one.others
        ],
    )


def sent_by(senders: Iterable[Sender]) -> str:
    """Who sent a document, each with their establishment, in one line."""
    return ", ".join(sorted(" ".join(filter(None, (one.depositor, one.organization))) for one in senders))
