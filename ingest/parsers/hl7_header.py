"""What an HL7 v2 message says of the document it brings: MSH, TXA, OBR, PID (chapters 2, 3, 7 and 9; ANS TRANS-CDA)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from access.document_types import TYPES
from access.identifiers import INS_OIDS
from ingest.parsers.cda_header import parse_day, parse_instant
from ingest.parsers.er7 import Message, Segment
from ingest.parsers.hl7_names import aliases_of, replaced_by, set_of
from records.content import Metadata, StatedPatient

_LOINC = re.compile(r"\d{1,5}-\d")
_TYPES = {  # table 0270 → the French value set of document types (LOINC)
    "CN": "11488-4",
    "DI": "18748-4",
    "DS": "11490-0",
    "ED": "15507-7",
    "OP": "34874-8",
}
_LABORATORY = frozenset(
    ["BG", "BLB", "CH", "GEN", "HM", "IMM", "LAB", "MB", "MCB", "MYC", "SR", "TX", "VR"]
)  # table 0074
_IMAGING = frozenset(["CT", "CUS", "IMG", "MR", "NMR", "NMS", "OUS", "RAD", "RUS", "RX", "VUS", "XRC"])
_SECRECY = {"U": "N", "R": "R", "V": "V"}  # table 0272 → HL7 v3 confidentiality
_MASKS = frozenset({"MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX", "CONNEXION_SECRETE"})
_APPENDS = frozenset({"T05", "T06"})


def kind_of(message: Message) -> tuple[str, str]:
    """Message code and trigger event: ("ORU", "R01")."""
    return message[0].text(9, 1).upper()[:3], message[0].text(9, 2).upper()[:3]


def metadata_of(message: Message) -> Metadata:
    """The envelope's word. What it does not say stays empty."""
    header, txa, obr = message[0], _first(message, "TXA"), _first(message, "OBR")
    parent = _entity(txa, 13)
    appends = kind_of(message)[1] in _APPENDS
    patients = tuple(_patient(one) for one in message if one.name == "PID")
    return Metadata(
        unique_id=_entity(txa, 12),
        set_id=set_of(message),
        replaces="" if appends else parent or replaced_by(message),
        appends=parent if appends else "",
        type_code=_type(txa, obr),
        title=_name(obr, 4) or (_document_name(message) if txa is not None else ""),
        author=_person(txa, 9) or _person(txa, 5) or _interpreter(obr),
        organization=header.text(4) or header.text(3),
        event_date=_event(message, txa, obr),
        confidentiality=" ".join(_confidentiality(message, txa)),
        patient_ins=tuple(pair for one in patients for pair in one.identifiers),
        patients=patients,
        issued_at=parse_instant(header.text(7)),
        aliases=aliases_of(message),
    )


def name_of(coded: Segment, field: int) -> str:
    """What a person reads of a coded element: its text, else its other texts, else its code."""
    texts = [coded.text(field, component) for component in (2, 9, 5, 1, 4)]
    return next(filter(None, texts), "")


def _first(message: Message, name: str) -> Segment | None:
    return next((one for one in message if one.name == name), None)


def _name(segment: Segment | None, field: int) -> str:
    return name_of(segment, field) if segment is not None else ""


def _document_name(message: Message) -> str:
    files = (one for one in message if one.name == "OBX" and one.text(2) in ("ED", "TX", "FT"))
    return next((name_of(one, 3) for one in files), "")


def _entity(segment: Segment | None, field: int) -> str:
    """An entity identifier as CDA's: OID^extension when an OID is stated, else the identifier alone."""
    if segment is None or not segment.text(field):
        return ""
    oid = segment.text(field, 3)
    return f"{oid}^{segment.text(field)}" if re.fullmatch(r"[\d.]+", oid) else segment.text(field)


def _type(txa: Segment | None, obr: Segment | None) -> str:
    stated = [one.text(field) for one, field in ((txa, 2), (obr, 4)) if one is not None]
    found = next((code for code in stated if _LOINC.fullmatch(code)), "")
    if not found and txa is not None:
        found = _TYPES.get(txa.text(2).upper(), "")
    section = obr.text(24).upper() if obr is not None else ""
    if section in _LABORATORY and (obr is None or not _is_document_type(found)):
        return "11502-2"
    if section in _IMAGING and not _is_document_type(found):
        return "18748-4"
    return found


