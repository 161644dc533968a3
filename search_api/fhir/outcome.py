"""Every Refusal under /fhir as an OperationOutcome: the same code, sentence, remedy and HTTP status as under /v1."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Request
from fastapi.responses import Response

from access.refusal import Refusal
from search_api.fhir.elements import Resource
from search_api.fhir.formats import MEDIA, render, wanted
from search_api.fhir.words import OURS, filled

MOST_PLACES = 20


class Malformed(Refusal):
    """A Refusal of what was sent. `places`: where it is wrong, as (FHIRPath or parameter, reason)."""

    def __init__(self, code: str, message: str, remedy: str, places: Iterable[tuple[str, str]]) -> None:
        super().__init__("ask", code, message, remedy)
        self.places = list(places)[:MOST_PLACES]


def bad_parameter(name: str, reason: str) -> Malformed:
    """Of a search parameter whose value or form is none."""
    return Malformed(
        "bad-parameter", "Un paramètre de la recherche est mal formé.", "Corrigez-le.", [(f"http.{name}", reason)]
    )


_CODES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    416: "value",
    422: "processing",
    429: "throttled",
    500: "exception",
    503: "transient",
    507: "no-store",
}
"""HTTP status → IssueType (R4)."""


def outcome_of(refusal: Refusal, status: int, places: Iterable[tuple[str, str]] = (), reference: str = "") -> Resource:
    """An OperationOutcome. `places`: where a request is malformed, as (FHIRPath or parameter, reason); never what was
    sent. `reference`: of an internal error."""
    issue = {
        "severity": "fatal" if status >= 500 else "error",
        "code": _CODES.get(status, "processing"),
        "details": {
            "coding": [{"system": f"{OURS}:problem", "code": refusal.code}],
            "text": refusal.message,
        },
        "diagnostics": " ".join(filter(None, (refusal.remedy, reference))),
    }
    listed = [filled(issue | {"diagnostics": reason, "expression": [place]}) for place, reason in places]
    return {"resourceType": "OperationOutcome", "issue": listed or [filled(issue)]}


def remark(severity: str, code: str, text: str) -> Resource:
    """An OperationOutcome that goes with an answer."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "details": {"text": text}}],
    }


def outcome_response(
    request: Request,
    refusal: Refusal,
    status: int,
    headers: dict[str, str] | None,
    places: Iterable[tuple[str, str]],
    reference: str,
) -> Response:
    """The one way a failure leaves /fhir; JSON when what was asked for is not served."""
    try:
        form = wanted(request)
    except Refusal:
        form = "json"
    body = render(outcome_of(refusal, status, places, reference), form)
    return Response(body, status, headers, media_type=f"{MEDIA[form]}; charset=utf-8")
