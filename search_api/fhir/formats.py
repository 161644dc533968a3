"""JSON or XML: what a client asked for, and answers in it with their ETag."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from fastapi import Request
from fastapi.responses import Response

from access.refusal import Refusal
from search_api.fhir.elements import Resource
from search_api.fhir.words import tidied
from search_api.fhir.xml import to_xml

Format = Literal["json", "xml"]
MEDIA: dict[Format, str] = {"json": "application/fhir+json", "xml": "application/fhir+xml"}
_NAMES: dict[str, Format] = {
    "application/fhir+json": "json",
    "application/json+fhir": "json",
    "application/json": "json",
    "text/json": "json",
    "json": "json",
    "application/fhir+xml": "xml",
    "application/xml+fhir": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
    "xml": "xml",
    "application/*": "json",
    "*/*": "json",
}
NOT_ACCEPTABLE = Refusal(
    "ask",
    "not-acceptable",
    "Aucun des formats demandés n'est servi ici.",
    "Demandez application/fhir+json ou application/fhir+xml.",
)


def wanted(request: Request) -> Format:
    """The format asked for: `_format` first, then the best of `Accept`. Refusal 406 for none that is served."""
    if (named := request.query_params.get("_format")) is not None:
        found = _NAMES.get(named.partition(";")[0].strip().replace(" ", "+").lower())
        if found is None:
            raise NOT_ACCEPTABLE
        return found
    ranked = [(weight, name) for weight, name in accepted(request) if name in _NAMES and weight > 0]
    if not ranked:
        if not request.headers.get("accept", "").strip():
            return "json"
        raise NOT_ACCEPTABLE
    best = max(weight for weight, _ in ranked)
    return next(_NAMES[name] for weight, name in ranked if weight == best)


def accepted(request: Request) -> list[tuple[float, str]]:
    """The media types of `Accept`, each with its weight, in the order written."""
    found = []
    for part in request.headers.get("accept", "").split(","):
        name, *parameters = (one.strip().lower() for one in part.split(";"))
        weights = [one[2:] for one in parameters if one.startswith("q=")]
        try:
            found.append((float(weights[0]) if weights else 1.0, name))
        except ValueError:
            continue
    return found


def render(resource: Resource, form: Format) -> bytes:
    """The bytes of a resource."""
    if form == "xml":
        return to_xml(resource)
    return json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def answer(request: Request, resource: Resource, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A resource as it was asked for. Where it has a version that the client has already: 304, and nothing of it."""
    meta = resource.get("meta", {})
    sent = dict(headers or {})
    if resource["resourceType"] != "Bundle" and (version := meta.get("versionId")):
        sent["ETag"] = f'W/"{version}"'
        if status == 200 and is_known(request, sent["ETag"]):
            return Response(status_code=304, headers={"ETag": sent["ETag"]})
    form = wanted(request)
    return Response(render(resource, form), status, sent, media_type=f"{MEDIA[form]}; charset=utf-8")


def is_known(request: Request, tag: str) -> bool:
    """Whether If-None-Match names this ETag (weak comparison, RFC 9110)."""
    names = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return tag.removeprefix("W/") in names or "*" in names


def versioned(resource: Resource, updated: str = "") -> Resource:
    """The resource with `meta`: when it changed, and a version that is a hash of all that is shown of it. What no
    FHIR string may be is left out."""
    resource = tidied(resource)
    meta = resource.get("meta", {}) | ({"lastUpdated": updated} if updated else {})
    body = json.dumps({**resource, "meta": meta}, sort_keys=True).encode()
    meta = {"versionId": hashlib.sha256(body).hexdigest()[:16], **meta}
    identity = {name: resource[name] for name in ("resourceType", "id")}
    return {**identity, "meta": meta, **{k: v for k, v in resource.items() if k not in (*identity, "meta")}}
