"""Whether the service lives, and whether each of its parts works: tried now, never assumed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from access.refusal import Refusal
from search_api.services import Services
from search_api.views import Alive, Part, Readiness

log = logging.getLogger("anamnese.api")
router = APIRouter(tags=["service"])

NEEDED = ("records", "blobs", "index")
"""Without one of these, nothing is answered; without another, answers say what they lack."""


@router.get("/healthz", summary="Le processus répond")
def healthz() -> Alive:
    """Toujours 200 tant que le processus répond ; /readyz dit si le service peut travailler."""
    return Alive()


@router.get("/readyz", summary="Chaque partie fonctionne", responses={503: {"model": Readiness}})
def readyz(request: Request, response: Response) -> Readiness:
    """200 `ready` ou `degraded`, 503 `unavailable`, et l'état de chaque partie, essayée à l'instant."""
    readiness = look(request.app.state.services)
    response.status_code = 503 if readiness.status == "unavailable" else 200
    return readiness


def look(services: Services) -> Readiness:
    """Try every part."""
    checks: dict[str, Callable[[Services], str]] = {
        "records": _records,
        "blobs": _blobs,
        "disk": _disk,
        "index": _index,
        "embedder": _embedder,
        "ocr": _ocr,
        "sandbox": _sandbox,
        "queue": _queue,
    }
    parts = {name: _tried(name, check, services) for name, check in checks.items()}
    if not all(parts[name].ok for name in NEEDED):
        return Readiness(status="unavailable", parts=parts)
    return Readiness(status="ready" if all(part.ok for part in parts.values()) else "degraded", parts=parts)


def _tried(name: str, check: Callable[[Services], str], services: Services) -> Part:
    try:
        return Part(ok=True, detail=check(services))
    except Refusal as refusal:
        return Part(ok=False, detail=refusal.message)
    except Exception as error:  # a part that breaks in a new way is a broken part, not a broken page
        log.error("readiness of %s: %s", name, type(error).__name__)
        return Part(ok=False, detail="En panne.")


def _records(services: Services) -> str:
    services.records.healthy()
    return "La base répond."


def _blobs(services: Services) -> str:
    if services.records.reserve.short():  # a full disk is said by its own part: what is stored is still answered
        return "Le dossier des fichiers est lisible."
    services.blobs.ready()
    return "Le dossier des fichiers est inscriptible."


def _disk(services: Services) -> str:
    services.records.reserve.require()
    return "Il reste de la place."


def _index(services: Services) -> str:
    services.index.ping()
    generation = services.index.current().generation
    if not services.index.is_wanted(generation):
        return f"Génération {generation.name} ; une autre se construit."
    return f"Génération {generation.name}."


def _embedder(services: Services) -> str:
    if not services.embedder.dimensions:
        raise Refusal("embed", "words-only", "Aucun modèle : recherche par mots seulement.", "")
    if not services.index.is_wanted(services.index.current().generation):
        raise Refusal("embed", "words-only", "L'index vient d'un autre modèle : recherche par mots seulement.", "")
    return f"{services.embedder.dimensions} dimensions."


def _ocr(services: Services) -> str:
    name = services.ocr_name()
    if not name:
        raise Refusal("read", "no-ocr", "Aucune reconnaissance de caractères : les images restent illisibles.", "")
    return f"{name}."


def _sandbox(services: Services) -> str:
    isolation = services.sandbox.isolation()
    if not isolation.active:
        raise Refusal("parse", "no-isolation", "Un document est lu dans un processus à part, limites seulement.", "")
    return f"Un processus par document : {isolation.sentence()}."


def _queue(services: Services) -> str:
    if not services.workers_alive():
        raise Refusal("store", "no-worker", "Personne ne lit les documents reçus ; ils attendent.", "")
    return "Les documents reçus sont lus."
