"""What a patient decides about their record: grants, blocks, oppositions, closing it, and where to be written to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from access.acts import Act
from access.categories import Category
from access.facts import GranteeKind, GrantKind, OppositionKind
from access.refusal import Refusal
from records import grants, notifications, will
from search_api.act_views import BlockList, GrantView, OppositionList, OppositionView, RecordState
from search_api.desk import PROBLEM, AtDesk, Desk
from search_api.door import TOO_MANY_DETAIL, attest
from search_api.oversight import shows

router = APIRouter(prefix="/v1", tags=["will"])
MISSING: dict[int | str, dict[str, Any]] = {
    404: {**PROBLEM, "description": "rien de tel parmi ce que vous pouvez voir"}
}
RPPS = r"^\d{11}$"

NO_SUCH_GRANT = Refusal(
    "act", "no-such-grant", "Aucune autorisation en vigueur de ce nom.", "Reprenez la liste des autorisations."
)
NO_SUCH_BLOCK = Refusal("act", "no-such-block", "Ce professionnel n'est pas bloqué.", "Reprenez la liste des blocages.")
NO_SUCH_OPPOSITION = Refusal(
    "act", "no-such-opposition", "Aucune opposition de ce genre.", "Reprenez la liste des oppositions."
)


class GrantBody(BaseModel):
    """What is allowed, to whom. `kind` "attested" is the professional's way in: they alone, the rest is ignored."""

    model_config = ConfigDict(extra="forbid")

    kind: GrantKind = GrantKind.CONSENT
    grantee_kind: GranteeKind = GranteeKind.PRACTITIONER
    grantee: str = Field("", max_length=64, description="RPPS, FINESS ou équipe ; vide pour « attested »")
    categories: list[Category] | None = Field(None, description="toutes sinon")
    valid_until: AwareDatetime | None = None


class BlockBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    practitioner: str = Field(pattern=RPPS, description="RPPS")


class OppositionBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: OppositionKind


class ContactBody(BaseModel):
    """An address for notifications; empty for none. Reminders: as before when not said."""

    model_config = ConfigDict(extra="forbid")

    mail: str = Field(max_length=254, pattern=r"^$|^[^@\s<>\"',;:]+@[^@\s<>\"',;:]+$")
    reminders: bool | None = Field(
        None, description="écrire aussi quand un rappel du calendrier des vaccinations attend ; comme avant sinon"
    )


@router.post(
    "/patients/{patient_id}/grants",
    summary="Autoriser, ou attester l'accord d'un patient présent",
    status_code=201,
    responses=TOO_MANY_DETAIL,
)
def add_grant(patient_id: str, body: GrantBody, desk: AtDesk) -> GrantView:
    """Le patient autorise qui il veut ; un professionnel n'enregistre que l'accord d'un patient présent, pour lui."""
    if body.kind is GrantKind.ATTESTED:
        return attest(patient_id, desk, body.valid_until)
    named = body.kind in (GrantKind.MEDECIN_TRAITANT, GrantKind.AS_TRAITANT)
    act = Act.NAME_TRAITANT if named else Act.GRANT
    visit = desk.visit(patient_id, act)
    with visit.act(act, detail=f"{body.kind} {body.grantee_kind} {body.grantee}") as (tx, _):
        added = grants.add_grant(
            tx,
            patient_id=visit.patient_id,
            grantee_kind=body.grantee_kind,
            grantee=body.grantee,
            kind=body.kind,
            categories=None if body.categories is None else frozenset(body.categories),
            valid_from=desk.now,
            valid_until=body.valid_until,
            recorded_by=desk.caller.id,
            now=desk.now,
        )
    return GrantView.of(added)


@router.delete("/patients/{patient_id}/grants/{grant_id}", summary="Révoquer", status_code=204, responses=MISSING)
def revoke_grant(patient_id: str, grant_id: Annotated[str, Path(max_length=64)], desk: AtDesk) -> None:
    """Effet dès la requête suivante."""
    visit = desk.visit(patient_id, Act.REVOKE)
    with visit.act(Act.REVOKE, detail=grant_id) as (tx, scope):
        known = {grant.grant_id for grant in grants.list_grants(tx, scope) if shows(scope, grant)}
        done = [grants.revoke_grant(tx, grant_id, one, desk.now, desk.caller.id) for one in sorted(scope.identities)]
        if grant_id not in known or not any(done):
            raise NO_SUCH_GRANT


@router.get("/patients/{patient_id}/blocks", summary="Les professionnels bloqués")
def read_blocks(patient_id: str, desk: AtDesk) -> BlockList:
    """Le patient et son médecin traitant les voient ; personne d'autre."""
    visit = desk.visit(patient_id, "read-blocks")
    with visit.record() as (tx, scope):
        blocked = grants.list_blocks(tx, scope) if scope.oversees else []
    visit.granted()
    return BlockList(patient_id=visit.patient_id, practitioners=blocked)


