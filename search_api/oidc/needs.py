"""Which SMART scope each address asks for. An address that is not listed asks for every resource.

A scope for reading documents reads documents: consents, masks, closing, journals and deposits ask for their own.
"""

from __future__ import annotations

from access.smart import Need

RESOURCES = {
    "lookup": "Patient",
    "launch-links": "Patient",
    "record": "Patient",
    "identity": "Patient",
    "contact": "Patient",
    "bulks": "DocumentReference",
    "documents": "DocumentReference",
    "document-types": "DocumentReference",
    "search": "DocumentReference",
    "searches": "DocumentReference",
    "masks": "DocumentReference",
    "grants": "Consent",
    "blocks": "Consent",
    "oppositions": "Consent",
    "closure": "Consent",
    "break-glass": "Consent",
    "succession-requests": "Consent",
    "representatives": "RelatedPerson",
    "episodes": "Encounter",
    "journal": "AuditEvent",
    "observations": "Observation",
    "immunizations": "Immunization",
}
EVERYTHING = "*"
_SEARCHES = frozenset({"journal", "launch-links", "lookup", "search", "searches"})
_STATES = frozenset({"masks", "closure"})  # made and undone: a change of what is there
_VERBS = {"GET": "r", "HEAD": "r", "POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}


def need_of(method: str, template: str) -> Need:
    """What a request for a route ("/v1/patients/{patient_id}/documents/{document_id}") asks for."""
    parts = [part for part in template.split("/") if part and part not in ("v1", "patients", "{patient_id}")]
    word = parts[0] if parts else ""
    resource = RESOURCES.get(word, EVERYTHING)
    if word in _SEARCHES or (method == "GET" and len(parts) == 1):
        return Need(resource, "s")
    if word in _STATES:
        return Need(resource, "u")
    return Need(resource, _VERBS.get(method, "d"))
