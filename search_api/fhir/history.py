"""History of a resource that keeps its current version alone, and says so: `readHistory` in /fhir/metadata."""

from __future__ import annotations

from access.refusal import Refusal
from search_api.fhir.counter import Counter
from search_api.fhir.elements import Resource

NO_SUCH_RESOURCE = Refusal(
    "show",
    "no-such-resource",
    "Aucune ressource de ce nom parmi celles qui vous sont accessibles.",
    "Refaites la recherche.",
)


def history_of(counter: Counter, resource: Resource) -> Resource:
    """A history Bundle of the one version that is kept."""
    reference = f"{resource['resourceType']}/{resource['id']}"
    entry = {
        "fullUrl": counter.url(reference),
        "resource": resource,
        "request": {"method": "PUT", "url": reference},
        "response": {"status": "200", "etag": f'W/"{resource["meta"]["versionId"]}"'},
    }
    return {"resourceType": "Bundle", "type": "history", "total": 1, "entry": [entry]}


def only_current(resource: Resource, version: str) -> Resource:
    """The resource when that is its version; Refusal 404 otherwise."""
    if resource["meta"]["versionId"] != version:
        raise NO_SUCH_RESOURCE
    return resource