def _is_document_type(code: str) -> bool:
    return code in TYPES


def _person(segment: Segment | None, field: int) -> str:
    """XCN: family, given, and the title before them."""
    if segment is None:
        return ""
    parts = [segment.text(field, component) for component in (6, 3, 2)]
    return " ".join(filter(None, parts))


def _interpreter(obr: Segment | None) -> str:
    """OBR-32 is an NDL: the person is one component, in subcomponents."""
    if obr is None:
        return ""
    return " ".join(filter(None, (obr.sub(32, 1, 3), obr.sub(32, 1, 2)))) or _person(obr, 16)


def _event(message: Message, txa: Segment | None, obr: Segment | None) -> date | None:
    stamps = [
        txa.text(4) if txa else "",
        txa.text(6) if txa else "",
        obr.text(7) if obr else "",
        obr.text(22) if obr else "",
    ]
    stamps.append(message[0].text(7))
    return next((day for stamp in stamps if (day := parse_day(stamp)) is not None), None)


def _confidentiality(message: Message, txa: Segment | None) -> Iterator[str]:
    """TXA-18, and the masks of the DMP that are set (OBX of the system MetaDMPMSS with the value Y)."""
    if txa is not None and txa.text(18).upper() in _SECRECY:
        yield _SECRECY[txa.text(18).upper()]
    for one in message:
        if (
            one.name == "OBX"
            and one.text(3, 3) == "MetaDMPMSS"
            and one.text(3) in _MASKS
            and one.text(5).upper() == "Y"
        ):
            yield one.text(3)


def _patient(pid: Segment) -> StatedPatient:
    """PID-3 identifiers, PID-5 names (type L: of birth, in France), PID-7 birth, PID-8 sex, PID-11 birthplace (BDL)."""
    births, used, givens = list[str](), list[str](), list[str]()
    for number in range(1, len(pid.repetitions(5)) + 1):
        family = pid.text(5, 1, number)
        (births if pid.text(5, 7, number) == "L" and _is_french(pid) else used).append(family)
        givens += [pid.text(5, 2, number), pid.text(5, 3, number)]
    birth = pid.text(7)
    places = range(1, len(pid.repetitions(11)) + 1)
    place = next((pid.text(11, 9, one) for one in places if pid.text(11, 7, one) == "BDL"), "")
    return StatedPatient(
        identifiers=tuple(_identifiers(pid)),
        birth_names=tuple(filter(None, births)),
        used_names=tuple(filter(None, used)),
        given_names=" ".join(filter(None, givens)),
        birth_date=parse_day(birth) if re.match(r"\d{8}", birth) else None,
        sex=pid.text(8).upper()[:1],
        birth_place=place,
        local=tuple(_local(pid)),
    )


def prior_of(message: Message) -> tuple[StatedPatient, ...]:
    """Of a merge (A40), the identifiers that are no longer used: MRG-1."""
    merged = [one for one in message if one.name == "MRG"]
    moved = [Segment("PID", ("PID", "", "", one.raw(1)), one.marks) for one in merged]
    return tuple(_patient(one) for one in moved)


def _identifiers(pid: Segment) -> Iterator[tuple[str, str]]:
    for number in range(1, len(pid.repetitions(3)) + 1):
        if (oid := pid.sub(3, 4, 2, number)) in INS_OIDS and pid.text(3, 1, number):
            yield pid.text(3, 1, number), oid


def _local(pid: Segment) -> Iterator[tuple[str, str]]:
    """Numbers with their assigner (an OID, else a name): a hospital's IPP. One without an assigner is nobody's."""
    for number in range(1, len(pid.repetitions(3)) + 1):
        assigner = pid.sub(3, 4, 2, number) or pid.sub(3, 4, 1, number)
        if assigner and assigner not in INS_OIDS and pid.text(3, 1, number):
            yield pid.text(3, 1, number), assigner


def _is_french(pid: Segment) -> bool:
    """Whether the patient is identified as in France: elsewhere a legal name is the name in use."""
    return any(True for _ in _identifiers(pid))
