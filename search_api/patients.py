"""Looking a patient up: an identity goes in, an opaque id comes out, whether or not anybody here has that identity.

The id is the record's own only for a caller with access to it. Anybody else gets one derived from what they presented,
so that two identities of one person (INS and traits) cannot be seen to be one, nor anybody's presence here.
"""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from access.decide import DOOR
from access.identifiers import Ins, PatientId, parse_ins
from access.refusal import Refusal
from records import patients
from records.database import Tx
from records.patients import Identity
from search_api.datamatrix import LONGEST, read_datamatrix
from search_api.desk import AtDesk
from search_api.views import PatientFound
from search_api.visit import Visit

router = APIRouter(prefix="/v1", tags=["patients"])
BAD_INS = Refusal(
    "ask", "bad-ins", "Cette identité n'a pas la forme ou la clé d'un INS.", "Relisez ou scannez de nouveau."
)


class TraitsBody(BaseModel):
    """The five exact traits of an identity. Case, accents and hyphens do not count."""

    model_config = ConfigDict(extra="forbid")

    family_name: str = Field(min_length=1, max_length=100, description="nom de naissance")
    given_names: str = Field(min_length=1, max_length=200, description="prénoms de naissance")
    birth_date: date
    sex: Literal["M", "F", "U"] = Field(description="M, F, ou U quand il est inconnu")
    birth_place: str = Field(max_length=5, description="code INSEE du lieu de naissance")


class LookupBody(BaseModel):
    """One of an INS, a scanned datamatrix, or the traits."""

    model_config = ConfigDict(extra="forbid")

    ins: str | None = Field(None, max_length=40, description="15 caractères, espaces permis")
    oid: str = Field("1.2.250.1.213.1.4.8", max_length=40, description="autorité d'affectation de l'INS")
    datamatrix: str | None = Field(None, max_length=LONGEST, description="texte lu par la douchette")
    traits: TraitsBody | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(each is not None for each in (self.ins, self.datamatrix, self.traits)) != 1:
            raise ValueError("exactly one of ins, datamatrix, traits")
        return self


@router.post("/patients/lookup", summary="Trouver un patient par son identité")
def lookup(body: LookupBody, desk: AtDesk) -> PatientFound:
    """Répond toujours un identifiant opaque de même forme, jamais une liste ; il ne dit pas si le patient est connu."""
    visit = desk.visit("", "lookup")
    presented = _presented(body)
    with desk.services.records.read() as tx:
        pseudonym, known = ids_of(tx, presented)
    return found(dataclasses.replace(visit, patient_id=known or pseudonym), pseudonym)


def found(visit: Visit, pseudonym: PatientId) -> PatientFound:
    """The visited record's id for who has access to it, else the pseudonym; journalled either way."""
    try:
        with visit.record():
            pass
    except Refusal as refusal:
        if refusal != DOOR:
            raise
        return PatientFound(patient_id=pseudonym)
    visit.granted()
    return PatientFound(patient_id=visit.patient_id)


def _presented(body: LookupBody) -> Ins | Identity:
    """The identity that was presented; Refusal (422) when an INS is malformed, which says nothing of anybody."""
    if body.traits is not None:
        traits = body.traits
        return Identity(
            ins=None,
            ins_status="",
            family_name=traits.family_name,
            given_names=traits.given_names,
            birth_date=traits.birth_date,
            sex=traits.sex,
            birth_place=traits.birth_place,
        )
    ins = parse_ins(body.ins, body.oid) if body.ins is not None else read_datamatrix(body.datamatrix or "")
    if ins is None:
        raise BAD_INS
    return ins


def ids_of(tx: Tx, presented: Ins | Identity) -> tuple[PatientId, PatientId | None]:
    """What anybody may be told, and the record's own id when there is one."""
    if isinstance(presented, Ins):
        return patients.patient_id_of_ins(tx.keys, presented), patients.find_by_ins_without_scope(tx, presented)
    return patients.patient_id_of_traits(tx.keys, presented), patients.find_by_traits_without_scope(tx, presented)
