"""What FHIR resources say of the document that they are: its identity, type, author, date, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from access.identifiers import INS_OIDS
from ingest.parsers.fhir_lines import Resolve, name_of, title_of, words
from ingest.parsers.fhir_tree import Resource, each, first, objects, string
from records.content import Metadata, StatedPatient

_DOCUMENTS = ("Composition", "DocumentReference", "DiagnosticReport")
_GONE = frozenset({"entered-in-error"})
_LOINC = re.compile(r"\d{1,6}-\d")
_DATE_FIELDS = """
date effectiveDateTime effectivePeriod performedDateTime performedPeriod occurrenceDateTime authoredOn
whenHandedOver onsetDateTime recordedDate dateAsserted dateTime recorded issued period sent created
"""
_DATES = _DATE_FIELDS.split()


def metadata_of(tops: Sequence[Resource], inside: Sequence[Resource], resolve: Resolve) -> Metadata:
    """The document's word. A composition, a reference or a report speaks for all; a single resource for itself; several
    of equal rank agree on nothing but their patients."""
    patients = [_patient(one) for one in inside if one.get("resourceType") == "Patient"]
    stated = Metadata(
        patient_ins=tuple(dict.fromkeys(pair for one in patients for pair in one.identifiers)),
        patients=tuple(dict.fromkeys(patients)),
    )
    speaker = _speaker(tops, inside)
    if speaker is None:
        return stated
    unique_id, names = _identity(tops, speaker), _names(tops, speaker)
    status = string(speaker.get("status"))
    gone = status in _GONE or string(speaker.get("docStatus")) in _GONE
    return Metadata(
        unique_id=unique_id,
        set_id=_identifier(speaker.get("identifier")) if speaker["resourceType"] == "Composition" else "",
        replaces=_related(speaker, "replaces"),
        appends=_related(speaker, "appends"),
        type_code=_type(speaker),
        title=_title(speaker, resolve),
        author=_people(speaker, ("author", "performer", "resultsInterpreter", "asserter", "recorder"), resolve),
        organization=_people(speaker, ("custodian", "managingOrganization", "serviceProvider"), resolve),
        event_date=_event(speaker),
        confidentiality=_confidentiality(speaker),
        language=string(speaker.get("language")),
        patient_ins=stated.patient_ins,
        patients=stated.patients,
        issued_at=_issued(speaker),
        aliases=tuple(name for name in names if name != unique_id),
        cancels=names if gone or status == "superseded" else (),
    )


def is_withdrawn(tops: Sequence[Resource], inside: Sequence[Resource]) -> bool:
    """Whether the document was entered in error: nothing of it may be read as if it were true."""
    speaker = _speaker(tops, inside)
    stated = () if speaker is None else (string(speaker.get("status")), string(speaker.get("docStatus")))
    return not _GONE.isdisjoint(stated) and speaker is not None and speaker["resourceType"] in _DOCUMENTS


def _names(tops: Sequence[Resource], speaker: Resource) -> tuple[str, ...]:
    """Every identifier of a document, and the addresses that a later one may refer to it by."""
    if speaker["resourceType"] not in _DOCUMENTS:
        return ()
    own = [_identity(tops, speaker)]
    own += [_identifier(one) for field in ("masterIdentifier", "identifier") for one in each(speaker.get(field))]
    if identity := string(speaker.get("id")):
        own.append(f"{speaker['resourceType']}/{identity}")
    entries = [entry for top in tops for entry in objects(top.get("entry"))]
    own += [string(one.get("fullUrl")) for one in entries if any(x is speaker for x in objects(one.get("resource")))]
    return tuple(dict.fromkeys(filter(None, own)))


def _issued(speaker: Resource) -> datetime | None:
    """When this version was made; a day or a time without offset says too little to compare."""
    for field in ("date", "issued", "indexed"):
        try:
            found = datetime.fromisoformat(string(speaker.get(field)))
        except ValueError:
            continue
        if found.tzinfo is not None:
            return found
    return None


def _speaker(tops: Sequence[Resource], inside: Sequence[Resource]) -> Resource | None:
    for kind in _DOCUMENTS:
        found = [one for one in inside if one["resourceType"] == kind]
        if found:
            return found[0] if len(found) == 1 or kind == "Composition" else None
    clinical = [one for one in tops if one["resourceType"] not in ("Bundle", "Parameters")]
    return clinical[0] if len(clinical) == len(tops) == 1 else None


def _identity(tops: Sequence[Resource], speaker: Resource) -> str:
    """A document Bundle has the document's own identifier; a DocumentReference states it as its master."""
    if tops[0]["resourceType"] == "Bundle" and string(tops[0].get("type")) == "document":
        return _identifier(tops[0].get("identifier"))
    if speaker["resourceType"] == "DocumentReference":
        return _identifier(speaker.get("masterIdentifier")) or _identifier(speaker.get("identifier"))
    return _identifier(speaker.get("identifier")) if speaker["resourceType"] == "DiagnosticReport" else ""


