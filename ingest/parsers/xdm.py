"""The METADATA.XML of an IHE XDM submission (ITI TF-3 4.2, ebRIM 3): which files are documents, and what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lxml.etree import _Element

from access.identifiers import INS_OIDS
from ingest.parsers.cda_header import parse_day, parse_instant
from ingest.parsers.narrative import clean
from records.content import Metadata, StatedPatient

_UNIQUE = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
_AUTHOR = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d"
_TYPE = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983"
_SECRECY = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f"


@dataclass(frozen=True, slots=True)
class Entry:
    """A DocumentEntry: where its file is, from the `folder` of METADATA.XML, and what it says."""

    uri: str
    title: str
    metadata: Metadata
    folder: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """By which an association or another document may speak of it."""
        return tuple(filter(None, (self.metadata.unique_id, *self.metadata.aliases)))


def entries_of(root: _Element, folder: str) -> list[Entry]:
    """The documents of a submission whose METADATA.XML stands in `folder`, in its order."""
    relations = _relations(root)
    entries = {_uuid(one.get("id", "")): one for one in root.iter("{*}ExtrinsicObject")}
    names = {identity: _unique_id(one) for identity, one in entries.items()}
    found = (_entry(one, relations.get(identity, {}), names) for identity, one in entries.items())
    return [replace(one, folder=folder) for one in found]


def current_of(entries: Sequence[Entry]) -> list[Entry]:
    """Those that hold: neither obsolete nor replaced by another of the submission; all of them when none does."""
    replaced = {one.metadata.replaces for one in entries}
    holding = [one for one in entries if not one.metadata.cancels and replaced.isdisjoint(one.names)]
    return holding or list(entries)


def metadata_of(entries: Sequence[Entry]) -> Metadata:
    """What a submission of one document says of it; of several, only whose they are and every secrecy that is asked."""
    if len(entries) == 1:
        return entries[0].metadata
    secrecy = (code for one in entries for code in one.metadata.confidentiality.split())
    return Metadata(
        confidentiality=" ".join(dict.fromkeys(secrecy)),
        patient_ins=tuple(dict.fromkeys(pair for one in entries for pair in one.metadata.patient_ins)),
        patients=tuple(dict.fromkeys(who for one in entries for who in one.metadata.patients)),
    )


def _relations(root: _Element) -> dict[str, dict[str, str]]:
    """Entry → kind of association (RPLC, APND) → the entry that it replaces or completes."""
    found: dict[str, dict[str, str]] = {}
    for one in root.iter("{*}Association"):
        kind = one.get("associationType", "").rpartition(":")[2]
        found.setdefault(_uuid(one.get("sourceObject", "")), {})[kind] = _uuid(one.get("targetObject", ""))
    return found


def _entry(one: _Element, relations: dict[str, str], names: dict[str, str]) -> Entry:
    """`names`: unique ids of the entries of this submission. An association names entries, not documents."""
    title = _localized(one)
    persons = _slots(_classified(one, _AUTHOR), "authorPerson")
    places = _slots(_classified(one, _AUTHOR), "authorInstitution")
    patient = _patient(one)
    stamps = [*_slots(one, "serviceStartTime"), *_slots(one, "creationTime")]
    codes = [node.get("nodeRepresentation", "") for node in _classifications(one, _SECRECY)]
    kind = _classified(one, _TYPE)
    unique_id = _unique_id(one)
    replaced, completed = relations.get("RPLC", "") or relations.get("XFRM_RPLC", ""), relations.get("APND", "")
    obsolete = one.get("status", "").rpartition(":")[2] == "Deprecated"  # history from its arrival on
    entry = _uuid(one.get("id", ""))
    stated = Metadata(
        unique_id=unique_id,
        replaces=names.get(replaced, replaced),
        appends=names.get(completed, completed),
        issued_at=next((at for at in map(parse_instant, _slots(one, "creationTime")) if at is not None), None),
        aliases=(entry,) if entry else (),
        cancels=tuple(filter(None, (unique_id or entry,))) if obsolete else (),
        type_code=kind.get("nodeRepresentation", "") if kind is not None else "",
        title=title,
        author=_person(persons[0]) if persons else "",
        organization=places[0].partition("^")[0] if places else "",
        event_date=next((day for stamp in stamps if (day := parse_day(stamp)) is not None), None),
        confidentiality=" ".join(dict.fromkeys(filter(None, codes))),
        language=next(iter(_slots(one, "languageCode")), ""),
        patient_ins=patient.identifiers,
        patients=(patient,) if patient != StatedPatient() else (),
    )
    uri = "".join(re.sub(r"^\d+\|", "", piece) for piece in sorted(_slots(one, "URI")))
    return Entry(uri, title, stated)


def _uuid(name: str) -> str:
    return name.removeprefix("urn:uuid:").lower()


def _unique_id(one: _Element) -> str:
    return next((x.get("value", "") for x in one.iter("{*}ExternalIdentifier") if _is(x, _UNIQUE)), "")


def _is(identifier: _Element, scheme: str) -> bool:
    return identifier.get("identificationScheme") == scheme


def _classifications(one: _Element, scheme: str) -> Iterator[_Element]:
    return (x for x in one.iter("{*}Classification") if x.get("classificationScheme") == scheme)


def _classified(one: _Element, scheme: str) -> _Element | None:
    return next(_classifications(one, scheme), None)


def _slots(one: _Element | None, name: str) -> list[str]:
    """The values of a slot, without those of the elements inside."""
    found = () if one is None else (slot for slot in one.iterfind("{*}Slot") if slot.get("name") == name)
    return [clean(value.text or "") for slot in found for value in slot.iter("{*}Value")]


def _localized(one: _Element) -> str:
    return next((clean(x.get("value", "")) for x in one.iterfind("{*}Name/{*}LocalizedString")), "")


def _person(xcn: str) -> str:
    parts = [*xcn.split("^"), *[""] * 6]
    return " ".join(filter(None, (parts[5], parts[2], parts[1])))


def _patient(one: _Element) -> StatedPatient:
    """sourcePatientId and sourcePatientInfo: PID-3, PID-5, PID-7, PID-8 of HL7 v2."""
    info = {value.partition("|")[0]: value.partition("|")[2] for value in _slots(one, "sourcePatientInfo")}
    stated = StatedPatient()
    for identifier in [*_slots(one, "sourcePatientId"), *info.get("PID-3", "").split("~")]:
        parts = [*identifier.split("^"), "", "", "", ""]
        oid = next((piece for piece in parts[3].split("&") if piece in INS_OIDS), "")
        if oid and parts[0] and (parts[0], oid) not in stated.identifiers:
            stated = replace(stated, identifiers=(*stated.identifiers, (parts[0], oid)))
    names = [[*name.split("^"), *[""] * 7] for name in info.get("PID-5", "").split("~") if name]
    is_birth = [name[6] == "L" and bool(stated.identifiers) for name in names]
    return replace(
        stated,
        birth_names=tuple(name[0] for name, birth in zip(names, is_birth, strict=True) if birth and name[0]),
        used_names=tuple(name[0] for name, birth in zip(names, is_birth, strict=True) if not birth and name[0]),
        given_names=" ".join(filter(None, (piece for name in names for piece in name[1:3]))),
        birth_date=parse_day(info.get("PID-7", "")) if re.match(r"\d{8}", info.get("PID-7", "")) else None,
        sex=info.get("PID-8", "")[:1].upper(),
    )
