"""Who stands at the desk: from a request's bearer token to the caller that endpoints work for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPBearer

from access.scope import Caller
from search_api.cursors import Cursors
from search_api.problems import Problem
from search_api.services import Services
from search_api.tokens import MISSING, Issuer, caller_of
from search_api.visit import Look, Visit, patient_id_of

_scheme = HTTPBearer(auto_error=False, scheme_name="jeton", description="Jeton d'accès signé (JWT).")

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

    def visit(self, patient_id: str, action: str) -> Visit:
        """A visit to the record named in the address."""
        named = patient_id_of(patient_id)
        return Visit(self.services, self.caller, named, action, self.now, self.request_id, self.look)


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
    issuer: Issuer = request.app.state.issuer
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise MISSING
    now = services.clock()
    bearer = issuer.verify(token.strip(), now)
    with services.records.read() as tx:
        caller = caller_of(tx, bearer, services.development_profession)
    look = Look(all_states, purpose_of_use == "regulation")
    return Desk(services, caller, now, secrets.token_hex(8), request.app.state.cursors, look)


AtDesk = Annotated[Desk, Depends(desk)]
