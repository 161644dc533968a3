"""FHIR R4 resources as facts: those that a resource's own line tells, then those of its components' lines.

What is entered in error, refuted, not taken, not done is absent; a result that was entered in error is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from clinical.assertion import denials
from ingest.parsers.fact_values import day_of
from ingest.parsers.fhir_lines import Resolve, name_of, words
from ingest.parsers.fhir_tree import Resource, each, first, objects, string
from ingest.parsers.fhir_values import amount, codes_in, codings, is_true, label_of, period, quantity
from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote

NOWHERE = Quote(0, 0, 0, "")
_LOINC = "http://loinc.org"
_VITAL_WORDS = """
8302-2 8306-3 29463-7 3141-9 39156-5 8480-6 8462-4 8867-4 9279-1 2708-6 59408-5 20564-1 8310-5 8287-5 72514-3 3137-7
85354-9 55284-4 8289-1
"""
_VITALS = frozenset(_VITAL_WORDS.split())
_GROUPS = frozenset(["882-1", "883-9", "10331-7", "34530-6"])
_PREGNANCY = frozenset({"11449-6", "82810-3"})
_TERMS = frozenset({"11778-8", "11779-6", "11780-4"})
_LABORATORY = frozenset({"laboratory", "LAB", "lab"})
_NOTHING_KNOWN = frozenset(
    ["716186003", "409137002", "429625007", "428607008", "160244002", "no-known-allergies", "NKA"]
)
_DENIED = frozenset({"entered-in-error", "refuted", "not-taken", "not-done"})
_DOUBTED = frozenset({"unconfirmed", "provisional", "differential", "presumed"})
_OVER = frozenset({"inactive", "remission", "resolved"})
_ENDED = frozenset({"stopped", "ended", "on-hold", "cancelled"})
_PLANNED = frozenset({"intended", "preparation", "planned", "proposed", "draft", "booked"})
_DIRECTIVES = frozenset({"42348-3", "75320-2", "81334-5", "acd", "dnr", "adr", "polst", "hcd"})
Details = Iterable[tuple[str, str]]


def facts_of(resource: Resource, resolve: Resolve) -> list[list[Fact]]:
    """For the resource's line, then for each component's, the facts that it tells."""
    kind = string(resource.get("resourceType"))
    reader = _READERS.get(kind)
    told = [] if reader is None else reader(resource, resolve)
    inner = [_observed(one, resource, resolve) for one in objects(resource.get("component"))]
    return [told, *inner]


def _fact(
    kind: FactKind,
    concept: object,
    assertion: Assertion,
    when: Period,
    details: Details = (),
    *,
    value: Quantity | None = None,
    label: str = "",
    codes: tuple[Coding, ...] | None = None,
) -> list[Fact]:
    """One fact, or none when nothing names it."""
    shown = label or label_of(concept)
    if not shown:
        return []
    return [
        Fact(
            kind,
            shown,
            NOWHERE,
            FactSource.STRUCTURED,
            assertion,
            codes=codings(concept) if codes is None else codes,
            value=value,
            when=when,
            details=tuple((name, text) for name, text in details if text),
        )
    ]


def _statuses(resource: Resource) -> set[str]:
    names = ("status", "verificationStatus", "clinicalStatus")
    return {code for name in names for code in codes_in(resource.get(name))}


def _stated(resource: Resource) -> Assertion:
    """What the resource's own statuses say."""
    found = _statuses(resource)
    if found & _DENIED or is_true(resource.get("doNotPerform")) or is_true(resource.get("wasNotGiven")):
        return Assertion.ABSENT
    if found & _DOUBTED:
        return Assertion.SUSPECTED
    return Assertion.HYPOTHETICAL if found & _PLANNED else Assertion.PRESENT


def _allergy(one: Resource, resolve: Resolve) -> list[Fact]:
    kind = FactKind.INTOLERANCE if string(one.get("type")) == "intolerance" else FactKind.ALLERGY
    reactions = objects(one.get("reaction"))
    substances = [label_of(part.get("substance")) for part in reactions]
    label = label_of(one.get("code")) or next(filter(None, substances), "")
    assertion = _stated(one)
    if codes_in(one.get("code")) & _NOTHING_KNOWN or denials(label).spans:
        assertion = Assertion.ABSENT
    elif "resolved" in _statuses(one) and assertion is Assertion.PRESENT:
        assertion = Assertion.PAST
    shown = [label_of([part]) for reaction in reactions for part in objects(reaction.get("manifestation"))]
    severities = [string(part.get("severity")) for part in reactions]
    details = (
        ("substance", label),
        ("reaction", " ; ".join(dict.fromkeys(filter(None, shown)))),
        ("severity", words(next(filter(None, severities), string(one.get("criticality"))), resolve)),
        ("status", words(one.get("clinicalStatus"), resolve)),
    )
    return _fact(kind, one.get("code"), assertion, _onset(one), details, label=label)


