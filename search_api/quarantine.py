"""The quarantine, for identity vigilance: what each document states of an identity, and a person's decision on it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from access.identifiers import DocumentId, PatientId, is_opaque_id, parse_ins
from access.identitovigilance import Vigilance, permit
from access.refusal import Refusal
from ingest.quarantine import Decision, Held, Stores, Which, queue, settle
from records.patients import Identity, patient_id_of_ins
from search_api.desk import PROBLEM, AtDesk, Desk
from search_api.services import Services
from search_api.view_base import View

router = APIRouter(prefix="/v1", tags=["quarantine"])
BAD_INS = Refusal(
    "ask", "bad-ins", "Cette identité n'a pas la forme ou la clé d'un INS.", "Relisez ou scannez de nouveau."
)


class EvidenceView(View):
    """One identity that a document states and that is not the record's. `page` null: the structured header."""

    page: int | None
    found: list[str] = Field(description="ce que le document dit : nom, naissance, sexe, INS")
    reasons: list[str] = Field(description="ins, name, first-name, birth-date, sex, birth-place, child")
    quote: str
    boxes: list[tuple[float, float, float, float]] = Field(description="en unités de la page, origine en haut à gauche")


class SetAsideView(View):
    """Who refused the document, when, and the reason they gave."""

    by: str
    at: str
    reason: str


class HeldView(View):
    """A quarantined document. Nothing else of it is shown: neither its text nor its title or author."""

    document_id: str
    patient_id: str
    received_at: str
    origin: str
    deposited_for: str = Field(description="FINESS de l'établissement qui l'a déposé, s'il est connu")
    against: list[str] = Field(description="l'identité du dossier")
    evidence: list[EvidenceView]
    set_aside: SetAsideView | None = Field(
        description="qui l'a écarté, quand, pourquoi ; null : en quarantaine, ou écarté avant que cela ne soit gardé"
    )
    broken_signature: bool = Field(False, description="mail signé dont la signature est rompue")


class QuarantineList(View):
    """Oldest first. `next` continues the list: pass it as `after`."""

    documents: list[HeldView]
    next: str | None


class DecisionBody(BaseModel):
    """What was decided and why. `reassign` names the other patient by INS or id."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["release", "reassign", "refuse", "reopen"]
    reason: str = Field(min_length=3, max_length=1000, description="inscrit au journal, lisible par l'auditeur")
    ins: str | None = Field(None, max_length=40)
    patient_id: str | None = Field(None, max_length=40)
    confirm: bool = Field(False, description="réattribuer même si le document contredit aussi cet autre patient")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.decision == "reassign") != ((self.ins is None) != (self.patient_id is None)):
            raise ValueError("reassign names a patient, by ins or patient_id; the other decisions name none")
        return self


class SettledView(View):
    """Where the document is now. A reassigned one has another id."""

    document_id: str
    patient_id: str
    state: str


@router.get("/quarantine", summary="Les documents en quarantaine")
def read_quarantine(
    desk: AtDesk,
    limit: Annotated[int, Query(ge=1, le=200, description="documents")] = 50,
    after: Annotated[str | None, Query(max_length=40, description="suite d'une liste : `next`")] = None,
    state: Annotated[Which, Query(description="refused : ceux qu'une personne a écartés")] = "quarantined",
) -> QuarantineList:
    """Réservé à la cellule d'identitovigilance. Chaque dossier concerné en garde la trace."""
    right = permitted(desk, "quarantine-list" if state == "quarantined" else "quarantine-refused")
    start = DocumentId(after) if after is not None and is_opaque_id(after) else None
    held = queue(
        stores_of(desk.services),
        right,
        limit=limit + 1,
        now=desk.now,
        request_id=desk.request_id,
        after=start,
        which=state,
    )
    shown = held[:limit]
    return QuarantineList(
        documents=[view_of(one) for one in shown], next=shown[-1].document_id if len(held) > limit else None
    )


@router.post(
    "/quarantine/{document_id}",
    summary="Libérer, réattribuer, écarter ou reprendre un document",
    responses={
        404: {**PROBLEM, "description": "aucun dossier de ce patient"},
        409: {**PROBLEM, "description": "le document n'est plus en quarantaine, ou contredit aussi l'autre patient"},
    },
)
def decide_quarantine(document_id: str, body: DecisionBody, desk: AtDesk) -> SettledView:
    """La même décision envoyée de nouveau reçoit la même réponse."""
    right = permitted(desk, f"quarantine-{body.decision}")
    name = DocumentId(document_id if is_opaque_id(document_id) else "a" * 26)
    to = _target(desk.services, body)
    decision = Decision(body.decision, body.reason.strip(), to, body.confirm)
    try:
        settled = settle(stores_of(desk.services), right, name, decision, desk.now, desk.request_id)
    except Refusal as refusal:  # it may say that a patient is known, or who they are not: never without a trace
        if refusal.stage == "settle":
            desk.visit(to or "", f"quarantine-{body.decision}").refused(refusal)
        raise
    desk.services.wake()
    return SettledView(document_id=settled.document_id, patient_id=settled.patient_id, state=settled.state.value)


def permitted(desk: Desk, action: str) -> Vigilance:
    """The right of the caller; refused, and journalled, to everybody else."""
    right = permit(desk.caller)
    if isinstance(right, Refusal):
        desk.visit("", action).refused(right)
        raise right
    return right


def stores_of(services: Services) -> Stores:
    """What a decision works on, out of the API's services."""
    fingerprint = services.embedder.fingerprint if services.embedder.dimensions else ""
    return Stores(services.records, services.blobs, fingerprint, services.policy.restricted_masks)


def view_of(held: Held) -> HeldView:
    """A quarantined document as identity vigilance sees it."""
    return HeldView(
        document_id=held.document_id,
        patient_id=held.patient_id,
        received_at=held.received_at.isoformat(),
        origin=held.origin,
        deposited_for=held.deposited_for,
        against=list(said(held.identity)),
        evidence=[
            EvidenceView(
                page=one.page,
                found=list(one.found),
                reasons=list(one.reasons),
                quote=one.quote,
                boxes=list(one.boxes),
            )
            for one in held.evidence
        ],
        set_aside=None
        if (aside := held.set_aside) is None
        else SetAsideView(by=aside.by, at=aside.at.isoformat(), reason=aside.reason),
        broken_signature=held.broken_signature,
    )


def said(identity: Identity | None) -> list[str]:
    """A record's identity, trait by trait."""
    if identity is None:
        return []
    names = " ".join(filter(None, (identity.family_name, identity.given_names)))
    used = f"nom utilisé {identity.used_name}" if identity.used_name else ""
    born = "" if identity.birth_date is None else f"né(e) le {identity.birth_date:%d/%m/%Y}"
    place = f"lieu de naissance {identity.birth_place}" if identity.birth_place else ""
    ins = "" if identity.ins is None else f"INS {identity.ins.matricule}"
    return list(filter(None, (names, used, born, f"sexe {identity.sex}", place, ins)))


def _target(services: Services, body: DecisionBody) -> PatientId | None:
    if body.ins is not None:
        ins = parse_ins(body.ins)
        if ins is None:
            raise BAD_INS
        return patient_id_of_ins(services.keys, ins)
    if body.patient_id is not None:
        return PatientId(body.patient_id if is_opaque_id(body.patient_id) else "a" * 26)
    return None
