"""`POST /search`: the question stands in the body, so that it never reaches an address or a log."""

from __future__ import annotations

from datetime import date
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from access.identifiers import PassageId
from search_api.ask import answer
from search_api.desk import AtDesk
from search_api.finding import SearchRequest
from search_api.rounds import MOST_PATIENTS, answer_rounds
from search_api.views import AnswerView, Mode, PatientsAnswerView, Sort
from search_api.visit import patient_id_of

router = APIRouter(prefix="/v1", tags=["search"])


class SearchBody(BaseModel):
    """A question over one record."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field("", max_length=2000, description="mots, question, code, date… ; vide avec `like`")
    like: str | None = Field(None, max_length=80, description="passage (`passage_id`) : ceux qui lui ressemblent")
    limit: int = Field(10, ge=1, le=50, description="documents voulus")
    mode: Mode = Field("hybrid", description="mots et sens ; mots ; sens")
    type_codes: list[str] = Field([], max_length=50, description="types voulus (LOINC) ; tous sinon")
    date_from: date | None = Field(None, description="premier jour ; écarte les documents sans date")
    date_to: date | None = Field(None, description="dernier jour inclus ; écarte les documents sans date")

    sort: Sort = Field("relevance", description="pertinence, ou du plus récent au plus ancien")
    facets: bool = Field(False, description="compter les documents trouvés par type, année, auteur, spécialité…")
    new_only: bool = Field(False, description="ce qui est arrivé depuis votre visite précédente de ce dossier")
    cursor: str | None = Field(None, max_length=400, description="suite d'une réponse : `next`, avec la même question")

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.date_from and self.date_to and self.date_from > self.date_to:
            raise ValueError("date_from is after date_to")
        return self

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if bool(self.query) == (self.like is not None):
            raise ValueError("either query or like")
        return self


class PatientsSearchBody(BaseModel):
    """A question over the records of the caller's patients."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=2000)
    limit: int = Field(20, ge=1, le=50, description="patients voulus")
    mode: Mode = "hybrid"
    type_codes: list[str] = Field([], max_length=50)
    date_from: date | None = None
    date_to: date | None = None
    patients: list[str] | None = Field(
        None, max_length=MOST_PATIENTS, description="identifiants de patients : parmi les siens, ceux-là seulement"
    )


@router.post("/search", summary="Chercher dans les dossiers de ses patients")
def search_patients(body: PatientsSearchBody, desk: AtDesk) -> PatientsAnswerView:
    """Les patients dont le dossier répond, parmi ceux qui vous ont donné accès ; inscrit au journal de chacun."""
    request = SearchRequest(
        query=body.query,
        limit=body.limit,
        mode=body.mode,
        type_codes=frozenset(body.type_codes),
        date_from=body.date_from,
        date_to=body.date_to,
    )
    wanted = None if body.patients is None else frozenset(patient_id_of(each) for each in body.patients)
    return answer_rounds(desk.services, desk.caller, request, wanted, desk.now, desk.request_id)


@router.post("/patients/{patient_id}/search", summary="Chercher dans un dossier")
def search(patient_id: str, body: SearchBody, desk: AtDesk) -> AnswerView:
    """Les passages, du plus au moins pertinent, et ce qui a été cherché ou non. Inscrit au journal avant la réponse."""
    request = SearchRequest(
        query=body.query,
        limit=body.limit,
        mode=body.mode,
        type_codes=frozenset(body.type_codes),
        date_from=body.date_from,
        date_to=body.date_to,
        sort=body.sort,
        facets=body.facets,
        cursor=body.cursor,
        new_only=body.new_only,
        like=None if body.like is None else PassageId(body.like),
    )
    return answer(desk.services, desk.caller, patient_id_of(patient_id), request, desk.now, desk.request_id, desk.look)