def _onset(one: Resource) -> Period:
    start, end = period(one, "onset"), period(one, "abatement")
    return Period(start.start, end.start or end.end or start.end)


def _condition(one: Resource, resolve: Resolve) -> list[Fact]:
    assertion = _stated(one)
    if assertion is Assertion.PRESENT and _statuses(one) & _OVER:
        assertion = Assertion.PAST
    details = (
        ("status", words(one.get("clinicalStatus"), resolve)),
        ("severity", label_of(one.get("severity"))),
        ("site", label_of(one.get("bodySite"))),
    )
    return _fact(FactKind.CONDITION, one.get("code"), assertion, _onset(one), details)


def _family(one: Resource, resolve: Resolve) -> list[Fact]:  # noqa: ARG001
    relation = label_of(one.get("relationship"))
    denied = _stated(one) is Assertion.ABSENT
    found = []
    for part in objects(one.get("condition")):
        stated = Assertion.ABSENT if denied else Assertion.FAMILY
        details = (("relation", relation), ("status", label_of(part.get("outcome"))))
        found += _fact(FactKind.CONDITION, part.get("code"), stated, period(part, "onset"), details)
    return found


def _drug(one: Resource, resolve: Resolve) -> list[Fact]:
    kind = FactKind.DISPENSING if one["resourceType"] == "MedicationDispense" else FactKind.MEDICATION
    concept: object = one.get("medicationCodeableConcept")
    label = label_of(concept)
    for reference in objects(one.get("medicationReference")):
        target = resolve(string(reference.get("reference")))
        concept = concept if target is None else target.get("code")
        label = label or string(reference.get("display")) or label_of(concept)
        if target is not None:
            label = label_of(concept) or label or name_of(target, resolve)
    when = period(one, "effective")
    if when == Period():
        stamps = ("authoredOn", "whenHandedOver", "whenPrepared", "dateAsserted")
        when = Period(next((day for name in stamps if (day := day_of(string(one.get(name))))), ""))
    doses = [*objects(one.get("dosage")), *objects(one.get("dosageInstruction"))]
    amounts = [part for dose in doses for part in [dose, *objects(dose.get("doseAndRate"))]]
    dose = [amount(part.get(name)) for part in amounts for name in ("doseQuantity", "doseRange", "dose")]
    reasons = [*each(one.get("reasonCode")), *each(one.get("reasonReference"))]
    details = (
        ("dose", " puis ".join(filter(None, dose))),
        ("route", next((said for part in doses if (said := label_of(part.get("route")))), "")),
        ("frequency", " ; ".join(filter(None, (_rhythm(part, resolve) for part in doses)))),
        ("quantity", amount(one.get("quantity"))),
        ("stopped", "oui" if _statuses(one) & _ENDED else ""),
        ("reason", words(reasons, resolve)),
    )
    return _fact(kind, concept, _stated(one), when, details, label=label)


def _rhythm(dose: Resource, resolve: Resolve) -> str:
    return string(dose.get("text")) or words(dose.get("timing"), resolve)


def _immunization(one: Resource, resolve: Resolve) -> list[Fact]:  # noqa: ARG001
    protocols = objects(one.get("protocolApplied"))
    ranks = [first(part.get("doseNumberPositiveInt")) or first(part.get("doseNumberString")) for part in protocols]
    details = (
        ("lot", string(one.get("lotNumber"))),
        ("rank", next((str(rank) for rank in ranks if rank), "")),
        ("route", label_of(one.get("route"))),
        ("site", label_of(one.get("site"))),
        ("reason", label_of(one.get("statusReason"))),
    )
    return _fact(FactKind.IMMUNIZATION, one.get("vaccineCode"), _stated(one), period(one, "occurrence"), details)


def _procedure(one: Resource, resolve: Resolve) -> list[Fact]:
    details = (("site", label_of(one.get("bodySite"))), ("reason", words(one.get("reasonCode"), resolve)))
    return _fact(FactKind.PROCEDURE, one.get("code"), _stated(one), period(one, "performed"), details)