def _identifier(value: object) -> str:
    """OID^value as CDA's, the bare OID or UUID of a URN, else system and value as they stand."""
    one = first(value)
    if not isinstance(one, dict):
        return ""
    system, text = string(one.get("system")), string(one.get("value"))
    text = re.sub(r"^urn:(oid|uuid):", "", text)
    if not text or not system or system == "urn:ietf:rfc:3986":
        return text
    return f"{system.removeprefix('urn:oid:')}^{text}"


def _related(speaker: Resource, code: str) -> str:
    for one in objects(speaker.get("relatesTo")):
        if string(one.get("code")) == code:
            target = first(one.get("targetIdentifier"))
            inner = first(one.get("target")) or first(one.get("targetReference"))
            if isinstance(inner, dict):
                return _identifier(target) or _identifier(inner.get("identifier")) or string(inner.get("reference"))
            return _identifier(target)
    return ""


def _type(speaker: Resource) -> str:
    for field in ("type", "code"):
        for concept in objects(speaker.get(field)):
            for coding in objects(concept.get("coding")):
                if _LOINC.fullmatch(string(coding.get("code"))) and speaker["resourceType"] in _DOCUMENTS:
                    return string(coding.get("code"))
    return ""


def _title(speaker: Resource, resolve: Resolve) -> str:
    contents = [first(one.get("attachment")) for one in objects(speaker.get("content"))]
    attached = [string(one.get("title")) for one in contents if isinstance(one, dict)]
    stated = [string(speaker.get("title")), string(speaker.get("description")), *attached]
    name = words(speaker.get("type") or speaker.get("code"), resolve) or name_of(speaker, resolve)
    return next(filter(None, stated), "") or name[:200] or title_of(speaker)


def _people(speaker: Resource, fields: Sequence[str], resolve: Resolve) -> str:
    for field in fields:
        for one in each(speaker.get(field)):
            if isinstance(one, dict) and (text := words(one, resolve)):
                return text[:200]
    return ""


def _event(speaker: Resource) -> date | None:
    contexts = objects(speaker.get("context"))
    candidates = [one.get("period") for one in contexts] + [speaker.get(field) for field in _DATES]
    return next((day for one in candidates if (day := _day(one)) is not None), None)


def _day(value: object) -> date | None:
    one = first(value)
    if isinstance(one, dict):
        one = string(one.get("start")) or string(one.get("end"))
    found = re.match(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", one) if isinstance(one, str) else None
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None


def _confidentiality(speaker: Resource) -> str:
    labels = [*objects(speaker.get("securityLabel"))]
    labels += [one for meta in objects(speaker.get("meta")) for one in objects(meta.get("security"))]
    codings = [coding for one in labels for coding in (objects(one.get("coding")) or [one])]
    codes = [string(speaker.get("confidentiality")), *(string(one.get("code")) for one in codings)]
    return " ".join(dict.fromkeys(code for code in codes if re.fullmatch(r"\S{1,40}", code)))


def _patient(patient: Resource) -> StatedPatient:
    """In France the official name is the name of birth (INS); elsewhere it is the name in use."""
    pairs = [(string(one.get("value")), string(one.get("system"))) for one in objects(patient.get("identifier"))]
    identifiers = tuple(
        (value, oid.removeprefix("urn:oid:")) for value, oid in pairs if oid.removeprefix("urn:oid:") in INS_OIDS
    )
    births, used, givens = list[str](), list[str](), list[str]()
    for name in objects(patient.get("name")):
        use = string(name.get("use"))
        is_birth = use == "maiden" or (use == "official" and bool(identifiers))
        (births if is_birth else used).append(string(name.get("family")))
        givens += [one for one in each(name.get("given")) if isinstance(one, str)]
    born = string(patient.get("birthDate"))
    local = tuple((value, oid.removeprefix("urn:oid:")) for value, oid in pairs if value and oid)
    return StatedPatient(
        identifiers=identifiers,
        local=tuple(pair for pair in local if pair not in identifiers),
        birth_names=tuple(filter(None, births)),
        used_names=tuple(filter(None, used)),
        given_names=" ".join(dict.fromkeys(filter(None, givens))),
        birth_date=_day(born) if re.fullmatch(r"\d{4}-\d\d-\d\d", born) else None,
        sex={"male": "M", "female": "F"}.get(string(patient.get("gender")), ""),
    )
