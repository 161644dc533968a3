"""What documents state of a patient, as R4 resources: each says no more than its words.

    allergy, intolerance             AllergyIntolerance     medication, dispensing   MedicationStatement
    condition                        Condition              immunization      Immunization
    procedure                        Procedure              implant           DeviceUseStatement
    lab result, vital sign, pregnancy, blood group          Observation

A denial is one (refuted, not-done, not-taken), a suspicion is unconfirmed or provisional. What is of the family or
is only supposed is not the patient's and is left out, save for allergies to be ruled out: missing one is worse.
A medicine is "active" as of the date of the document that says so (`dateAsserted`), and "unknown" without a date.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from access.identifiers import PatientId
from clinical.card_allergies import denies_all
from clinical.card_lines import older_than
from records.fact import Assertion, Fact, FactKind, Period, Quantity
from records.opaque import opaque
from records.sealed import keyed_hash
from search_api.fhir.elements import Resource
from search_api.fhir.formats import versioned
from search_api.fhir.words import TERMINOLOGY, coding, concept, filled, is_blank, joined
from search_api.gathered import Gathered, sameness

ABSENT_UNKNOWN = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
_STATED = frozenset({Assertion.PRESENT, Assertion.PAST, Assertion.SUSPECTED, Assertion.ABSENT})
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_FLAGS = frozenset({"H", "L", "HH", "LL", "N", "A", "AA"})
_CATEGORIES = {
    FactKind.LAB_RESULT: "laboratory",
    FactKind.VITAL_SIGN: "vital-signs",
    FactKind.PREGNANCY: "social-history",
    FactKind.BLOOD_GROUP: "laboratory",
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes the resources of one record. `key`: of the home, names statements. `allergic`: some document states an
    allergy, so that « pas d'allergie connue » of another is no absence of any. `today` decides whether a stated end has
    come."""

    patient_id: PatientId
    key: bytes
    allergic: bool = False
    today: date = date.max

    def name_of(self, each: Gathered) -> str:
        """The FHIR id of a statement: the same as long as what is said is, whoever asks and whatever repeats it."""
        said = repr(sameness(each.sources[0]))
        return joined(self.patient_id, opaque(keyed_hash(self.key, "statement", self.patient_id, said)))

    def resource(self, each: Gathered) -> Resource | None:
        """The resource of a gathered fact; None for what is nobody's statement here."""
        kind = KINDS.get(each.fact.kind)
        if kind is None or each.fact.assertion not in _STATED | kind.supposed:
            return None
        body = kind.write(self, each)
        if body is None:
            return None
        return versioned(filled({"resourceType": kind.type, "id": self.name_of(each), **body}))

    @property
    def subject(self) -> Resource:
        return {"reference": f"Patient/{self.patient_id}"}


_UNNAMED = "sans libellé"  # R4 wants a code of most


def _code(fact: Fact) -> Resource:
    """The codes as stated, and the words."""
    return filled(
        {
            "coding": [coding(one.system, one.code, one.display) for one in fact.codes if one.code],
            "text": next((one for one in (fact.detail("substance"), fact.label) if not is_blank(one)), _UNNAMED),
        }
    )


def is_over(fact: Fact, today: date) -> bool:
    """Whether it is told as past, or a stated end is behind: a treatment prescribed until next month is in course."""
    return fact.assertion is Assertion.PAST or (bool(fact.when.end) and older_than(fact.when.end, today, 0))


def _date(text: str) -> str:
    return text if _DATE.fullmatch(text) else ""


def _when(period: Period, name: str) -> Resource:
    """`nameDateTime`, or `namePeriod` where an end is stated."""
    start, end = _date(period.start), _date(period.end)
    if end and end != start:
        return {f"{name}Period": filled({"start": start, "end": end})}
    return filled({f"{name}DateTime": start})


def _asserted(each: Gathered) -> str:
    """The date of the newest document that says so."""
    on = each.sources[0].event_date
    return "" if on is None else on.isoformat()


def _place(fact: Fact) -> str:
    return " ".join(filter(None, (fact.detail("site"), fact.detail("side"))))


def _notes(fact: Fact, **named: str) -> list[Resource]:
    return [{"text": f"{label} : {fact.detail(name)}"} for name, label in named.items() if fact.detail(name)]


