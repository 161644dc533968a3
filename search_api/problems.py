"""Expected failures as RFC 9457 problem documents: one table from a Refusal's code to an HTTP status.

A problem holds the Refusal's stage, code, message and remedy and nothing else: no trace, no identifier, no path. Two
callers who must not be told apart get the same bytes.
"""

from __future__ import annotations

import logging
import secrets

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from access.refusal import Refusal
from search_api.fhir.outcome import Malformed, outcome_response
from search_api.rates import RETRY

log = logging.getLogger("anamnese.api")

STATUS = {
    "token-missing": 401,
    "token-invalid": 401,
    "token-expired": 401,
    "authentication-too-old": 401,
    "assertion-invalid": 401,
    "assertion-replayed": 401,
    "sign-in-refused": 401,
    "practitioner-suspended": 403,
    "practitioner-unknown": 403,
    "practice-disagrees": 403,
    "scope-too-narrow": 403,
    "no-access": 403,
    "role-reads-no-document": 403,
    "system-needs-practitioner": 403,
    "journal-not-readable": 403,
    "not-identity-vigilance": 403,
    "profession-sees-nothing": 403,
    "profession-breaks-no-glass": 403,
    "act-not-allowed": 403,
    "function-off": 403,
    "no-such-bulk": 404,
    "bulk-not-active": 409,
    "empty-bulk": 422,
    "too-many-lines": 413,
    "no-such-grant": 404,
    "no-such-block": 404,
    "no-such-opposition": 404,
    "no-such-relation": 404,
    "no-such-request": 404,
    "masked-and-hidden": 409,
    "already-opened": 409,
    "not-a-minor": 409,
    "too-many-attempts": 429,
    "too-many-requests": 429,
    "too-many-bad-tokens": 429,
    "no-such-route": 404,
    "no-such-document": 404,
    "no-such-page": 404,
    "no-such-patient": 404,
    "no-such-claim": 404,
    "method-not-allowed": 405,
    "not-finished": 409,
    "document-quarantined": 409,
    "document-refused": 409,
    "not-quarantined": 409,
    "same-patient": 409,
    "other-patient-too": 409,
    "lease-lost": 409,
    "page-changed": 409,
    "no-patient-yet": 409,
    "too-large": 413,
    "not-multipart": 415,
    "bad-upload": 400,
    "upload-interrupted": 400,
    "bad-cursor": 400,
    "bad-boxes": 400,
    "bad-parameter": 400,
    "unknown-parameter": 400,
    "patient-needed": 400,
    "bad-resource": 400,
    "not-acceptable": 406,
    "bad-range": 416,
    "not-fhir": 415,
    "no-such-resource": 404,
    "nothing-to-replace": 422,
    "consent-not-supported": 422,
    "reference-unresolved": 422,
    "bad-request": 422,
    "idempotency-key-reused": 422,
    "query-empty": 422,
    "no-such-passage": 404,
    "no-such-search": 404,
    "no-such-link": 404,
    "too-many-searches": 409,
    "too-many-patients": 422,
    "bad-ins": 422,
    "bad-patient": 422,
    "over-window": 422,
    "internal": 500,
    "index-unavailable": 503,
    "index-absent": 503,
    "index-unreadable": 503,
    "records-unavailable": 503,
    "records-damaged": 503,
    "blobs-unavailable": 503,
    "storage-closed": 503,
    "blob-missing": 503,
    "seal-broken": 503,
    "disk-full": 507,
    "journal-unavailable": 503,
    "embedder-unavailable": 503,
    "page-not-drawn": 503,
    "sandbox-unavailable": 503,
    "issuer-unavailable": 503,
    "busy": 503,
    "export-failed": 503,
}
"""Codes of other stages (a parser's, say) that reach a caller are refusals of what was sent: UNLISTED."""

UNLISTED = 422

CHALLENGES = {
    "authentication-too-old": "insufficient_user_authentication",  # RFC 9470
    "scope-too-narrow": "insufficient_scope",  # RFC 6750
}
"""What a client may do about it, in its own words."""

