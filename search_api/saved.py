"""What one keeps for one's own questions, and calls by its name: `@suivi-diabète` for a search, `@urgences` for a list.

A saved search stands in a question for its text, a list for any one of its terms. A list that is nobody's own is looked
for in the medical vocabulary (`@anticoagulants`); a name of neither is a word like another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import Caller, CallerKind
from index.lexicon import members_of
from index.query import LIST_NAME, Query, list_name
from index.question import TOO_LONG
from records import saved_searches
from records.saved_searches import Saved
from search_api.desk import PROBLEM, AtDesk, Desk
from search_api.finding import SearchRequest, cleaned
from search_api.functions import refuse_off
from search_api.services import Services
from search_api.view_base import View

router = APIRouter(prefix="/v1", tags=["search"])
MOST_TERMS = 200
MOST_WRITTEN = 8_000
"""Characters of a question with its saved searches written out; 2,000 are typed, and a call takes three of them."""
NO_SUCH_SEARCH = Refusal(
    "records", "no-such-search", "Vous ne gardez rien sous cet identifiant.", "Relisez la liste de vos recherches."
)
_NONE: dict[int | str, dict[str, Any]] = {404: {**PROBLEM, "description": "rien à vous sous cet identifiant"}}
_CALLED = re.compile(rf"(?<!\S)(-?){LIST_NAME.pattern}(?!\S)")
Term = Annotated[str, Field(min_length=1, max_length=80)]


class SavedBody(BaseModel):
    """A search (`query`) or a list of terms (`terms`), to be called by its name."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[^\W_][\w-]{0,39}$", description="sans espace ; on l'appelle par @nom")
    query: str = Field("", max_length=2000, description="une question, reprise telle quelle")
    terms: list[Term] = Field([], max_length=MOST_TERMS, description="des termes : un seul suffit pour répondre")

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        terms = [cleaned(each) for each in self.terms]
        if bool(cleaned(self.query)) == bool(terms) or not all(terms) or not list_name(self.name):
            raise ValueError("either a query or terms, under a name")
        return self


class SavedView(View):
    """What is kept. Either `query` or `terms` is there."""

    search_id: str
    name: str
    query: str
    terms: list[str]
    saved_at: datetime


class SavedList(View):
    searches: list[SavedView]


@router.get("/searches", summary="Mes recherches et mes listes de termes")
def read_searches(desk: AtDesk) -> SavedList:
    """Les vôtres seulement ; elles ne portent sur aucun patient."""
    _professional(desk)
    with desk.services.records.read() as tx:
        return SavedList(searches=[_view(each) for each in saved_searches.saved_by(tx, desk.caller)])


@router.post("/searches", summary="Garder une recherche ou une liste de termes")
def save_search(body: SavedBody, desk: AtDesk) -> SavedView:
    """Un nom déjà pris est remplacé. On s'en sert dans une question en l'appelant : `@nom`, ou `-@nom` pour écarter."""
    _professional(desk)
    query, terms = cleaned(body.query), list(dict.fromkeys(map(cleaned, body.terms)))
    with desk.services.records.write() as tx:
        key = list_name(body.name)
        return _view(saved_searches.save(tx, desk.caller, key, body.name, query, terms, desk.now))


@router.delete("/searches/{search_id}", summary="Ne plus la garder", status_code=204, responses=_NONE)
def forget_search(search_id: Annotated[str, Path(max_length=64)], desk: AtDesk) -> None:
    """Une des vôtres ; celle d'un autre n'existe pas."""
    _professional(desk)
    with desk.services.records.write() as tx:
        if not saved_searches.forget(tx, desk.caller, search_id):
            raise NO_SUCH_SEARCH


def with_saved(services: Services, caller: Caller, request: SearchRequest) -> SearchRequest:
    """A request whose saved searches are written out, and that knows the lists its question may call by name.

    Records are asked only for a question that calls something. Refusal "query-too-long"."""
    if request.like is not None or not _CALLED.search(request.query):
        return request
    kept: Sequence[Saved] = ()
    if caller.kind is CallerKind.PRACTITIONER:
        with services.records.read() as tx:
            kept = saved_searches.saved_by(tx, caller)
    mine = {list_name(each.name): each for each in kept}
    said: dict[str, None] = {}

    def written_out(found: re.Match[str]) -> str:
        saved = mine.get(list_name(found[2]))
        if saved is None or not saved.query or found[1]:
            return found[0]
        said[f"recherche gardée « {saved.name} » : {saved.query}"] = None
        return saved.query

    def lists(name: str) -> tuple[str, ...]:
        return mine[name].terms if name in mine else members_of(name)

    query = _CALLED.sub(written_out, request.query)
    if len(query) > max(MOST_WRITTEN, len(request.query)):
        raise TOO_LONG
    return replace(request, query=query, lists=lists, said=tuple(said))


def in_full(typed: str, query: Query) -> str:
    """What was asked, for the journal: a list may be changed afterwards."""
    lists = (f"@{each.name} = {', '.join(each.terms)}" for each in (*query.listed, *query.without_listed))
    return " ; ".join((typed, *lists))


def _professional(desk: Desk) -> None:
    refuse_off(desk.services.off, "saved-searches", regulation=False)
    if desk.caller.kind is not CallerKind.PRACTITIONER:
        raise NOT_YOUR_ACT


def _view(saved: Saved) -> SavedView:
    return SavedView(
        search_id=saved.search_id,
        name=saved.name,
        query=saved.query,
        terms=list(saved.terms),
        saved_at=saved.saved_at,
    )
