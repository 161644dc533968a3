"""The HTTP application: routers, the border around them, and nothing else. `create_app` makes no connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from threading import Lock
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response

from search_api import (
    bulks,
    card,
    claims,
    corrections,
    docs_page,
    documents,
    episodes,
    export,
    facts,
    health,
    identity,
    kinds,
    launches,
    metrics,
    oversight,
    pages,
    patients,
    problems,
    quarantine,
    saved,
    search,
    uploads,
)
from search_api.acting import ACTS
from search_api.border import Border
from search_api.cursors import Cursors
from search_api.desk import REFUSALS
from search_api.fhir.router import fhir_routers
from search_api.launch import LaunchLinks
from search_api.services import Services
from search_api.tokens import issuer_of
from search_api.web import files, sign_in

DESCRIPTION = (
    "Recherche dans les documents médicaux d'un patient, dans les limites de ses autorisations ; chaque accès est "
    "inscrit à un journal que le patient peut lire."
)


def create_app(services: Services, *, threads: int | None = None) -> FastAPI:
    """The application over these services. `threads` (services.threads by default) bounds concurrent requests."""
    places = threads or services.threads

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = places
        yield

    app = _Application(
        title="Anamnèse",
        description=DESCRIPTION,
        version=version("anamnese"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        separate_input_output_schemas=False,
    )
    app.state.services = services
    app.state.issuer = services.verifier or issuer_of(services)
    app.state.cursors = Cursors(services.keys.service_key("cursors"))
    app.state.launch_links = LaunchLinks(services.keys)
    problems.install(app)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(_own_documentation(app))
    app.include_router(files.router())
    app.include_router(sign_in.router)
    looking = (patients, launches, identity, kinds, documents, pages, corrections, search, saved, facts, card)
    for router in (*(module.router for module in (*looking, oversight, episodes, export, quarantine, claims)), *ACTS):
        app.include_router(router, responses=REFUSALS)
    slots = max(1, places // 2)
    app.include_router(uploads.uploads_router(services.upload_limit, slots), responses=REFUSALS)
    app.include_router(bulks.bulks_router(services.bulk_limit, max(1, places // 4)), responses=REFUSALS)
    for router in fhir_routers(services.upload_limit, max(1, places // 4)):
        app.include_router(router)
    app.add_middleware(Border)
    return app


class _Application(FastAPI):
    """FastAPI, whose description is made once: two threads that make it together disturb each other in pydantic."""

    def openapi(self) -> dict[str, Any]:
        with _DESCRIBING:
            return super().openapi()


_DESCRIBING = Lock()


def _own_documentation(app: FastAPI) -> APIRouter:
    """`/docs` and `/openapi.json`: FastAPI's own pages would fetch scripts from another host."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    def openapi() -> dict[str, object]:
        return app.openapi()

    @router.get("/docs")
    def docs() -> Response:
        return HTMLResponse(docs_page.render(app.openapi()), headers={"Content-Security-Policy": docs_page.POLICY})

    return router