NO_SUCH_ROUTE = Refusal(
    "ask", "no-such-route", "Cette adresse n'existe pas.", "La page /docs donne les adresses du service."
)
NOT_ALLOWED = Refusal(
    "ask", "method-not-allowed", "Cette adresse ne se demande pas ainsi.", "La page /docs donne les méthodes permises."
)
TOO_LARGE = Refusal("ask", "too-large", "La requête est trop volumineuse.", "Réduisez ce que vous envoyez.")
BAD_REQUEST = Refusal("ask", "bad-request", "La requête est mal formée.", "Corrigez les champs indiqués.")


class FieldError(BaseModel):
    """Where a request is malformed. Never repeats what was sent."""

    field: str
    reason: str


class Problem(BaseModel):
    """RFC 9457 with the fields of a Refusal."""

    type: str = Field(examples=["urn:anamnese:problem:no-access"])
    title: str
    status: int
    stage: str
    code: str
    remedy: str
    errors: list[FieldError] | None = None
    reference: str | None = Field(None, description="Seulement pour une erreur interne : à citer à l'assistance.")


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a Refusal; UNLISTED for a code of another stage."""
    return STATUS.get(refusal.code, UNLISTED)


def problem_response(
    refusal: Refusal, *, errors: list[FieldError] | None = None, reference: str | None = None
) -> JSONResponse:
    """The one way a failure leaves the service, /fhir apart."""
    status = status_of(refusal)
    problem = Problem(
        type=f"urn:anamnese:problem:{refusal.code}",
        title=refusal.message,
        status=status,
        stage=refusal.stage,
        code=refusal.code,
        remedy=refusal.remedy,
        errors=errors,
        reference=reference,
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status,
        headers=headers_of(refusal),
        media_type="application/problem+json",
    )


def headers_of(refusal: Refusal) -> dict[str, str] | None:
    """What a client may do about it, for its software."""
    if refusal.code in RETRY:
        return {"Retry-After": str(RETRY[refusal.code])}
    if refusal.code in CHALLENGES:
        return {"WWW-Authenticate": f'Bearer error="{CHALLENGES[refusal.code]}"'}
    return {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}.get(status_of(refusal))


def install(app: FastAPI) -> None:
    """Translate every exception of the framework and ours; nothing else reaches a caller."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ResponseValidationError, _unexpected)
    app.add_exception_handler(Exception, _unexpected)


def _response(
    request: Request, refusal: Refusal, errors: list[FieldError] | None = None, reference: str = ""
) -> Response:
    """A failure in the words of the address: an OperationOutcome under /fhir, a problem elsewhere."""
    if not is_fhir(request.url.path):
        return problem_response(refusal, errors=errors, reference=reference or None)
    places = [(each.field, each.reason) for each in errors or ()]
    return outcome_response(request, refusal, status_of(refusal), headers_of(refusal), places, reference)


def is_fhir(path: str) -> bool:
    return path == "/fhir" or path.startswith("/fhir/")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    places = error.places if isinstance(error, Malformed) else ()
    return _response(request, error, [FieldError(field=place, reason=reason) for place, reason in places])


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(field=".".join(str(part) for part in each["loc"]), reason=str(each["type"]))
        for each in error.errors()[:20]
    ]
    return _response(request, BAD_REQUEST, errors)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: NO_SUCH_ROUTE, 405: NOT_ALLOWED, 413: TOO_LARGE}
    response = _response(request, known.get(error.status_code, BAD_REQUEST))
    if error.status_code == 405 and error.headers and "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]  # RFC 9110 asks for it
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    """A bug or a broken machine. The log gets the type and the place: a message may quote a document or a name."""
    reference = secrets.token_hex(6)
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_name}:{frame.tb_lineno}" if frame is not None else "?"
    log.error("unexpected %s in %s, reference %s", type(error).__name__, place, reference)
    refusal = Refusal(
        "ask", "internal", "Une erreur inattendue est survenue.", "Réessayez ; si elle persiste, citez la référence."
    )
    return _response(request, refusal, reference=reference)
