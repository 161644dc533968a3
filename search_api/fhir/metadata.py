"""`/fhir/metadata`: what is really routed here, read from the routes themselves, so that it cannot promise more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from search_api.fhir.elements import Resource
from search_api.fhir.formats import answer
from search_api.fhir.parameters import Parameter
from search_api.fhir.words import filled

Search = tuple[Mapping[str, Parameter], frozenset[str], frozenset[str]]
"""The parameters of a resource, what it includes, and what includes it."""
CHANGED = "2026-11-29"
"""When what is offered here changed for the last time."""
_CODES = {
    ("GET", "/{identity}"): "read",
    ("GET", "/{identity}/_history/{version}"): "vread",
    ("GET", "/{identity}/_history"): "history-instance",
    ("GET", ""): "search-type",
    ("POST", ""): "create",
    ("DELETE", "/{identity}"): "delete",
}
_DEFINED = {
    "$summary": "http://hl7.org/fhir/uv/ips/OperationDefinition/summary",
    "$export": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export",
    "$match": "http://hl7.org/fhir/OperationDefinition/Patient-match",
}
_CHAINED = re.compile(r"[a-z]+\.[a-z]+")


def metadata_router(routes: list[APIRoute], searches: Mapping[str, Search]) -> APIRouter:
    """The capability statement of these routes."""
    router = APIRouter(prefix="/fhir", include_in_schema=False)

    @router.get("/metadata")
    def metadata(request: Request) -> Response:
        """Open to anybody: it says nothing of anybody."""
        base = str(request.base_url).rstrip("/") + "/fhir"
        return answer(request, statement(base, routes, searches))

    return router


def statement(base: str, routes: list[APIRoute], searches: Mapping[str, Search]) -> Resource:
    """A CapabilityStatement of R4."""
    routed: dict[str, set[str]] = {}
    operations: dict[str, set[str]] = {}
    for method, kind, behind in _addresses(routes):
        last = behind.rpartition("/")[2]
        if last.startswith("$"):
            operations.setdefault(kind, set()).add(last)
        elif kind and (code := _CODES.get((method, behind))):
            routed.setdefault(kind, set()).add(code)
    system = [{"code": "transaction"}] if ("POST", "", "") in set(_addresses(routes)) else []
    served: Resource = {
        "mode": "server",
        "security": {
            "service": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                            "code": "SMART-on-FHIR",
                        }
                    ]
                }
            ],
            "description": f"Jeton d'accès (Bearer) : {base}/.well-known/smart-configuration",
        },
        "resource": [
            _resource(kind, routed.get(kind, set()), operations.get(kind, set()), searches.get(kind))
            for kind in sorted({*routed, *operations})
        ],
        "interaction": system,
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CHANGED,
        "kind": "instance",
        "software": {"name": "Anamnèse", "version": version("anamnese")},
        "implementation": {"description": "Anamnèse", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml"],
        "implementationGuide": ["https://profiles.ihe.net/ITI/MHD/ImplementationGuide/ihe.iti.mhd"],
        "rest": [filled(served)],
    }


def _addresses(routes: list[APIRoute]) -> Iterator[tuple[str, str, str]]:
    """(method, resource type, what comes behind it) of every route."""
    for route in routes:
        kind, _, rest = route.path.removeprefix("/fhir").removeprefix("/").partition("/")
        if kind and not kind[0].isupper():
            continue
        for method in sorted(route.methods or ()):
            yield method, kind, f"/{rest}" if rest else ""


def _resource(kind: str, codes: set[str], operations: set[str], search: Search | None) -> Resource:
    known, includes, reverse = search or ({}, frozenset(), frozenset())
    return filled(
        {
            "type": kind,
            "interaction": [{"code": code} for code in sorted(codes)],
            "versioning": "versioned" if "vread" in codes else "no-version",
            "readHistory": kind == "DocumentReference" if "vread" in codes else None,
            "searchInclude": sorted(includes),
            "searchRevInclude": sorted(reverse),
            "searchParam": [
                {"name": name, "type": one.kind}
                for name, one in sorted(known.items())
                if "search-type" in codes and not _CHAINED.fullmatch(name)
            ],
            "operation": [{"name": one.removeprefix("$"), "definition": _DEFINED[one]} for one in sorted(operations)],
        }
    )
