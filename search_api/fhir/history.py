"""History of a resource. Where only the current version is kept, `readHistory` in /fhir/metadata says so."""

from __future__ import annotations

from collections.abc import Sequence

from access.refusal import Refusal
from search_api.fhir.counter import Counter
from search_api.fhir.elements import Resource

NO_SUCH_RESOURCE = Refusal(
    "show",
    "no-such-resource",
    "Aucune ressource de ce nom parmi celles qui vous sont accessibles.",
    "Refaites la recherche.",
)


def history_of(counter: Counter, versions: Sequence[Resource]) -> Resource:
    """A history Bundle of the versions of one resource, newest first. The oldest that is kept counts as created."""
    return {
        "resourceType": "Bundle",
        "type": "history",
        "total": len(versions),
        "entry": [_entry(counter, one, created=one is versions[-1]) for one in versions],
    }


def _entry(counter: Counter, version: Resource, *, created: bool) -> Resource:
    reference = f"{version['resourceType']}/{version['id']}"
    request = {"method": "POST", "url": version["resourceType"]} if created else {"method": "PUT", "url": reference}
    etag, updated = f'W/"{version["meta"]["versionId"]}"', version["meta"]["lastUpdated"]
    return {
        "fullUrl": counter.url(reference),
        "resource": version,
        "request": request,
        "response": {"status": "201" if created else "200", "etag": etag, "lastModified": updated},
    }


def only_current(resource: Resource, version: str) -> Resource:
    """The resource when that is its version; Refusal 404 otherwise."""
    if resource["meta"]["versionId"] != version:
        raise NO_SUCH_RESOURCE
    return resource
