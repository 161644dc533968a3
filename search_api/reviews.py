"""What a person looks at afterwards: openings by break-glass for the auditor, succession requests for who decides."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict

from access.acts import Act, administers
from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import CallerKind
from records import emergencies, relations
from search_api.act_views import EmergencyLine, EmergencyList, RequestLine, RequestList
from search_api.desk import PROBLEM, AtDesk, Desk
from search_api.kin import ReviewBody

router = APIRouter(prefix="/v1", tags=["reviews"])
MISSING: dict[int | str, dict[str, Any]] = {404: {**PROBLEM, "description": "rien de tel à relire"}}

MOST_REQUESTS = 500  # those behind them come up as they are decided
NO_SUCH_REQUEST = Refusal("act", "no-such-request", "Rien de tel à relire.", "Reprenez la liste.")


class VerdictBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    verdict: Literal["justified", "unjustified"]


@router.get("/reviews/break-glass", summary="Les accès d'urgence à relire (auditeur)")
def read_emergencies(
    desk: AtDesk,
    unreviewed: Annotated[bool, Query(description="seulement ceux que personne n'a relus")] = True,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> EmergencyList:
    """Qui a ouvert quel dossier, pourquoi, jusqu'à quand ; jamais ce qu'il contient."""
    _only(desk, desk.caller.kind is CallerKind.AUDITOR, "review-emergencies")
    with desk.services.records.read() as tx:
        found = emergencies.emergencies_for_audit_without_scope(tx, unreviewed=unreviewed, limit=limit)
    desk.visit("", "review-emergencies").granted()
    return EmergencyList(emergencies=[EmergencyLine(**dataclasses.asdict(each)) for each in found])


@router.post(
    "/reviews/break-glass/{emergency_id}",
    summary="Juger un accès d'urgence (auditeur)",
    status_code=204,
    responses=MISSING,
)
def review_emergency(emergency_id: Annotated[str, Path(max_length=64)], body: VerdictBody, desk: AtDesk) -> None:
    """Justifié ou non ; inscrit au journal du patient."""
    _only(desk, desk.caller.kind is CallerKind.AUDITOR, Act.REVIEW)
    with desk.services.records.write() as tx:
        patient_id = emergencies.review_emergency(tx, emergency_id, body.verdict, desk.now, desk.caller.id)
        if patient_id is None:
            raise NO_SUCH_REQUEST
        desk.visit(patient_id, Act.REVIEW).append(tx, "granted", detail=f"{emergency_id} {body.verdict}")


@router.get("/reviews/succession", summary="Les demandes d'ayants droit à examiner (administration)")
def read_requests(desk: AtDesk) -> RequestList:
    """Les 500 plus anciennes ; une décision fait place aux suivantes.

    Une demande est aussi reçue pour qui n'a pas de dossier ici : l'examen le dira."""
    _only(desk, administers(Act.REVIEW, desk.caller.kind), "review-succession")
    with desk.services.records.read() as tx:
        found = relations.requests_without_scope(tx, MOST_REQUESTS)
    desk.visit("", "review-succession").granted()
    return RequestList(
        requests=[
            RequestLine(
                relation_id=each.relation_id,
                patient_id=each.patient_id,
                person=each.person,
                kind=each.kind,
                purpose=each.purpose,
                requested_at=each.valid_from,
            )
            for each in found
        ]
    )


@router.post(
    "/reviews/succession/{relation_id}",
    summary="Décider d'une demande (administration)",
    status_code=204,
    responses=MISSING,
)
def review_request(relation_id: Annotated[str, Path(max_length=64)], body: ReviewBody, desk: AtDesk) -> None:
    """Ce qu'elle ouvre et jusqu'à quand ; une opposition du patient l'emporte toujours."""
    _only(desk, administers(Act.REVIEW, desk.caller.kind), Act.REVIEW)
    with desk.services.records.write() as tx:
        patient_id = relations.review_succession(
            tx,
            relation_id,
            approved=body.approved,
            categories=body.categories,
            valid_until=body.valid_until,
            now=desk.now,
            by=desk.caller.id,
        )
        if patient_id is None:
            raise NO_SUCH_REQUEST
        desk.visit(patient_id, Act.REVIEW).append(tx, "granted", detail=f"{relation_id} {body.approved}")


def _only(desk: Desk, allowed: bool, action: str) -> None:
    """Refuse, and journal, whoever this is not for."""
    if not allowed:
        desk.visit("", action).refused(NOT_YOUR_ACT)
        raise NOT_YOUR_ACT