def _allergy(writer: Writer, each: Gathered) -> Resource:
    fact, stated = each.fact, each.fact.assertion
    code = _code(fact)
    nothing = denies_all(fact) and not writer.allergic
    if nothing:
        code = {**concept(ABSENT_UNKNOWN, "no-known-allergies"), "text": fact.quote.text or fact.label}
    verification = {
        Assertion.ABSENT: "" if nothing else "refuted",
        Assertion.SUSPECTED: "unconfirmed",
        Assertion.HYPOTHETICAL: "unconfirmed",
    }.get(stated, "")
    clinical = "inactive" if stated in (Assertion.PAST, Assertion.ABSENT) and not nothing else "active"
    reaction = {"manifestation": [{"text": fact.detail("reaction")}]} if fact.detail("reaction") else None
    return {
        "clinicalStatus": concept(f"{TERMINOLOGY}/allergyintolerance-clinical", clinical),
        "verificationStatus": concept(f"{TERMINOLOGY}/allergyintolerance-verification", verification)
        if verification
        else None,
        "type": None if nothing else "intolerance" if fact.kind is FactKind.INTOLERANCE else "allergy",
        "code": code,
        "patient": writer.subject,
        **_when(fact.when, "onset"),
        "recordedDate": _asserted(each),
        "note": _notes(fact, severity="Gravité"),
        "reaction": [reaction] if reaction else [],
    }


def _medication(writer: Writer, each: Gathered) -> Resource:
    fact, asserted = each.fact, _asserted(each)
    over = bool(fact.detail("stopped") or fact.detail("replaced_by")) or is_over(fact, writer.today)
    status = {
        Assertion.ABSENT: "not-taken",
        Assertion.PAST: "stopped" if fact.detail("stopped") else "completed",
        Assertion.PRESENT: "stopped" if over else "active" if asserted else "unknown",
    }.get(fact.assertion, "unknown")
    if fact.kind is FactKind.DISPENSING and status == "active":
        status = "unknown"  # what was handed over is perhaps not taken
    words = " ".join(filter(None, (fact.detail("dose"), fact.detail("frequency"))))
    route = {"text": fact.detail("route")} if fact.detail("route") else None
    return {
        "status": status,
        "medicationCodeableConcept": _code(fact),
        "subject": writer.subject,
        **_when(fact.when, "effective"),
        "dateAsserted": asserted,
        "reasonCode": [{"text": fact.detail("reason")}] if fact.detail("reason") else [],
        "note": [
            *([{"text": "Délivrance"}] if fact.kind is FactKind.DISPENSING else []),
            *_notes(fact, stopped="Arrêt", replaced_by="Remplacé par", long_term="Au long cours"),
        ],
        "dosage": [filled({"text": words, "route": route})] if words or route else [],
    }


def _condition(writer: Writer, each: Gathered) -> Resource:
    fact = each.fact
    over = is_over(fact, writer.today)
    clinical = "" if fact.assertion is Assertion.ABSENT else "inactive" if over else "active"
    verification = {Assertion.ABSENT: "refuted", Assertion.SUSPECTED: "provisional"}.get(fact.assertion, "")
    return {
        "clinicalStatus": concept(f"{TERMINOLOGY}/condition-clinical", clinical) if clinical else None,
        "verificationStatus": concept(f"{TERMINOLOGY}/condition-ver-status", verification) if verification else None,
        "category": [concept(f"{TERMINOLOGY}/condition-category", "problem-list-item")] if clinical else [],
        "code": _code(fact),
        "subject": writer.subject,
        **filled({"onsetDateTime": _date(fact.when.start)}),
        **(filled({"abatementDateTime": _date(fact.when.end)}) if over else {}),
        "recordedDate": _asserted(each),
    }


def _immunization(writer: Writer, each: Gathered) -> Resource:
    fact = each.fact
    day = _date(fact.when.start)
    return {
        "status": "not-done" if fact.assertion is Assertion.ABSENT else "completed",
        "vaccineCode": _code(fact),
        "patient": writer.subject,
        **({"occurrenceDateTime": day} if day else {"occurrenceString": "date non précisée par le document"}),
        "primarySource": False,
        "lotNumber": fact.detail("lot"),
        "site": {"text": fact.detail("site")} if fact.detail("site") else None,
        "note": _notes(fact, rank="Rang"),
    }


def _procedure(writer: Writer, each: Gathered) -> Resource:
    fact = each.fact
    status = {Assertion.ABSENT: "not-done", Assertion.SUSPECTED: "unknown"}.get(fact.assertion, "completed")
    place = _place(fact)
    return {
        "status": status,
        "code": _code(fact),
        "subject": writer.subject,
        **_when(fact.when, "performed"),
        "bodySite": [{"text": place}] if place else [],
        "note": _notes(fact, performer="Par", reason="Motif"),
    }


