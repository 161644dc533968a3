"""A resource in the body of a request: JSON or XML by its media type, checked against R4 before it is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import Request

from access.refusal import Refusal
from search_api.fhir.check import faults
from search_api.fhir.elements import Resource
from search_api.fhir.outcome import Malformed
from search_api.fhir.xml import from_xml
from search_api.multipart import TOO_LARGE, chunks_of

_JSON = frozenset({"application/fhir+json", "application/json", "application/json+fhir"})
_XML = frozenset({"application/fhir+xml", "application/xml", "text/xml", "application/xml+fhir"})
USUAL = 64 * 1024
"""Bytes of a body that carries no document."""
MOST_MARKS = 400_000
"""Signs that open or part elements, none of which base64 has: 56 MB of empty ones took 78 s and 1.4 GB to look at. A
submission of 100 described documents has some 50,000."""
NOT_FHIR = Refusal(
    "ask", "not-fhir", "Ce n'est pas une ressource FHIR.", "Envoyez application/fhir+json ou application/fhir+xml."
)


def received(request: Request, limit: int = USUAL) -> Resource:
    """The resource sent, well formed. Refusals: 400 with each place that is not R4, 413, 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _JSON | _XML:
        raise NOT_FHIR
    data = _body(chunks_of(request), limit)
    resource = parsed(data, xml=kind in _XML)
    if wrong := list(faults(resource)):
        raise malformed(wrong)
    return resource


def parsed(data: bytes, *, xml: bool) -> Resource:
    """The resource in these bytes, not checked yet."""
    if sum(data.count(mark) for mark in (b"<", b"{", b"[", b",")) > MOST_MARKS:
        raise malformed([("Resource", "too many elements")])
    try:
        if xml:
            return from_xml(data)
        value: Any = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except (Refusal, ValueError, RecursionError):
        raise malformed([("Resource", "not well formed")]) from None
    if not isinstance(value, dict):
        raise malformed([("Resource", "not an object")])
    return value


def malformed(places: list[tuple[str, str]]) -> Malformed:
    """400, with where it is wrong."""
    return Malformed("bad-resource", "La ressource n'est pas conforme à FHIR R4.", "Corrigez-la.", places)


def _body(pull: Callable[[], bytes], limit: int) -> bytes:
    found = bytearray()
    while chunk := pull():
        found += chunk
        if len(found) > limit:
            raise TOO_LARGE
    return bytes(found)


def _no_number(_: str) -> float:
    raise ValueError("NaN and Infinity are no JSON")
