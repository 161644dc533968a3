"""How one signs in here: the ways on offer, which the page asks for before anybody has a token, and the exchange of a
provider's code for an access token (search_api/oidc/code_flow.py). Every way ends with a token in the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from access.refusal import Refusal
from search_api.oidc.code_flow import NOT_SIGNED_IN, CodeFlow
from search_api.rates import TOO_MANY_TOKENS
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
    them. `idle_minutes`: without a key or a click for so long, the page asks who is there again. `providers`: where
    people sign in."""

    personas: tuple[Persona, ...] = ()
    idle_minutes: int = 10
    providers: tuple[CodeFlow, ...] = ()


class Way(View):
    """One way in. `token` is there for a persona of the demo only; from `issuer` on, for a provider only: `authorize`
    is the address where one signs in, empty while the provider is away."""

    kind: Literal["demo", "oidc", "token"]
    title: str = ""
    name: str = ""
    token: str | None = None
    hint: str = ""
    issuer: str = ""
    authorize: str = ""
    client_id: str = ""
    scope: str = ""
    acr_values: str = ""
    resource: str = ""


class SignIn(View):
    """`offers`: what may be asked of a record here, by the last word of its address; the page shows those views."""

    ways: list[Way]
    idle_seconds: int
    offers: list[str]


class CodeBody(BaseModel):
    """What came back from a provider, and the verifier that only the tab which asked knows."""

    model_config = ConfigDict(extra="forbid")

    issuer: str = Field(max_length=500)
    code: str = Field(min_length=1, max_length=4000)
    verifier: str = Field(min_length=43, max_length=128)
    redirect_uri: str = Field(max_length=500)


class Token(View):
    """An access token of the issuer."""

    token: str = Field(repr=False)


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
    ways = [*demo, *map(_way, front.providers), Way(kind="token")]
    return SignIn(ways=ways, idle_seconds=front.idle_minutes * 60, offers=sorted(offers))


@router.post("/web/sign-in")
def exchange(body: CodeBody, request: Request) -> Token:
    """The access token of a code. Refused exchanges count as refused tokens of their address."""
    services = request.app.state.services
    flow = next((each for each in services.front.providers if each.issuer == body.issuer), None)
    try:
        if flow is None:
            raise NOT_SIGNED_IN
        return Token(token=flow.token(body.code, body.verifier, body.redirect_uri))
    except Refusal as refusal:
        address = request.client.host if request.client is not None else ""
        pace = services.rates.take(f"token\x1f{address}", services.bad_tokens, 300)
        raise (refusal if pace == "within" or refusal.code == "issuer-unavailable" else TOO_MANY_TOKENS) from None


def _way(flow: CodeFlow) -> Way:
    client = flow.client
    return Way(
        kind="oidc",
        title=flow.title,
        issuer=flow.issuer,
        authorize=flow.authorize(),
        client_id=client.client_id,
        scope=client.scope,
        acr_values=client.acr_values,
        resource=client.resource,
    )
