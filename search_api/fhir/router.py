"""Every address under /fhir, and the capability statement made from them."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.routing import APIRoute

from search_api.fhir import (
    audits,
    binaries,
    clinical,
    consents,
    documents,
    encounters,
    exports,
    patients,
    references,
    smart,
    summary,
)
from search_api.fhir.metadata import Search, metadata_router
from search_api.fhir.provide import provide_router

MODULES = (
    documents.router,
    binaries.router,
    patients.router,
    clinical.clinical_router(),
    encounters.router,
    summary.router,
    exports.router,
    audits.router,
    consents.router,
)
SEARCHES: dict[str, Search] = {
    documents.KIND: (references.PARAMETERS, references.INCLUDES, frozenset()),
    patients.KIND: (patients.PARAMETERS, frozenset(), frozenset()),
    **{
        kind: (known, clinical.includes_of(kind), frozenset({clinical.REVINCLUDE}))
        for kind, known in clinical.PARAMETERS.items()
    },
    encounters.KIND: (encounters.PARAMETERS, encounters.INCLUDES, frozenset()),
    audits.KIND: (audits.PARAMETERS, frozenset(), frozenset()),
    consents.KIND: (consents.PARAMETERS, frozenset(), frozenset()),
    clinical.PROVENANCE: (clinical.PROVENANCES, frozenset(), frozenset()),
}


def fhir_routers(limit: int, places: int) -> Iterator[APIRouter]:
    """The routers of this folder. `limit`: bytes of a document; `places`: submissions at a time."""
    routers = (*MODULES, provide_router(limit, places))
    yield from routers
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    yield metadata_router(routes, SEARCHES)
    yield smart.smart_router(sorted(SEARCHES))
