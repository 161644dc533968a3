"""What the header of a CDA R2 document says, after HL7 CDA R2 and the French header (ANS, CI-SIS)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from lxml.etree import _Element

from access.identifiers import INS_OIDS
from ingest.parsers.cda_values import codings
from ingest.parsers.narrative import clean
from records.content import Metadata, StatedPatient
from records.fact import Fact, FactKind, FactSource, Quote

NAMESPACES = {"h": "urn:hl7-org:v3"}
LOINC = "2.16.840.1.113883.6.1"
_PARIS = ZoneInfo("Europe/Paris")  # read when this module is loaded: a child cannot open files
_CONTACTS = frozenset({"ECON", "NOK", "GUARD", "CAREGIVER"})  # people to notify, next of kin


def metadata_of(root: _Element) -> Metadata:
    """The header of a ClinicalDocument; what it does not say stays empty."""
    version = _value(root, "h:versionNumber/@value")
    return Metadata(
        unique_id=_identifier(root, "h:id"),
        set_id=_identifier(root, "h:setId"),
        version=int(version) if re.fullmatch(r"\d{1,6}", version) else 1,
        replaces=_identifier(root, "h:relatedDocument[@typeCode='RPLC']/h:parentDocument/h:id"),
        appends=_identifier(root, "h:relatedDocument[@typeCode='APND']/h:parentDocument/h:id"),
        type_code=_value(root, "h:code/@code"),
        title=_text(root, "h:title"),
        author=_author(root),
        organization=_text(root, "h:author/h:assignedAuthor/h:representedOrganization/h:name")
        or _text(root, "h:custodian/h:assignedCustodian/h:representedCustodianOrganization/h:name"),
        event_date=_event_date(root),
        confidentiality=_value(root, "h:confidentialityCode/@code"),
        language=_value(root, "h:languageCode/@code"),
        patient_ins=tuple(
            (clean(one.get("extension", "")), one.get("root", ""))
            for one in _all(root, "h:recordTarget/h:patientRole/h:id")
            if one.get("root") in INS_OIDS and one.get("extension")
        ),
        patients=tuple(_patient(role) for role in _all(root, "h:recordTarget/h:patientRole")),
        issued_at=parse_instant(_value(root, "h:effectiveTime/@value")),
    )


def _patient(role: _Element) -> StatedPatient:
    """A patientRole. A name part without qualifier may be a name of birth or in use: it is taken for one in use."""
    births: list[str] = []
    useds: list[str] = []
    for part in _all(role, "h:patient/h:name/h:family"):
        (births if part.get("qualifier") == "BR" else useds).append(clean("".join(map(str, part.itertext()))))
    givens = [clean("".join(map(str, one.itertext()))) for one in _all(role, "h:patient/h:name/h:given")]
    birth = _value(role, "h:patient/h:birthTime/@value")
    place = _text(role, "h:patient/h:birthplace/h:place/h:addr/h:county")
    return StatedPatient(
        identifiers=tuple(
            (clean(one.get("extension", "")), one.get("root", ""))
            for one in _all(role, "h:id")
            if one.get("root") in INS_OIDS and one.get("extension")
        ),
        birth_names=tuple(filter(None, births)),
        used_names=tuple(filter(None, useds)),
        given_names=" ".join(sorted(filter(None, givens), key=len, reverse=True)),
        birth_date=parse_day(birth) if re.match(r"\d{8}", birth) else None,
        sex=_value(role, "h:patient/h:administrativeGenderCode/@code"),
        birth_place=place,
        local=tuple(
            (clean(one.get("extension", "")), one.get("root", ""))
            for one in _all(role, "h:id")
            if one.get("root") and one.get("root") not in INS_OIDS and one.get("extension")
        ),
    )


def people_of(root: _Element) -> list[tuple[str, Fact]]:
    """A line for each person to notify or next of kin (role, name, telephone) as the document states them, and the
    fact that it tells."""
    found: dict[str, Fact] = {}
    for person in _all(root, "h:informant/h:relatedEntity | h:participant/h:associatedEntity"):
        name = _person(person, "h:relatedPerson | h:associatedPerson")
        if person.get("classCode") in _CONTACTS and name:
            code = next(iter(_all(person, "h:code")), None)
            role = _value(person, "h:code/@displayName")
            phones = [one.get("value", "").removeprefix("tel:") for one in _all(person, "h:telecom[@value]")]
            line = clean(" ".join([role, name, *phones]))
            said = (
                ("relation", role),
                ("telephone", clean(" ".join(phones))),
                ("role", person.get("classCode", "")),
            )
            contact = Fact(
                FactKind.CONTACT,
                name,
                Quote(0, 0, 0, ""),
                FactSource.STRUCTURED,
                codes=codings(code),
                details=tuple(pair for pair in said if pair[1]),
            )
            found.setdefault(line, contact)
    return list(found.items())


def _event_date(root: _Element) -> date | None:
    """When what is told happened: the start of the documented act, else the date of the document."""
    paths = (
        "h:documentationOf/h:serviceEvent/h:effectiveTime/h:low/@value",
        "h:documentationOf/h:serviceEvent/h:effectiveTime/@value",
        "h:documentationOf/h:serviceEvent/h:effectiveTime/h:high/@value",
        "h:componentOf/h:encompassingEncounter/h:effectiveTime/h:low/@value",
        "h:effectiveTime/@value",
    )
    return next((day for path in paths if (day := parse_day(_value(root, path))) is not None), None)


def parse_day(stamp: str) -> date | None:
    """The day of an HL7 time stamp (YYYYMMDD...); one of lower precision (YYYY, YYYYMM) counts from its first day."""
    found = re.match(r"(\d{4})(\d{2})?(\d{2})?", stamp)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None


def parse_instant(stamp: str) -> datetime | None:
    """An HL7 time stamp as an instant: of a day its beginning, and without an offset the time in Paris."""
    found = re.fullmatch(r"(\d{8})(\d{2})?(\d{2})?(\d{2})?(?:\.\d+)?([+-]\d{4})?", stamp)
    if found is None:
        return None
    written = "".join(part or "00" for part in found.groups()[:4])
    try:
        if found[5]:
            return datetime.strptime(written + found[5], "%Y%m%d%H%M%S%z")
        return datetime.strptime(written, "%Y%m%d%H%M%S").replace(tzinfo=_PARIS).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _author(root: _Element) -> str:
    name = _person(root, "h:author/h:assignedAuthor/h:assignedPerson")
    device = "h:author/h:assignedAuthor/h:assignedAuthoringDevice"
    return name or _text(root, f"{device}/h:softwareName") or _text(root, f"{device}/h:manufacturerModelName")


def _person(root: _Element, path: str) -> str:
    people = _all(root, path)
    names = _all(people[0], "h:name") if people else []
    return clean(" ".join(str(one) for one in names[0].itertext())) if names else ""


def _identifier(root: _Element, path: str) -> str:
    """root^extension, or the root alone (HL7 II)."""
    found = _all(root, path)
    if not found:
        return ""
    extension = found[0].get("extension", "")
    return f"{found[0].get('root', '')}^{extension}" if extension else found[0].get("root", "")


def _all(root: _Element, path: str) -> list[_Element]:
    found = root.xpath(path, namespaces=NAMESPACES)
    return [one for one in found if isinstance(one, _Element)] if isinstance(found, list) else []


def _value(root: _Element, path: str) -> str:
    found = root.xpath(path, namespaces=NAMESPACES)
    return clean(str(found[0])) if isinstance(found, list) and found else ""


def _text(root: _Element, path: str) -> str:
    found = _all(root, path)
    return clean("".join(str(one) for one in found[0].itertext())) if found else ""
