"""Those who may look for a patient: representatives recorded by the administration, requests of heirs and partner."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from access.acts import Act, administers
from access.categories import Category
from access.facts import RelationKind
from access.refusal import Refusal
from access.refusals import DOOR, NOT_YOUR_ACT
from access.scope import CallerKind
from records import patients, relations
from search_api.act_views import Recorded, RelationList, RelationView
from search_api.desk import PROBLEM, AtDesk, Desk
from search_api.door import TOO_MANY_DETAIL, knock
from search_api.visit import patient_id_of

router = APIRouter(prefix="/v1", tags=["kin"])
MISSING: dict[int | str, dict[str, Any]] = {404: {**PROBLEM, "description": "rien de tel"}}

NO_SUCH_RELATION = Refusal("act", "no-such-relation", "Aucune relation de ce nom.", "Reprenez la liste.")


class RepresentativeBody(BaseModel):
    """Who acts for whom, as a court or the civil registry says."""

    model_config = ConfigDict(extra="forbid")

    person: str = Field(max_length=64, description="identifiant de la personne, elle-même patiente ici")
    kind: Literal["legal_representative", "guardian", "curator"]
    valid_until: AwareDatetime | None = None


class ConsentBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    consented: bool


class SuccessionBody(BaseModel):
    """One of the three purposes of L1110-4: causes of death, memory of the dead, one's rights."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["heir", "partner"]
    purpose: Literal["cause_of_death", "memory", "rights"]


class ReviewBody(BaseModel):
    """What a person decided on a request: what it opens, and until when."""

    model_config = ConfigDict(extra="forbid")

    approved: bool
    categories: list[Category] = Field([], max_length=20)
    valid_until: AwareDatetime


@router.get("/patients/{patient_id}/representatives", summary="Qui peut regarder pour le patient")
def read_representatives(patient_id: str, desk: AtDesk) -> RelationList:
    """Le patient et son médecin traitant les voient toutes ; une personne, la sienne."""
    visit = desk.visit(patient_id, "read-representatives")
    with visit.record() as (tx, scope):
        listed = relations.list_relations(tx, scope)
        mine = [each for each in listed if scope.oversees or each.person == scope.caller.id]
    visit.granted()
    return RelationList(patient_id=visit.patient_id, relations=[_view(each) for each in mine])


@router.post(
    "/patients/{patient_id}/representatives",
    summary="Enregistrer un représentant (administration)",
    status_code=201,
    responses={409: {**PROBLEM, "description": "le patient n'est pas mineur"}},
)
def record_representative(patient_id: str, body: RepresentativeBody, desk: AtDesk) -> Recorded:
    """Un représentant légal jusqu'à la majorité, un tuteur à la personne, ou un curateur."""
    _administration(patient_id, desk, Act.REPRESENT)
    visit = desk.visit(patient_id, Act.REPRESENT)
    try:
        with desk.services.records.write() as tx:
            if not patients.exists(tx, visit.patient_id):
                raise DOOR
            visit.append(tx, "granted", detail=f"{body.kind} {body.person}")
            recorded = relations.record_representative(
                tx,
                visit.patient_id,
                patient_id_of(body.person),
                RelationKind(body.kind),
                now=desk.now,
                by=desk.caller.id,
                valid_until=body.valid_until,
            )
    except Refusal as refusal:
        visit.refused(refusal)
        raise
    return Recorded(id=recorded)


@router.delete(
    "/patients/{patient_id}/representatives/{relation_id}",
    summary="Mettre fin à une représentation (administration)",
    status_code=204,
    responses=MISSING,
)
def end_representative(patient_id: str, relation_id: Annotated[str, Path(max_length=64)], desk: AtDesk) -> None:
    """Effet dès la requête suivante."""
    _administration(patient_id, desk, Act.END_REPRESENT)
    visit = desk.visit(patient_id, Act.END_REPRESENT)
    try:
        with desk.services.records.write() as tx:
            visit.append(tx, "granted", detail=relation_id)
            if not relations.end_relation(tx, visit.patient_id, relation_id, desk.now):
                raise NO_SUCH_RELATION
    except Refusal as refusal:
        visit.refused(refusal)
        raise


@router.put(
    "/patients/{patient_id}/representatives/{relation_id}",
    summary="Accepter que son curateur lise, ou non",
    status_code=204,
    responses=MISSING,
)
def consent_to_curator(
    patient_id: str, relation_id: Annotated[str, Path(max_length=64)], body: ConsentBody, desk: AtDesk
) -> None:
    """Sous curatelle, la personne décide elle-même."""
    visit = desk.visit(patient_id, Act.CONSENT_CURATOR)
    with visit.act(Act.CONSENT_CURATOR, detail=relation_id) as (tx, scope):
        if not relations.consent_to_curator(tx, scope, relation_id, consented=body.consented):
            raise NO_SUCH_RELATION


@router.post(
    "/patients/{patient_id}/succession-requests",
    summary="Demander comme ayant droit ou conjoint",
    status_code=202,
    responses=TOO_MANY_DETAIL,
)
def request_succession(patient_id: str, body: SuccessionBody, desk: AtDesk) -> Recorded:
    """Examinée par une personne. La réponse est la même que le dossier existe ou non, que le patient s'y soit opposé ou
    non."""
    visit = desk.visit(patient_id, Act.ASK_SUCCESSION)
    if desk.caller.kind is not CallerKind.PATIENT:
        with visit.record():
            raise NOT_YOUR_ACT
    knock(visit, "succession", None)
    with desk.services.records.write() as tx:
        visit.append(tx, "granted", detail=f"{body.kind} {body.purpose}")
        recorded = relations.request_succession(
            tx, visit.patient_id, desk.caller.id, RelationKind(body.kind), body.purpose, now=desk.now
        )
    return Recorded(id=recorded)


def _administration(patient_id: str, desk: Desk, act: Act) -> None:
    """An administrator's act. For anybody else: the door, or, with a Scope, the reason."""
    if not administers(act, desk.caller.kind):
        with desk.visit(patient_id, act).record():
            raise NOT_YOUR_ACT


def _view(each: relations.Relation) -> RelationView:
    return RelationView(
        relation_id=each.relation_id,
        kind=each.kind,
        person=each.person,
        valid_from=each.valid_from,
        valid_until=each.valid_until,
        ended_at=each.ended_at,
        consented=each.consented,
    )
