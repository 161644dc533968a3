"""Who stands at the desk: from a request's bearer token to the caller that endpoints work for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPBearer

from access.refusal import Refusal
from access.scope import Caller, CallerKind
from access.smart import Need
from records import assertions
from search_api.bearers import Asserted, Bearer, Verifier
from search_api.border import template_of
from search_api.cursors import Cursors
from search_api.oidc.assertion import HEADER, REPLAYED
from search_api.oidc.needs import need_of
from search_api.problems import Problem
from search_api.rates import TOO_FAST, TOO_MANY_TOKENS
from search_api.services import Services
from search_api.tokens import MISSING, caller_of
from search_api.visit import Look, Visit, patient_id_of

_scheme = HTTPBearer(auto_error=False, scheme_name="jeton", description="Jeton d'accès signé (JWT).")

TOO_NARROW = Refusal(
    "token",
    "scope-too-narrow",
    "Les droits demandés avec ce jeton ne vont pas jusque-là.",
    "Demandez un jeton dont les « scopes » couvrent cette demande.",
)

_PLAIN = Look()
PROBLEM: dict[str, Any] = {"model": Problem, "content": {"application/problem+json": {}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {**PROBLEM, "description": "jeton absent, faux ou expiré"},
    403: {**PROBLEM, "description": "la porte : rien d'accessible, sans dire s'il existe quelque chose"},
    413: {**PROBLEM, "description": "demande trop volumineuse"},
    429: {**PROBLEM, "description": "trop de demandes : `Retry-After` dit quand reprendre"},
    422: {**PROBLEM, "description": "demande mal formée"},
    503: {**PROBLEM, "description": "une partie du service ne répond pas ; rien n'est montré"},
}
"""The failures that every endpoint under /v1 may answer with."""

NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {**PROBLEM, "description": "aucun document de ce nom parmi ceux que vous pouvez voir"},
    409: {**PROBLEM, "description": "le document n'est pas encore lu, est refusé ou en quarantaine"},
}


@dataclass(frozen=True, slots=True)
class Desk:
    """A verified caller, the clock's reading for this request, and what endpoints work with."""

    services: Services
    caller: Caller
    now: datetime
    request_id: str
    cursors: Cursors
    look: Look = _PLAIN
    fresh: bool = True

    def visit(self, patient_id: str, action: str, look: Look | None = None) -> Visit:
        """A visit to the record named in the address, in the request's way of looking or another."""
        named, look = patient_id_of(patient_id), look or self.look
        return Visit(self.services, self.caller, named, action, self.now, self.request_id, look, self.fresh)


def desk(
    request: Request,
    _: Annotated[object, Depends(_scheme)],
    all_states: Annotated[bool, Query(description="aussi les documents archivés ou remplacés")] = False,
    purpose_of_use: Annotated[
        Literal["care", "regulation"], Header(description="regulation : médecin régulateur du Centre 15")
    ] = "care",
) -> Desk:
    """Verify the token and load its bearer from records. Refusal 401 or 403."""
    return _within(request, Look(all_states, purpose_of_use == "regulation"))[0]


def desk_of_bearer(request: Request, _: Annotated[object, Depends(_scheme)]) -> tuple[Desk, Bearer]:
    """The desk, and what the token says beside its caller."""
    return _within(request, _PLAIN)


def _within(request: Request, look: Look) -> tuple[Desk, Bearer]:
    made, bearer = stood(request, look)
    if not within_scopes(bearer, request):
        raise out_of_scope(made, request.path_params.get("patient_id", ""))
    return made, bearer