@router.post("/patients/{patient_id}/blocks", summary="Bloquer un professionnel", status_code=204)
def block(patient_id: str, body: BlockBody, desk: AtDesk) -> None:
    """Il n'obtient plus rien, quelles que soient ses autorisations, même en urgence."""
    visit = desk.visit(patient_id, Act.BLOCK)
    with visit.act(Act.BLOCK, detail=body.practitioner) as (tx, _):
        grants.block(tx, visit.patient_id, body.practitioner, desk.now, desk.caller.id)


@router.delete("/patients/{patient_id}/blocks/{practitioner}", summary="Débloquer", status_code=204, responses=MISSING)
def unblock(patient_id: str, practitioner: Annotated[str, Path(max_length=64)], desk: AtDesk) -> None:
    """Ses autorisations reprennent leurs effets."""
    visit = desk.visit(patient_id, Act.UNBLOCK)
    with visit.act(Act.UNBLOCK, detail=practitioner) as (tx, _):
        if not grants.unblock(tx, visit.patient_id, practitioner):
            raise NO_SUCH_BLOCK


@router.get("/patients/{patient_id}/oppositions", summary="Les oppositions du patient")
def read_oppositions(patient_id: str, desk: AtDesk) -> OppositionList:
    """Accès d'urgence, Centre 15, ayants droit ; pour le patient et son médecin traitant."""
    visit = desk.visit(patient_id, "read-oppositions")
    with visit.record() as (tx, scope):
        found = will.list_oppositions(tx, scope) if scope.oversees else []
    visit.granted()
    return OppositionList(
        patient_id=visit.patient_id,
        oppositions=[OppositionView(kind=each.kind, recorded_at=each.recorded_at) for each in found],
    )


@router.post("/patients/{patient_id}/oppositions", summary="S'opposer d'avance", status_code=204)
def oppose(patient_id: str, body: OppositionBody, desk: AtDesk) -> None:
    """À l'accès d'urgence, au Centre 15, ou aux ayants droit."""
    visit = desk.visit(patient_id, Act.OPPOSE)
    with visit.act(Act.OPPOSE, detail=body.kind) as (tx, _):
        will.oppose(tx, visit.patient_id, body.kind, desk.now, desk.caller.id)


@router.delete(
    "/patients/{patient_id}/oppositions/{kind}", summary="Lever une opposition", status_code=204, responses=MISSING
)
def withdraw(patient_id: str, kind: OppositionKind, desk: AtDesk) -> None:
    """Effet dès la requête suivante."""
    visit = desk.visit(patient_id, Act.WITHDRAW)
    with visit.act(Act.WITHDRAW, detail=kind) as (tx, _):
        if not will.withdraw(tx, visit.patient_id, kind, desk.now):
            raise NO_SUCH_OPPOSITION


@router.get("/patients/{patient_id}/record", summary="Le dossier est-il ouvert ?")
def read_state(patient_id: str, desk: AtDesk) -> RecordState:
    """Ouvert ou clos, et si le patient a donné une adresse."""
    visit = desk.visit(patient_id, "read-record")
    with visit.record() as (tx, scope):
        state: Literal["open", "closed"] = "closed" if will.is_closed(tx, scope) else "open"
        has_contact = notifications.has_address(tx, scope) if scope.oversees else None
        reminders = notifications.wants_reminders(tx, scope) if scope.oversees else None
    visit.granted()
    return RecordState(patient_id=visit.patient_id, state=state, has_contact=has_contact, reminders=reminders)


@router.post("/patients/{patient_id}/closure", summary="Fermer le dossier", status_code=204)
def close(patient_id: str, desk: AtDesk) -> None:
    """Invisible à tout professionnel dès la requête suivante ; conservé ; le patient peut le rouvrir."""
    _close(patient_id, desk, Act.CLOSE, closed=True)


@router.delete("/patients/{patient_id}/closure", summary="Rouvrir le dossier", status_code=204)
def reopen(patient_id: str, desk: AtDesk) -> None:
    """Les autorisations reprennent leurs effets."""
    _close(patient_id, desk, Act.REOPEN, closed=False)


@router.put("/patients/{patient_id}/contact", summary="Où écrire au patient", status_code=204)
def set_contact(patient_id: str, body: ContactBody, desk: AtDesk) -> None:
    """Un courrier électronique dit qu'on a regardé, jamais qui ni quoi."""
    visit = desk.visit(patient_id, Act.CONTACT)
    with visit.act(Act.CONTACT) as (tx, _):
        notifications.set_address(tx, visit.patient_id, body.mail, desk.now, reminders=body.reminders)


def _close(patient_id: str, desk: Desk, act: Act, *, closed: bool) -> None:
    visit = desk.visit(patient_id, act)
    with visit.act(act) as (tx, _):
        will.close_record(tx, visit.patient_id, closed=closed)
