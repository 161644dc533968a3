"""Journal entries as FHIR R4 AuditEvents, after IHE's Basic Audit Log Patterns (BALP 1.1.3).

    a search, a list, a look-up     profile PatientQuery, subtype "search"
    a document, a page, a card      profile PatientRead, subtype "read"
    a deposit, an act               profiles PatientCreate, PatientUpdate, PatientDelete
    break-glass                     DCM 110113 Security Alert, 110127 Emergency Override Started, 110138 Stopped

The search's words are health data: they stand in the query entity only where the exporter asks for them. Patient and
documents are named by our opaque identifiers.
"""

from __future__ import annotations

import base64
from typing import Any

from access.scope import CallerKind
from records.journal import Entry

BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = "http://hl7.org/fhir/restful-interaction"
_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
RPPS_SYSTEM = "urn:oid:1.2.250.1.71.4.2.1"
"""Identifiers of French health professionals (ANS)."""
SYSTEM = "urn:anamnese"

_PURPOSES = {
    "care": "TREAT",
    "self": "PATRQT",
    "emergency": "ETREAT",
    "regulation": "ETREAT",
    "representation": "FAMRQT",
    "audit": "HOPERAT",
    "administration": "HOPERAT",
}
_QUERIES = frozenset({"search", "search-patients", "lookup", "too-many-requests", "out-of-scope"})
_CREATES = frozenset({"deposit", "grant", "block", "oppose", "attest-consent", "record-representative", "export"})
_DELETES = frozenset({"revoke", "unblock", "withdraw-opposition", "end-representative", "erase", "retire-journal"})
_OVERRIDES = {
    "break-glass": ("110127", "Emergency Override Started"),
    "end-break-glass": ("110138", "Emergency Override Stopped"),
}
_READS = ("read-", "list-", "view-", "download", "emergency", "review-")


def audit_event(entry: Entry, identity: str, *, with_queries: bool = False) -> dict[str, Any]:
    """An AuditEvent of this id; `with_queries` adds what was asked in words."""
    kind, interaction, action = _kind(entry)
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": identity,
        "type": _coding(_TYPE, "rest", "RESTful Operation"),
        "subtype": [_coding(_REST, interaction, interaction)],
        "action": action,
        "recorded": entry.at.isoformat(timespec="milliseconds"),
        "outcome": "0" if entry.outcome == "granted" else "4",
        "purposeOfEvent": [{"coding": [_coding(_REASON, _PURPOSES.get(entry.purpose, "HOPERAT"))]}],
        "agent": list(_agents(entry)),
        "source": {"observer": {"display": "Anamnèse"}, "type": [_coding(_SOURCE, "4", "Application Server")]},
        "entity": list(_entities(entry, with_queries=with_queries)),
    }
    if entry.action in _OVERRIDES:
        code, display = _OVERRIDES[entry.action]
        resource["type"] = _coding(_DCM, "110113", "Security Alert")
        resource["subtype"] = [_coding(_DCM, code, display)]
    else:
        resource["meta"] = {"profile": [f"{BALP}.{kind}"]}
    if entry.reason:
        resource["purposeOfEvent"][0]["text"] = entry.reason
    return resource


_SOURCE = "http://terminology.hl7.org/CodeSystem/security-source-type"


def _kind(entry: Entry) -> tuple[str, str, str]:
    """The BALP pattern, the RESTful interaction and the action of an entry."""
    action = entry.action
    if action in _QUERIES or action.startswith("list-"):
        return "PatientQuery", "search", "E"
    if action.startswith(_READS):
        return "PatientRead", "read", "R"
    if action in _CREATES:
        return "PatientCreate", "create", "C"
    if action in _DELETES:
        return "PatientDelete", "delete", "D"
    return "PatientUpdate", "update", "U"


def _agents(entry: Entry) -> list[dict[str, Any]]:
    """Who asked (the person, or the system alone), the system that spoke for them, and we who answered."""
    person = entry.on_behalf or entry.caller
    practitioner = entry.caller_kind == CallerKind.PRACTITIONER
    asked: dict[str, Any] = {
        "type": {"coding": [_coding(_PARTICIPATION, "IRCP", "information recipient")]},
        "who": {
            "identifier": {"system": RPPS_SYSTEM if practitioner else f"{SYSTEM}:{entry.caller_kind}", "value": person}
        },
        "requestor": True,
    }
    if entry.role:
        asked["role"] = [{"text": entry.role}]
    client = {
        "type": {"coding": [_coding(_DCM, "110153", "Source Role ID")]},
        "who": {"identifier": {"system": f"{SYSTEM}:system", "value": entry.caller if entry.on_behalf else "client"}},
        "requestor": False,
    }
    server = {
        "type": {"coding": [_coding(_DCM, "110152", "Destination Role ID")]},
        "who": {"display": "Anamnèse"},
        "requestor": False,
    }
    return [asked, client, server]


def _entities(entry: Entry, *, with_queries: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if entry.patient_id:
        found.append(
            {
                "what": {"reference": f"Patient/{entry.patient_id}"},
                "type": _coding(_ENTITY, "1", "Person"),
                "role": _coding(_ROLE, "1", "Patient"),
            }
        )
    if _kind(entry)[0] == "PatientQuery" and entry.action not in _OVERRIDES:
        words = entry.query if with_queries and entry.query is not None else entry.action
        found.append(
            {
                "type": _coding(_ENTITY, "2", "System Object"),
                "role": _coding(_ROLE, "24", "Query"),
                "query": base64.b64encode(words.encode()).decode(),
            }
        )
    for document in entry.documents:
        found.append(
            {
                "what": {"reference": f"DocumentReference/{entry.patient_id}.{document}"},
                "type": _coding(_ENTITY, "2", "System Object"),
                "role": _coding(_ROLE, "3", "Report"),
            }
        )
    found.append(
        {
            "what": {"identifier": {"system": f"{SYSTEM}:request", "value": entry.request_id}},
            "type": _coding("https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId"),
        }
    )
    return found


def _coding(system: str, code: str, display: str = "") -> dict[str, str]:
    return {"system": system, "code": code} | ({"display": display} if display else {})
