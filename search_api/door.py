"""The two ways on from the closed door: "patient présent et d'accord" and "urgence vitale".

Attesting answers the same for every identity, existing or not, closed or blocked: it tells nothing, and what it opens
shows on the next request. Break-glass opens or gives the door's one answer. Both are limited by the hour, whoever the
patient, and each attempt is journalled.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from access.acts import Act
from access.decide import role_refusal
from access.emergency import emergency_role_refusal, may_break_glass
from access.facts import GranteeKind, GrantKind
from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import CallerKind, Purpose
from records import emergencies, grants
from records.notifications import notify
from records.rights import access_facts
from search_api.act_views import EmergencyView, GrantView
from search_api.desk import PROBLEM, AtDesk, Desk
from search_api.traitant import tell_traitants
from search_api.visit import Visit

router = APIRouter(prefix="/v1", tags=["door"])
HOUR = timedelta(hours=1)
TOO_MANY_DETAIL: dict[int | str, dict[str, Any]] = {
    429: {**PROBLEM, "description": "trop de demandes de ce professionnel en une heure"}
}

TOO_MANY = Refusal(
    "grant",
    "too-many-attempts",
    "Trop de demandes d'accès en une heure.",
    "Attendez, ou faites prendre le relais par un confrère ; l'auditeur verra ces demandes.",
)


class BreakGlassBody(BaseModel):
    """The reason in one tap; a comment if there is time, which only the auditor reads."""

    model_config = ConfigDict(extra="forbid")

    reason: Literal["unconscious", "life_threatening", "cannot_consent", "other"]
    comment: str = Field("", max_length=500)


@router.post(
    "/patients/{patient_id}/break-glass",
    summary="Urgence vitale : ouvrir le dossier, ou prolonger l'accès en cours",
    status_code=201,
    responses=TOO_MANY_DETAIL,
)
def break_glass(patient_id: str, body: BreakGlassBody, desk: AtDesk) -> EmergencyView:
    """Le patient est en danger et ne peut pas consentir. Borné, inscrit au journal, notifié, relu par l'auditeur."""
    visit = desk.visit(patient_id, Act.BREAK_GLASS)
    return EmergencyView(patient_id=visit.patient_id, until=break_in(visit, body.reason, body.comment))


def break_in(visit: Visit, reason: str, comment: str) -> datetime:
    """Open an emergency access, or extend the one that is open, and say until when. HTTP and the command call it."""
    services, caller, now = visit.services, visit.caller, visit.now
    knock(visit, "break-glass", emergency_role_refusal(caller, services.policy))
    try:
        with services.records.write() as tx:
            facts = access_facts(tx, caller, visit.patient_id, now, services.policy)
            if (refusal := may_break_glass(caller, facts, services.policy)) is not None:
                raise refusal
            visit.append(tx, "granted", detail=comment, reason=reason, purpose=Purpose.EMERGENCY)
            _, until = emergencies.break_glass(tx, visit.patient_id, caller, reason, now, services.policy)
            notify(tx, visit.patient_id, "break_glass", now)
            tell_traitants(tx, facts, now, opened_by=caller.id)
    except Refusal as refusal:
        visit.refused(refusal)
        raise
    return until


@router.delete("/patients/{patient_id}/break-glass", summary="Terminer l'accès d'urgence", status_code=204)
def end_break_glass(patient_id: str, desk: AtDesk) -> None:
    """Avant son terme : l'urgence est passée."""
    visit = desk.visit(patient_id, Act.END_BREAK_GLASS)
    with visit.act(Act.END_BREAK_GLASS) as (tx, scope):
        for identity in sorted(scope.identities):
            emergencies.end_emergency(tx, identity, desk.caller.id, desk.now)


def attest(patient_id: str, desk: Desk, valid_until: datetime | None) -> GrantView:
    """Record that the patient is present and agrees: for this professional alone, for a day at most."""
    visit = desk.visit(patient_id, Act.ATTEST)
    longest = desk.now + desk.services.policy.attested_longest
    until = longest if valid_until is None else min(valid_until, longest)
    barred = None if desk.caller.kind is CallerKind.PRACTITIONER else NOT_YOUR_ACT
    knock(visit, "attest", role_refusal(desk.caller, desk.services.policy) or barred)
    with desk.services.records.write() as tx:
        visit.append(tx, "granted")
        added = grants.add_grant(
            tx,
            patient_id=visit.patient_id,
            grantee_kind=GranteeKind.PRACTITIONER,
            grantee=desk.caller.id,
            kind=GrantKind.ATTESTED,
            categories=None,
            valid_from=desk.now,
            valid_until=until,
            recorded_by=desk.caller.id,
            now=desk.now,
        )
        notify(tx, visit.patient_id, "attested", desk.now)
    return GrantView.of(added)


def knock(visit: Visit, kind: str, barred: Refusal | None) -> None:
    """Count an attempt; refuse who may not knock, and who knocked too often in the last hour, whoever the patient."""
    services, caller = visit.services, visit.caller
    try:
        visit.refuse_off()
    except Refusal as off:
        visit.refused(off)
        raise
    with services.records.write() as tx:
        knocked = emergencies.attempts_since(tx, caller.id, kind, visit.now - HOUR)
        emergencies.note_attempt(tx, caller.id, kind, visit.now)
    refusal = barred or (TOO_MANY if knocked >= services.knocks_an_hour else None)
    if refusal is not None:
        visit.refused(refusal)
        raise refusal
