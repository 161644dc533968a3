"""Every address under /fhir, and the capability statement made from them."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.routing import APIRoute

from search_api.fhir import binaries, clinical, documents, patients, references, summary
from search_api.fhir.metadata import Search, metadata_router

MODULES = (documents.router, binaries.router, patients.router, clinical.clinical_router(), summary.router)
SEARCHES: dict[str, Search] = {
    documents.KIND: (references.PARAMETERS, references.INCLUDES, frozenset()),
    patients.KIND: (patients.PARAMETERS, frozenset(), frozenset()),
    **{
        kind: (known, clinical.includes_of(kind), frozenset({clinical.REVINCLUDE}))
        for kind, known in clinical.PARAMETERS.items()
    },
    clinical.PROVENANCE: (clinical.PROVENANCES, frozenset(), frozenset()),
}


def fhir_routers() -> Iterator[APIRouter]:
    """The routers of this folder."""
    yield from MODULES
    routes = [route for router in MODULES for route in router.routes if isinstance(route, APIRoute)]
    yield metadata_router(routes, SEARCHES)
