"""How one signs in here: the ways on offer, which the page asks for before anybody has a token, and the exchange of a
provider's code for an access token (search_api/oidc/code_flow.py). Every way ends with a token in the page."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from access.identifiers import Ins
from access.scope import CallerKind
from search_api.launch import LaunchLinks
from search_api.oidc.code_flow import NOT_SIGNED_IN, CodeFlow, Granted
from search_api.oidc.ehr import patient_in_view
from search_api.patients import ids_of
from search_api.rates import TOO_MANY_SIGN_INS
from search_api.services import Services
from search_api.view_base import View
from search_api.web.front import Front


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
    launches: tuple[str, ...] = ()  # FHIR addresses of the software that may launch the page


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
    iss: str = Field("", max_length=500, description="SMART EHR launch: the software that launched the page")


class Token(View):
    """An access token of the issuer; for a launched page, a launch link to the patient in view there, or none."""

    token: str = Field(repr=False)
    launch: str = Field("", repr=False)


WINDOW = 300  # seconds
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
    """The access token of a code. Each exchange is counted by its address before the provider is asked, and given back
    when it was good: a flood of made-up codes, at once or in turn, costs the provider no more than the limit."""
    services: Services = request.app.state.services
    address = f"sign-in\x1f{request.client.host if request.client is not None else ''}"
    if services.rates.take(address, services.bad_tokens, WINDOW) != "within":
        raise TOO_MANY_SIGN_INS
    told = _exchanged(body, request, services)
    services.rates.give_back(address, WINDOW)
    return told


def _exchanged(body: CodeBody, request: Request, services: Services) -> Token:
    flow = next((each for each in services.front.providers if each.issuer == body.issuer), None)
    if flow is None or (body.iss and flow.launched_by(body.iss) is None):
        raise NOT_SIGNED_IN
    granted = flow.exchange(body.code, body.verifier, body.redirect_uri)
    return Token(token=granted.token, launch=_link(request, flow, granted, body.iss))


def _link(request: Request, flow: CodeFlow, granted: Granted, iss: str) -> str:
    """A launch link for the practitioner who signed in, to the patient in view where they come from; "" for none."""
    services: Services = request.app.state.services
    launched = flow.launched_by(iss)
    if launched is None or not granted.patient or services.verifier is None:
        return ""
    now = services.clock()
    bearer = services.verifier.verify(granted.token, now)
    if bearer.issuer != flow.issuer:
        raise NOT_SIGNED_IN
    named = patient_in_view(launched, granted)
    if named is None or bearer.kind is not CallerKind.PRACTITIONER:
        return ""
    if isinstance(named, Ins):
        with services.records.read() as tx:
            pseudonym, known = ids_of(tx, named)
    else:
        pseudonym, known = named, None
    links: LaunchLinks = request.app.state.launch_links
    return links.make(bearer.id, pseudonym, known, now)[0]


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
        launches=tuple(each.iss for each in client.launches),
    )
