"""Who speaks, and whose record is open: what stands at the top of every view and of every printed page."""

from __future__ import annotations

from datetime import date
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from access.identitovigilance import may_read_ins
from access.scope import CallerKind
from records.patients import identity_of
from search_api.desk import AtDesk
from search_api.marks import banner_of
from search_api.view_base import View

router = APIRouter(prefix="/v1", tags=["patients"])


class CallerView(View):
    """The bearer of the token. `patient_id` is null for who is no patient, `role` empty for who has none."""

    kind: Literal["practitioner", "patient", "system", "auditor", "administrator"]
    id: str = Field(description="RPPS, identifiant du patient ou nom du compte")
    name: str
    profession: str
    specialty: str
    role: str
    patient_id: str | None


class IdentityView(View):
    """The traits of the banner (RNIV), the rule that opened the record, and the notice of an emergency access."""

    patient_id: str
    family_name: str = Field(description="nom de naissance")
    given_names: str = Field(description="prénoms de naissance")
    used_name: str = Field(description="nom utilisé ; vide quand c'est le nom de naissance")
    birth_date: date | None
    sex: str
    ins: str = Field(description="matricule INS ; vide sans INS, ou tant qu'il n'est pas qualifié")
    ins_status: str = Field(description="provisional, retrieved, validated ou qualified ; vide sans INS")
    basis: str = Field(description="la règle qui a ouvert le dossier")
    banner: str = Field(description="accès d'urgence en cours ; vide sinon")
    seconds_left: int | None = Field(description="jusqu'à la fin de l'accès d'urgence ; null hors de lui")


@router.get("/me", summary="Qui parle")
def read_me(desk: AtDesk) -> CallerView:
    """Ce que le service sait du porteur du jeton ; rien d'un patient."""
    caller = desk.caller
    administrator = caller.kind is CallerKind.ADMINISTRATOR
    return CallerView(
        kind=caller.kind.value,
        id=caller.id,
        name=caller.name,
        profession="" if administrator else caller.profession,
        specialty=caller.specialty,
        role=caller.profession if administrator else "",
        patient_id=caller.id if caller.kind is CallerKind.PATIENT else None,
    )


@router.get("/patients/{patient_id}/identity", summary="L'identité du patient dont le dossier est ouvert")
def read_identity(patient_id: str, desk: AtDesk) -> IdentityView:
    """Pour qui a accès au dossier ; la porte pour tout autre, que le patient soit connu ou non."""
    visit = desk.visit(patient_id, "read-identity")
    with visit.record() as (tx, scope):
        who = identity_of(tx, scope)
        banner = banner_of(scope)
    visit.granted()
    readable = may_read_ins(scope.caller, who.ins_status, who.ins_source)
    ends = scope.until if banner else None
    return IdentityView(
        patient_id=visit.patient_id,
        family_name=who.family_name,
        given_names=who.given_names,
        used_name=who.used_name,
        birth_date=who.birth_date,
        sex=who.sex,
        ins=who.ins.matricule if who.ins is not None and readable else "",
        ins_status=who.ins_status,
        basis="" if scope.basis is None else scope.basis.value,
        banner=banner,
        seconds_left=None if ends is None else max(0, int((ends - desk.now).total_seconds())),
    )
