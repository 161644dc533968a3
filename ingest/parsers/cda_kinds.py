"""What an entry of CDA R2 is about: by its templates (CI-SIS, IHE PCC and PaLM, CCD, C-CDA), codes and section.

Template numbers: ANS "Volet Modèles de contenus CDA" (1.2.250.1.213.1.1.3.*), IHE PCC and PaLM TF
(1.3.6.1.4.1.19376.1.5.3.1.4.*, .1.3.1.*), CCD (2.16.840.1.113883.10.20.1.*), C-CDA R2.1 (…10.20.22.4.*).
"""

from __future__ import annotations

from lxml.etree import _Element

from ingest.parsers.cda_values import MEASURED, attribute, codings, every, kind_of, one
from ingest.parsers.narrative import NS, name_of
from records.fact import FactKind

LOINC = "2.16.840.1.113883.6.1"
CIM10 = frozenset({"2.16.840.1.113883.6.3", "2.16.840.1.113883.6.90", "2.16.840.1.113883.6.4"})
_EMDN, _LPP = "1.2.250.1.213.2.68", "1.2.250.1.215.200.2.1"
_IHE, _FR, _CCD, _CCDA = (
    "1.3.6.1.4.1.19376.1.5.3.1.4.",
    "1.2.250.1.213.1.1.3.",
    "2.16.840.1.113883.10.20.1.",
    "2.16.840.1.113883.10.20.22.4.",
)
ALLERGY = frozenset({_IHE + "6", _FR + "41", _CCD + "18", _CCDA + "7", "2.16.840.1.113883.10.20.24.3.90"})
FAMILY = frozenset({_IHE + "13.3", _FR + "51", _CCD + "22", _CCDA + "46"})
PROBLEM = frozenset({_IHE + "5", _FR + "37", _CCD + "28", _CCDA + "4"})
VITAL = frozenset({_IHE + "13.2", _FR + "50", _CCDA + "27"})
LAB = frozenset({"1.3.6.1.4.1.19376.1.3.1.6", _FR + "80", _CCDA + "2"})
RESULT = _CCD + "31"
PREGNANCY = frozenset({_IHE + "13.5", _FR + "53", "2.16.840.1.113883.10.20.15.3.8", "2.16.840.1.113883.10.20.15.3.1"})
DIRECTIVE = frozenset({_IHE + "13.7", _FR + "54", _CCD + "17", _CCDA + "48"})
DEVICE = frozenset({_FR + "12"})
VACCINE = frozenset({_IHE + "12", _FR + "45", _CCDA + "52"})
PART_OF_DOSE = frozenset({_FR + "83.1"})
SAMPLING = frozenset({"1.3.6.1.4.1.19376.1.3.1.2", _FR + "77"})
PROCEDURES = frozenset({_CCDA + "12", _CCDA + "13", _CCD + "29"})

_VITAL_CODES_WORDS = """
8302-2 8306-3 29463-7 3141-9 39156-5 8480-6 8462-4 8867-4 9279-1 2708-6 59408-5 20564-1 8310-5 8287-5
8289-1 72514-3 55284-4 85354-9 9843-4 8339-4 3137-7
"""
_VITAL_CODES = frozenset(_VITAL_CODES_WORDS.split())
_GROUP_CODES = frozenset(["882-1", "883-9", "10331-7", "34530-6", "1305-2", "14578-9", "77397-8"])
PREGNANCY_STATE = frozenset({"11449-6", "82810-3"})
TERM_CODES = frozenset({"11778-8", "11779-6", "11780-4", "57063-0"})
_DIRECTIVE_SECTIONS = frozenset({"42348-3"})
_RESULT_SECTIONS_WORDS = """
30954-2 59776-5 26436-6 18719-5 18720-3 18721-1 18722-9 18723-7 18724-5 18725-2 18727-8 18728-6 18767-4
18768-2 18769-0 18729-4 18730-2 18716-1 18717-9 18718-7 56846-9 27898-6
"""
_RESULT_SECTIONS = frozenset(_RESULT_SECTIONS_WORDS.split())
_FAMILY_SECTIONS = frozenset({"10157-6"})
_INTOLERANCES_WORDS = """
OINT DINT FINT EINT NAINT DNAINT FNAINT ENAINT 59037007 235719002 609398007 609433001 609396006
"""
_INTOLERANCES = frozenset(_INTOLERANCES_WORDS.split())
_ENTRIES = frozenset({"observation", "substanceAdministration", "procedure", "act", "supply", "encounter", "organizer"})


def is_entry(element: _Element) -> bool:
    """Whether an element is a clinical statement."""
    return name_of(element) in _ENTRIES


def templates(entry: _Element) -> frozenset[str]:
    """The templates that an entry claims."""
    return frozenset(attribute(part, "root") for part in every(entry, "templateId"))


