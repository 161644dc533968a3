"""The two ends of a launch link (search_api/launch.py): a system asks for one, a practitioner signs in and opens it."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from access.identifiers import PatientId, is_rpps, parse_ins
from access.refusals import NOT_YOUR_ACT
from access.scope import CallerKind
from records.practitioners import practitioner
from search_api.bearers import Bearer
from search_api.desk import NOT_FOUND, AtDesk, Desk, desk_of_bearer
from search_api.launch import FRAGMENT, LONGEST, NO_SUCH_LINK, Launch, LaunchLinks, spend
from search_api.patients import BAD_INS, found, ids_of
from search_api.tokens import UNREGISTERED
from search_api.view_base import View
from search_api.views import PatientFound
from search_api.visit import patient_id_of

router = APIRouter(prefix="/v1", tags=["patients"])


class LaunchBody(BaseModel):
    """Whom to open, by the id of a record or an INS, for whom."""

    model_config = ConfigDict(extra="forbid")

    practitioner: str = Field(max_length=11, description="RPPS du professionnel qui ouvrira le lien")
    patient_id: str | None = Field(None, max_length=40)
    ins: str | None = Field(None, max_length=40, description="15 caractères, espaces permis")
    oid: str = Field("1.2.250.1.213.1.4.8", max_length=40, description="autorité d'affectation de l'INS")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.patient_id is None) == (self.ins is None):
            raise ValueError("exactly one of patient_id, ins")
        return self


class LaunchLink(View):
    """`url` is relative to the service's address. It says nothing of who exists."""

    url: str = Field(repr=False)
    expires_at: datetime


class LinkBody(BaseModel):
    """What stood in the link's fragment."""

    model_config = ConfigDict(extra="forbid")

    link: str = Field(max_length=LONGEST, repr=False)


@router.post("/launch-links", summary="Préparer l'ouverture d'un dossier depuis un logiciel", status_code=201)
def make_link(
    body: LaunchBody, request: Request, stood: Annotated[tuple[Desk, Bearer], Depends(desk_of_bearer)]
) -> LaunchLink:
    """Pour un système, avec son propre jeton. Le lien sert une fois, cinq minutes, au seul professionnel nommé, qui
    s'authentifie ici ; il ne donne aucun droit et ne dit pas si le patient est connu."""
    desk, bearer = stood
    pseudonym, known = _named(body, desk)
    visit = dataclasses.replace(desk.visit("", "launch-link"), patient_id=known or pseudonym)
    where = desk.services.verifier.establishment(bearer) if desk.services.verifier else ""
    if bearer.kind is not CallerKind.SYSTEM or where is None:
        visit.refused(NOT_YOUR_ACT)
        raise NOT_YOUR_ACT
    with desk.services.records.read() as tx:
        named = practitioner(tx, body.practitioner) if is_rpps(body.practitioner) else None
    if named is None or named.suspended or (where and where not in named.organizations):
        visit.refused(UNREGISTERED)
        raise UNREGISTERED
    links: LaunchLinks = request.app.state.launch_links
    link, until = links.make(named.rpps, pseudonym, known, desk.now)
    visit.granted(detail=named.rpps)
    return LaunchLink(url=FRAGMENT + link, expires_at=until)


@router.post("/launch-links/open", summary="Ouvrir un lien préparé par un logiciel", responses=NOT_FOUND)
def open_link(body: LinkBody, request: Request, desk: AtDesk) -> PatientFound:
    """Pour le professionnel nommé, qui s'est authentifié lui-même. Répond ce que répondrait l'identité présentée ; un
    lien faux, expiré, déjà servi ou fait pour un autre a une même réponse."""
    links: LaunchLinks = request.app.state.launch_links
    launch = links.read(body.link, desk.now)
    mine = (
        launch is not None
        and desk.caller.kind is CallerKind.PRACTITIONER
        and not desk.caller.system
        and desk.caller.id == launch.rpps
    )
    visit = desk.visit("", "open-launch-link")
    if launch is not None:
        visit = dataclasses.replace(visit, patient_id=launch.known)
    if launch is None or not mine or not _first(desk, launch):
        visit.refused(NO_SUCH_LINK)
        raise NO_SUCH_LINK
    return found(visit, launch.pseudonym)


def _first(desk: Desk, launch: Launch) -> bool:
    with desk.services.records.write() as tx:
        return spend(tx, launch, desk.now)


def _named(body: LaunchBody, desk: Desk) -> tuple[PatientId, PatientId | None]:
    """What anybody may be told, and the record's own id when there is one. Refusal 422 when an INS is malformed."""
    if body.patient_id is not None:
        return patient_id_of(body.patient_id), None
    ins = parse_ins(body.ins or "", body.oid)
    if ins is None:
        raise BAD_INS
    with desk.services.records.read() as tx:
        return ids_of(tx, ins)
