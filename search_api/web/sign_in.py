"""How one signs in here: the ways on offer, which the page asks for before anybody has a token.

The seam for identity providers: a way of kind "oidc" carries what the code flow with PKCE needs, and the page's
`signin.js` has the one function that a way must provide, giving an access token. Nothing else of the page knows of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request

from search_api.view_base import View


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody of the demo: a title, and what makes their token when it is asked for."""

    title: str
    name: str
    token: Callable[[], str]
    hint: str = ""  # what to type at the door to meet the demo's patient


@dataclass(frozen=True, slots=True)
class Front:
    """What the page needs to know of a home. Personas are the demo's alone: anybody who reaches the port is any of
    them. `idle_minutes`: without a key or a click for so long, the page asks who is there again."""

    personas: tuple[Persona, ...] = ()
    idle_minutes: int = 10


class Way(View):
    """One way in. `token` is there for a persona of the demo only."""

    kind: Literal["demo", "token"]
    title: str = ""
    name: str = ""
    token: str | None = None
    hint: str = ""


class SignIn(View):
    """`offers`: what may be asked of a record here, by the last word of its address; the page shows those views."""

    ways: list[Way]
    idle_seconds: int
    offers: list[str]


router = APIRouter(include_in_schema=False)


@router.get("/web/sign-in")
def sign_in(request: Request) -> SignIn:
    """The ways, the demo's people first."""
    front: Front = request.app.state.services.front
    demo = [
        Way(kind="demo", title=each.title, name=each.name, token=each.token(), hint=each.hint)
        for each in front.personas
    ]
    paths = request.app.openapi()["paths"]
    offers = {last for path in paths for of, _, last in [path.rpartition("/")] if of == "/v1/patients/{patient_id}"}
    return SignIn(ways=[*demo, Way(kind="token")], idle_seconds=front.idle_minutes * 60, offers=sorted(offers))