def fact_kind(entry: _Element, section: str) -> FactKind | None:
    """The kind of fact that an entry of a section (its LOINC code) states; None for what is none."""
    name, claimed = name_of(entry), templates(entry)
    if name == "observation":
        return _observation(entry, claimed, section)
    if name == "substanceAdministration":
        if claimed & PART_OF_DOSE:
            return None
        return FactKind.IMMUNIZATION if claimed & VACCINE else FactKind.MEDICATION
    if name == "procedure":
        return None if claimed & SAMPLING else FactKind.PROCEDURE
    if name == "act" and claimed & PROCEDURES:
        return FactKind.PROCEDURE
    if name == "encounter":
        return FactKind.ENCOUNTER
    if name == "supply":
        return _supply(entry)
    return None


def in_family(entry: _Element, section: str) -> bool:
    """Whether an observation is about a relative."""
    return bool(templates(entry) & FAMILY) or section in _FAMILY_SECTIONS


def _observation(entry: _Element, claimed: frozenset[str], section: str) -> FactKind | None:
    code = one(entry, "code")
    stated = attribute(code, "code")
    if entry.get("moodCode", "EVN") not in ("EVN", ""):
        return None  # a goal, an order
    if claimed & ALLERGY:
        return FactKind.INTOLERANCE if _is_intolerance(entry) else FactKind.ALLERGY
    if claimed & (FAMILY | PROBLEM):
        return FactKind.CONDITION
    if stated in _GROUP_CODES:
        return FactKind.BLOOD_GROUP
    if claimed & LAB:
        return FactKind.LAB_RESULT
    if claimed & VITAL:
        return FactKind.VITAL_SIGN
    if claimed & PREGNANCY:
        return FactKind.PREGNANCY if _is_pregnancy(entry, stated) else None
    if claimed & DIRECTIVE or section in _DIRECTIVE_SECTIONS:
        return FactKind.DIRECTIVE
    if claimed & DEVICE:
        return FactKind.IMPLANT if code is not None and _implanted(code) else None  # spectacles are worn
    if claimed & PROCEDURES:
        return FactKind.PROCEDURE
    return _plain(entry, claimed, code, section)


def _plain(entry: _Element, claimed: frozenset[str], code: _Element | None, section: str) -> FactKind | None:
    """An observation of no particular template: a measure by its code or its section, a disease by its code."""
    stated, measured = attribute(code, "code"), kind_of(one(entry, "value")) in MEASURED
    if measured and stated in _VITAL_CODES:
        return FactKind.VITAL_SIGN
    figure = measured and kind_of(one(entry, "value")) != "INT"  # a score is no result of a laboratory
    if figure and attribute(code, "codeSystem") == LOINC and (section in _RESULT_SECTIONS or RESULT in claimed):
        return FactKind.LAB_RESULT
    if not claimed and (within := _enclosing(entry)) is not None and templates(within) & LAB:
        return FactKind.LAB_RESULT  # an earlier result, beside the new one
    if attribute(code, "codeSystem") in CIM10 and kind_of(one(entry, "value")) == "BL":
        return FactKind.CONDITION
    return None


def _is_pregnancy(entry: _Element, stated: str) -> bool:
    """Only a state or a term of this patient: the history of pregnancies of a child's record is its mother's."""
    value = attribute(one(entry, "value"), "code")
    return stated in PREGNANCY_STATE | TERM_CODES or value == "77386006"


def _is_intolerance(entry: _Element) -> bool:
    return any(attribute(one(entry, path), "code") in _INTOLERANCES for path in ("code", "value"))


def _supply(entry: _Element) -> FactKind | None:
    """A device that stays in the body, by its class; any other thing, and a drug, that was delivered."""
    device = one(entry, "participant/participantRole/playingDevice/code")
    if device is not None and _implanted(device):
        return FactKind.IMPLANT
    drug = one(entry, "product") is not None or _is_drug(_enclosing(entry))
    return FactKind.DISPENSING if device is not None or (drug and entry.get("moodCode") == "EVN") else None


def _implanted(device: _Element) -> bool:
    """Title III of the LPP, classes J (active) and P (prostheses) of the EMDN; without a class it is taken for one."""
    classes = {part.system: part.code for part in codings(device) if part.system in (_EMDN, _LPP)}
    if _EMDN in classes:
        return classes[_EMDN][:1] in ("J", "P")
    return classes[_LPP][:1] == "3" if _LPP in classes else True


def _is_drug(entry: _Element | None) -> bool:
    return entry is not None and name_of(entry) == "substanceAdministration"


def _enclosing(entry: _Element) -> _Element | None:
    """The statement that an entry qualifies."""
    link = entry.getparent()
    if link is None or link.tag != NS + "entryRelationship":
        return None
    return link.getparent()
