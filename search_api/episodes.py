"""The episodes of care that hospitals announced, and their care teams. They open nothing: grants do."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import Field

from records.episodes import Episode, episodes
from search_api.desk import AtDesk
from search_api.view_base import View
from search_api.visit import Visit

READ_EPISODES = "read-episodes"
"""The journal's word for a look at episodes, in HTTP, in FHIR and on the command line."""
router = APIRouter(prefix="/v1", tags=["oversight"])


class CarerView(View):
    """One of the care team. `rpps` is empty when the hospital gave its own number, or none."""

    role: str = Field(description="attending, referring, consulting, admitting (PV1-7, -8, -9, -17)")
    name: str
    rpps: str


class EpisodeView(View):
    """A stay or a visit. What the hospital did not say is empty or null."""

    organization: str = Field(description="FINESS de l'établissement qui l'annonce")
    visit: str = Field(description="numéro de venue de cet établissement")
    class_code: str = Field(description="table HL7 0004 : I hospitalisation, O externe, E urgences…")
    unit: str
    begins: datetime | None
    ends: datetime | None
    cancelled: bool = Field(description="annoncé puis annulé")
    stated_at: datetime
    team: list[CarerView]

    @classmethod
    def of(cls, one: Episode) -> Self:
        return cls(
            organization=one.organization,
            visit=one.visit,
            class_code=one.class_code,
            unit=one.unit,
            begins=one.begins,
            ends=one.ends,
            cancelled=one.cancelled,
            stated_at=one.stated_at,
            team=[CarerView(role=carer.role, name=carer.name, rpps=carer.rpps) for carer in one.team],
        )


class EpisodeList(View):
    patient_id: str
    episodes: list[EpisodeView]


@router.get("/patients/{patient_id}/episodes", summary="Les séjours et venues annoncés par les établissements")
def read_episodes(patient_id: str, desk: AtDesk) -> EpisodeList:
    """Le patient et son médecin traitant les voient tous ; un autre professionnel, ceux dont l'équipe le nomme. Être
    nommé n'ouvre pas le dossier."""
    return episodes_of(desk.visit(patient_id, READ_EPISODES))


def episodes_of(visit: Visit) -> EpisodeList:
    """The episodes that the caller of a visit may know of, journalled; Refusals as any visit's. HTTP and
    `anamnese episodes` call it."""
    with visit.record() as (tx, scope):
        found = [EpisodeView.of(one) for one in episodes(tx, scope)]
    visit.granted()
    return EpisodeList(patient_id=visit.patient_id, episodes=found)