def _device(one: Resource, resolve: Resolve) -> list[Fact]:
    """A device of the patient; one that belongs to nobody is a machine."""
    if not objects(one.get("patient")):
        return []
    names = [string(part.get("name")) for part in objects(one.get("deviceName"))]
    label = label_of(one.get("type")) or next(filter(None, names), "")
    details = (("device", label), ("status", words(one.get("status"), resolve)), ("lot", string(one.get("lotNumber"))))
    return _fact(FactKind.IMPLANT, one.get("type"), _stated(one), Period(), details, label=label)


def _encounter(one: Resource, resolve: Resolve) -> list[Fact]:
    label = label_of(one.get("type")) or words(one.get("class"), resolve) or "Venue"
    stated = Assertion.ABSENT if "cancelled" in _statuses(one) else _stated(one)
    reason, place = words(one.get("reasonCode"), resolve), words(one.get("serviceProvider"), resolve)
    when = period({"atPeriod": one.get("period")}, "at")
    return _fact(
        FactKind.ENCOUNTER, one.get("type"), stated, when, (("reason", reason), ("performer", place)), label=label
    )


def _related(one: Resource, resolve: Resolve) -> list[Fact]:
    ways = [part for part in objects(one.get("telecom")) if string(part.get("system")) != "email"]
    phones = [string(part.get("value")) for part in ways]
    details = (("relation", label_of(one.get("relationship"))), ("telephone", " ".join(filter(None, phones))))
    label = words(objects(one.get("name"))[:1], resolve)
    codes = codings(one.get("relationship"))
    return _fact(FactKind.CONTACT, None, Assertion.PRESENT, Period(), details, label=label, codes=codes)


def _patient(one: Resource, resolve: Resolve) -> list[Fact]:
    return [fact for part in objects(one.get("contact")) for fact in _related(part, resolve)]


def _consent(one: Resource, resolve: Resolve) -> list[Fact]:
    concepts = [*objects(one.get("category")), *objects(one.get("scope"))]
    if not any(codes_in([part]) & _DIRECTIVES for part in concepts) or not concepts:
        return []
    details = (("status", words(one.get("status"), resolve)),)
    when = Period(day_of(string(one.get("dateTime"))))
    return _fact(FactKind.DIRECTIVE, concepts, _stated(one), when, details)


def _observation(one: Resource, resolve: Resolve) -> list[Fact]:
    return _observed(one, one, resolve)


def _observed(part: Resource, whole: Resource, resolve: Resolve) -> list[Fact]:
    """An Observation or one of its components: a measure of the kind that its code or its category says."""
    if whole["resourceType"] != "Observation" or _statuses(whole) & {"entered-in-error", "cancelled"}:
        return []
    value, loinc = quantity(part, resolve), {one.code for one in codings(part.get("code")) if one.system == _LOINC}
    kind = _measured(loinc, {code for one in each(whole.get("category")) for code in codes_in([one])})
    if kind is None or value is None:
        return []
    assertion = Assertion.PRESENT
    details = [
        ("method", label_of(whole.get("method"))),
        ("specimen", words(whole.get("specimen"), resolve)),
        ("site", label_of(whole.get("bodySite"))),
        ("status", "" if "final" in _statuses(whole) else words(whole.get("status"), resolve)),
    ]
    if kind is FactKind.PREGNANCY:
        details.append(("term_date", day_of(string(part.get("valueDateTime"))) if loinc & _TERMS else ""))
        assertion = Assertion.ABSENT if denials(value.text).spans else Assertion.PRESENT
    return _fact(kind, part.get("code"), assertion, period(whole, "effective"), details, value=value)


def _measured(loinc: set[str], categories: set[str]) -> FactKind | None:
    if loinc & _GROUPS:
        return FactKind.BLOOD_GROUP
    if loinc & (_PREGNANCY | _TERMS):
        return FactKind.PREGNANCY
    if loinc & _VITALS or "vital-signs" in categories:
        return FactKind.VITAL_SIGN
    return FactKind.LAB_RESULT if categories & _LABORATORY or not categories else None


_READERS: dict[str, Callable[[Resource, Resolve], list[Fact]]] = {
    "AllergyIntolerance": _allergy,
    "Condition": _condition,
    "FamilyMemberHistory": _family,
    "MedicationStatement": _drug,
    "MedicationRequest": _drug,
    "MedicationDispense": _drug,
    "MedicationAdministration": _drug,
    "Immunization": _immunization,
    "Procedure": _procedure,
    "Device": _device,
    "Encounter": _encounter,
    "RelatedPerson": _related,
    "Patient": _patient,
    "Consent": _consent,
    "Observation": _observation,
}
