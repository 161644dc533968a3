"""Whom the software that launched the page has in view: `patient` of the token response becomes an identity of ours.

The software's FHIR server is asked only at an address of the settings, with the token of the person who signed in. What
it answers is an identity presented at the door, as if it had been typed: it opens nothing by itself.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from access.identifiers import INS_OIDS, Ins, PatientId, is_opaque_id, parse_ins
from access.refusal import Refusal
from search_api.oidc.code_flow import Granted
from search_api.oidc.config import EhrLaunch
from search_api.oidc.provider import fetch_json


def patient_in_view(launched: EhrLaunch, granted: Granted) -> Ins | PatientId | None:
    """An INS or a record's id; None when there is none to be had, or more than one."""
    if launched.patient == "id":
        return PatientId(granted.patient) if is_opaque_id(granted.patient) else None
    if launched.patient == "ins":
        return parse_ins(granted.patient)
    address = f"{launched.iss.rstrip('/')}/Patient/{quote(granted.patient, safe='')}"
    try:
        patient = fetch_json(address, {"Authorization": f"Bearer {granted.token}", "Accept": "application/fhir+json"})
    except Refusal:  # away, or it shows this person nothing: they sign in all the same, and name the patient here
        return None
    if patient.get("resourceType") != "Patient" or patient.get("id") != granted.patient:
        return None
    found = set(_numbers(patient))
    return found.pop() if len(found) == 1 else None


def _numbers(patient: dict[str, Any]) -> list[Ins]:
    listed = patient.get("identifier")
    told = [each for each in (listed if isinstance(listed, list) else []) if isinstance(each, dict)]
    kept = [each for each in told if str(each.get("system")).removeprefix("urn:oid:") in INS_OIDS]
    read = [parse_ins(str(each.get("value")), str(each["system"]).removeprefix("urn:oid:")) for each in kept]
    return [ins for ins in read if ins is not None]