def _implant(writer: Writer, each: Gathered) -> Resource | None:
    fact = each.fact
    if fact.assertion is Assertion.ABSENT:
        return None  # R4 has no way to say that somebody has no such device
    device = {
        "resourceType": "Device",
        "id": "device",
        "type": _code(fact),
        **({"lotNumber": fact.detail("lot")} if fact.detail("lot") else {}),
    }
    return {
        "contained": [device],
        "status": "intended"
        if fact.assertion is Assertion.SUSPECTED
        else "completed"
        if is_over(fact, writer.today)
        else "active",
        "subject": writer.subject,
        **_when(fact.when, "timing"),
        "device": {"reference": "#device"},
        "bodySite": {"text": place} if (place := _place(fact)) else None,
    }


def _observation(writer: Writer, each: Gathered) -> Resource:
    fact = each.fact
    when = fact.when if fact.when != Period() else Period(_asserted(each))
    return {
        "status": "final",
        "category": [concept(f"{TERMINOLOGY}/observation-category", _CATEGORIES[fact.kind])],
        "code": _code(fact),
        "subject": writer.subject,
        **_when(when, "effective"),
        **_value(fact),
        "interpretation": [] if fact.value is None or not fact.value.flag else [_flag(fact.value.flag)],
        "note": _notes(fact, note="Remarque", status="Selon le document"),
        "specimen": {"display": fact.detail("specimen")} if fact.detail("specimen") else None,
        "referenceRange": [] if fact.value is None else _range(fact.value),
    }


def _value(fact: Fact) -> Resource:
    """As stated: a figure with its unit as written, or the words."""
    value = fact.value
    if value is None:
        return {"valueString": _STATED_AS.get(fact.assertion, "") + (fact.quote.text or fact.label)}
    if value.number is None:
        return {"valueString": " ".join(filter(None, (value.text, value.unit))) or fact.label}
    return {
        "valueQuantity": filled({"value": _number(value.number), "comparator": value.comparator, "unit": value.unit})
    }


_STATED_AS = {Assertion.ABSENT: "nié : ", Assertion.SUSPECTED: "suspecté : ", Assertion.PAST: "passé : "}
"""« N'est pas enceinte » is told by the word « enceinte »: the words alone would say the reverse."""


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _range(value: Quantity) -> list[Resource]:
    low, high = (
        None if end is None else filled({"value": _number(end), "unit": value.unit}) for end in (value.low, value.high)
    )
    found = {"low": low, "high": high, "text": value.range_text}
    return [kept] if (kept := filled(found)) else []


def _flag(flag: str) -> Resource:
    if flag in _FLAGS:
        return concept(f"{TERMINOLOGY}/v3-ObservationInterpretation", flag)
    return {"text": flag}


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of fact is written. `supposed`: statements that are kept for it beside the usual ones."""

    type: str
    write: Callable[[Writer, Gathered], Resource | None]
    supposed: frozenset[Assertion] = frozenset()


_ALLERGY = Kind("AllergyIntolerance", _allergy, frozenset({Assertion.HYPOTHETICAL}))
_OBSERVATION = Kind("Observation", _observation)
KINDS: dict[FactKind, Kind] = {
    FactKind.ALLERGY: _ALLERGY,
    FactKind.INTOLERANCE: _ALLERGY,
    FactKind.MEDICATION: Kind("MedicationStatement", _medication),
    FactKind.DISPENSING: Kind("MedicationStatement", _medication),
    FactKind.CONDITION: Kind("Condition", _condition),
    FactKind.IMMUNIZATION: Kind("Immunization", _immunization),
    FactKind.PROCEDURE: Kind("Procedure", _procedure),
    FactKind.IMPLANT: Kind("DeviceUseStatement", _implant),
    FactKind.LAB_RESULT: _OBSERVATION,
    FactKind.VITAL_SIGN: _OBSERVATION,
    FactKind.PREGNANCY: _OBSERVATION,
    FactKind.BLOOD_GROUP: _OBSERVATION,
}
ALLERGIES = frozenset({FactKind.ALLERGY, FactKind.INTOLERANCE})


def kinds_of(resource: str) -> frozenset[FactKind]:
    """The kinds of facts that become this resource."""
    return frozenset(kind for kind, one in KINDS.items() if one.type == resource)


def states_allergy(each: Gathered) -> bool:
    """Whether it states one, or that one is to be ruled out."""
    return each.fact.kind in ALLERGIES and each.fact.assertion not in (Assertion.ABSENT, Assertion.FAMILY)
