"""`.well-known/smart-configuration` (SMART App Launch 2.2): where software asks for a token, and which scopes mean
something here. We verify tokens; giving them, and the patient in context with them, are the identity provider's. It
launches against us where the settings say so of our own `/fhir` (`EhrLaunch.patient` "id").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from access.refusal import Refusal
from search_api.oidc.verify import Federation

NO_PROVIDER = Refusal(
    "ask",
    "no-such-resource",
    "Aucun fournisseur d'identité n'est réglé sur ce service.",
    "Voyez ANAMNESE_OIDC avec l'administrateur.",
)
_CAPABILITIES = ("permission-patient", "permission-user", "permission-v1", "permission-v2")
_LAUNCHES = ("launch-ehr", "context-ehr-patient")
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


def smart_router(kinds: Sequence[str]) -> APIRouter:
    """`kinds`: the resources that scopes may name."""
    router = APIRouter(prefix="/fhir", include_in_schema=False)
    scopes = [f"{who}/{kind}.rs" for who in ("patient", "user") for kind in kinds]

    @router.get("/.well-known/smart-configuration")
    def configuration(request: Request) -> JSONResponse:
        """Open to anybody."""
        verifier = request.app.state.services.verifier
        provider = verifier.provider() if isinstance(verifier, Federation) else None
        if provider is None:
            raise NO_PROVIDER
        launches = verifier.launched_here(provider) if isinstance(verifier, Federation) else False
        told: dict[str, Any] = {name: provider.endpoint(name) for name in _ENDPOINTS}
        return JSONResponse(
            {
                "issuer": provider.issuer,
                **told,
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", *(["launch"] if launches else []), *scopes],
                "capabilities": [*_CAPABILITIES, *(_LAUNCHES if launches else [])],
            }
        )

    return router