def stood(request: Request, look: Look) -> tuple[Desk, Bearer]:
    """The desk of a verified token within its pace; what its SMART scopes allow is for the caller of this to ask."""
    services: Services = request.app.state.services
    issuer: Verifier = request.app.state.issuer
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise MISSING
    now = services.clock()
    try:
        bearer = issuer.verify(token.strip(), now)
    except Refusal as refusal:
        raise _counted(services, request, refusal) from None
    if bearer.kind is CallerKind.SYSTEM and (said := request.headers.get(HEADER)) is not None:
        bearer = _once(services, issuer.asserted(bearer, said, now), now)
    with services.records.read() as tx:
        caller = caller_of(tx, bearer, services.policy.matrix)
    fresh = is_fresh(bearer, now, services.fresh_for)
    made = Desk(services, caller, now, secrets.token_hex(8), request.app.state.cursors, look, fresh)
    keep_pace(made, _pace(services, bearer, request), request.path_params.get("patient_id", ""))
    return made, bearer


def keep_pace(made: Desk, pace: Literal["within", "first", "over"], named: str = "") -> None:
    """Refusal 429 beyond the pace; journalled once a window: a flood must not become one of writes."""
    if pace == "first":
        made.visit(named, "too-many-requests").refused(TOO_FAST)
    if pace != "within":
        raise TOO_FAST


def out_of_scope(made: Desk, named: str) -> Refusal:
    """The refusal of what a token's scopes do not reach, journalled."""
    made.visit(named, "out-of-scope").refused(TOO_NARROW)
    return TOO_NARROW


def _pace(services: Services, bearer: Bearer, request: Request) -> Literal["within", "first", "over"]:
    """How fast this caller asks: counted by who they are, whoever the patient, before the patient is looked at."""
    if template_of(dict(request.scope)).endswith("/lookup"):
        looked = lookup_pace(services, bearer)
        if looked != "within":
            return looked
    return services.rates.take(f"caller\x1f{_who(bearer)}", services.requests_a_minute, 60)


def lookup_pace(services: Services, bearer: Bearer) -> Literal["within", "first", "over"]:
    """How fast this caller looks patients up."""
    return services.rates.take(f"lookup\x1f{_who(bearer)}", services.lookups_a_minute, 60)


def _who(bearer: Bearer) -> str:
    return f"{bearer.kind}\x1f{bearer.id}\x1f{bearer.system}"


def _counted(services: Services, request: Request, refusal: Refusal) -> Refusal:
    """The refusal of a token, or 429 where too many came from one address. Valid tokens from there are received."""
    address = request.client.host if request.client is not None else ""
    pace = services.rates.take(f"token\x1f{address}", services.bad_tokens, 300)
    return refusal if pace == "within" or refusal.code == "issuer-unavailable" else TOO_MANY_TOKENS


def is_fresh(bearer: Bearer, now: datetime, window: timedelta) -> bool:
    """Whether the bearer authenticated within `window`, strongly enough. A development token always did."""
    told = bearer.authentication
    if told is None:
        return not bearer.issuer
    return told.strong and told.at is not None and now - told.at <= window


def within_scopes(bearer: Bearer, request: Request) -> bool:
    """Whether the SMART scopes of a token reach this address, and for a "patient/" scope this patient."""
    need = need_of(request.method, template_of(dict(request.scope)))
    return allows(bearer, need, request.path_params.get("patient_id", ""))


def allows(bearer: Bearer, need: Need, patient_id: str) -> bool:
    """Whether the SMART scopes of a token reach what is asked of this patient."""
    told = bearer.authentication
    if told is None or (told.scopes is None and not told.smart_required):
        return True
    mine = own_record(bearer)
    return told.scopes is not None and told.scopes.allow(need, own=bool(mine) and patient_id == mine)


def own_record(bearer: Bearer) -> str:
    """The patient of a token's context, or who is a patient; else empty."""
    context = "" if bearer.authentication is None else bearer.authentication.context
    return context or (bearer.id if bearer.kind is CallerKind.PATIENT else "")


def _once(services: Services, said: Asserted, now: datetime) -> Bearer:
    """The bearer of an assertion that was never used before; from now on it was."""
    with services.records.write() as tx:
        if not assertions.spend(tx, said.name, said.until, now):
            raise REPLAYED
    return said.bearer


AtDesk = Annotated[Desk, Depends(desk)]
