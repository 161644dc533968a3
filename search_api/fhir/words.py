"""Addresses, code systems and small builders that every resource is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from access.identifiers import DocumentId, PatientId, is_opaque_id
from search_api.fhir.elements import Resource

OURS = "urn:anamnese"
LOINC = "http://loinc.org"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
INS_NIR = "1.2.250.1.213.1.4.8"
FRENCH_TYPES = "urn:oid:1.2.250.1.213.1.1.4.12"
"""The ANS's own document types, beside LOINC (JDV J07)."""
FRENCH_CONFIDENTIALITY = "urn:oid:1.2.250.1.213.1.1.4.13"
"""The DMP's visibility codes: MASQUE_PS, INVISIBLE_PATIENT, INVISIBLE_REPRESENTANTS_LEGAUX (TRE_A07)."""
RPPS = "urn:oid:1.2.250.1.71.4.2.1"
FINESS = "urn:oid:1.2.250.1.71.4.2.2"
_SYSTEMS = {
    "2.16.840.1.113883.6.1": LOINC,
    "2.16.840.1.113883.6.96": "http://snomed.info/sct",
    "2.16.840.1.113883.6.73": "http://www.whocc.no/atc",
    "2.16.840.1.113883.6.3": "http://hl7.org/fhir/sid/icd-10",
    "2.16.840.1.113883.6.8": "http://unitsofmeasure.org",
}
_EMPTY: tuple[object, ...] = ("", [], {})
_URI = "!#$%&'()*+,/:;=?@[]~"
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")
_LOINC = re.compile(r"\d{1,6}-\d")
_CONTROL = re.compile(r"[^\t\n\r -\U0010ffff]")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def joined(patient_id: PatientId, name: str) -> str:
    """The FHIR id of what is in a record: the record's, a point, its own. So every read knows whose Scope to ask."""
    return f"{patient_id}.{name}"


def parted(identity: str) -> tuple[str, str]:
    """The record and the name in a FHIR id; what is none gives the ids of nobody and nothing."""
    patient, _, name = identity.partition(".")
    return patient, name


def document_part(identity: str) -> DocumentId:
    """The document in a FHIR id; one that is none becomes a well-formed id of nothing."""
    name = parted(identity)[1]
    return DocumentId(name if is_opaque_id(name) else "a" * 26)


def system_of(system: str) -> str:
    """A code system's address; an OID that has one becomes it, any other becomes a urn."""
    bare = system.removeprefix("urn:oid:")
    return _SYSTEMS.get(bare) or (f"urn:oid:{bare}" if _OID.fullmatch(bare) else _addressed(system))


def _addressed(system: str) -> str:
    """A name as a document writes it, as a uri may be: what one cannot hold (white space, above all) is quoted."""
    return "" if is_blank(system) else quote(system.strip(), safe=_URI)


def coding(system: str, code: str, display: str = "") -> Resource:
    """A Coding; what is empty is left out."""
    return filled({"system": system_of(system), "code": " ".join(code.split()), "display": display})


def concept(system: str, code: str, display: str = "") -> Resource:
    """A CodeableConcept of one coding."""
    return {"coding": [coding(system, code, display)]}


def type_coding(code: str, display: str) -> Resource:
    """A document's type."""
    return coding(LOINC if _LOINC.fullmatch(code) else FRENCH_TYPES, code, display)


def filled(value: Resource) -> Resource:
    """Without what is empty: FHIR knows no empty value."""
    return {name: one for name, one in value.items() if one is not None and one not in _EMPTY}


def is_blank(text: str) -> bool:
    """Whether nothing of it would be seen: white space, control characters, byte order marks."""
    return not any(one.isprintable() and not one.isspace() for one in text)


def tidied(value: Any, *, counted: bool = False) -> Any:
    """Without what FHIR does not let a string be (blank) or hold (control characters), and what is empty for want of
    it. `counted`: of a list whose values keep their places, since what is said beside them stands by number."""
    if isinstance(value, str):
        return "" if is_blank(value) else _CONTROL.sub("", value)
    if isinstance(value, dict):
        beside = {name for name in value if name.startswith("_") or f"_{name}" in value}
        return filled({name: tidied(one, counted=name in beside) for name, one in value.items()})
    if isinstance(value, list):
        found = [None if one in _EMPTY else one for one in map(tidied, value)]
        return found if counted else [one for one in found if one is not None]
    return value


def instant(at: datetime) -> str:
    """An instant with its zone."""
    return at.isoformat(timespec="milliseconds")


def day(on: date | None) -> str:
    return "" if on is None else on.isoformat()


def uri_of(name: str) -> Resource:
    """An Identifier of a maker's own name for a document."""
    bare = name.removeprefix("urn:oid:").removeprefix("urn:uuid:")
    if _OID.fullmatch(bare):
        return {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{bare}"}
    if _UUID.fullmatch(bare.lower()):
        return {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{bare.lower()}"}
    return {"value": name}


def narrative(lines: Iterable[str], status: str = "generated") -> Resource:
    """A Narrative of lines of plain text: nothing of a document is markup here."""
    items = "".join(f"<li>{escape(_printable(line))}</li>" for line in lines)
    return {"status": status, "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><ul>{items}</ul></div>'}


def _printable(text: str) -> str:
    """XML has no control characters."""
    return "".join(one if one.isprintable() else " " for one in text)


def each(value: Any) -> list[Any]:
    """The values of what may be missing, single or repeated."""
    return value if isinstance(value, list) else [] if value is None else [value]
