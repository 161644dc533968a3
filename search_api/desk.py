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
from records import assertions
from search_api.bearers import Asserted, Bearer, Verifier
from search_api.border import template_of
from search_api.cursors import Cursors
from search_api.oidc.assertion import HEADER, REPLAYED
from search_api.oidc.needs import need_of
from search_api.problems import Problem
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

    def visit(self, patient_id: str, action: str) -> Visit:
        """A visit to the record named in the address."""
        named = patient_id_of(patient_id)
        return Visit(self.services, self.caller, named, action, self.now, self.request_id, self.look, self.fresh)


def desk(
    request: Request,
    _: Annotated[object, Depends(_scheme)],
    all_states: Annotated[bool, Query(description="aussi les documents archivés ou remplacés")] = False,
    purpose_of_use: Annotated[
        Literal["care", "regulation"], Header(description="regulation : médecin régulateur du Centre 15")
    ] = "care",
) -> Desk:
    """Verify the token and load its bearer from records. Refusal 401 or 403."""
    services: Services = request.app.state.services
    issuer: Verifier = request.app.state.issuer
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise MISSING
    now = services.clock()
    bearer = issuer.verify(token.strip(), now)
    if bearer.kind is CallerKind.SYSTEM and (said := request.headers.get(HEADER)) is not None:
        bearer = _once(services, issuer.asserted(bearer, said, now), now)
    with services.records.read() as tx:
        caller = caller_of(tx, bearer, services.development_profession, services.policy.matrix)
    look = Look(all_states, purpose_of_use == "regulation")
    fresh = is_fresh(bearer, now, services.fresh_for)
    made = Desk(services, caller, now, secrets.token_hex(8), request.app.state.cursors, look, fresh)
    if not within_scopes(bearer, request):
        made.visit(request.path_params.get("patient_id", ""), "out-of-scope").refused(TOO_NARROW)
        raise TOO_NARROW
    return made


def is_fresh(bearer: Bearer, now: datetime, window: timedelta) -> bool:
    """Whether the bearer authenticated within `window`, strongly enough. A development token always did."""
    told = bearer.authentication
    if told is None:
        return not bearer.issuer
    return told.strong and told.at is not None and now - told.at <= window


def within_scopes(bearer: Bearer, request: Request) -> bool:
    """Whether the SMART scopes of a token reach this address, and for a "patient/" scope this patient."""
    told = bearer.authentication
    if told is None or (told.scopes is None and not told.smart_required):
        return True
    mine = told.context or (bearer.id if bearer.kind is CallerKind.PATIENT else "")
    own = bool(mine) and request.path_params.get("patient_id") == mine
    need = need_of(request.method, template_of(dict(request.scope)))
    return told.scopes is not None and told.scopes.allow(need, own=own)


def _once(services: Services, said: Asserted, now: datetime) -> Bearer:
    """The bearer of an assertion that was never used before; from now on it was."""
    with services.records.write() as tx:
        if not assertions.spend(tx, said.name, said.until, now):
            raise REPLAYED
    return said.bearer


AtDesk = Annotated[Desk, Depends(desk)]
