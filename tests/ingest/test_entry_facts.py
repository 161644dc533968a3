"""Entries of HL7 v2 and FHIR as facts: codes, values, dates and statements as written, quoted from their own line."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from records.content import Reading
from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity

Read = Callable[..., Reading]
LOINC, SNOMED = "2.16.840.1.113883.6.1", "2.16.840.1.113883.6.96"
HEAD = "MSH|^~\\&|LAB|CHU|DPI|CHU|20240510083000||{}|1|P|2.5|||||FRA|8859/15\rPID|1||1\r"


def entries(reading: Reading) -> list[Fact]:
    found = [fact for page in reading.pages for fact in page.facts if fact.source is FactSource.STRUCTURED]
    for page in reading.pages:
        for fact in page.facts:
            assert fact.quote.text == page.text[fact.quote.start : fact.quote.end]
            assert fact.quote.page == page.number
    return found


def of_message(read: Read, *segments: str, kind: str = "ORU^R01") -> list[Fact]:
    return entries(read((HEAD.format(kind) + "\r".join(segments)).encode("iso8859-15"), "m.hl7"))


def segment(name: str, fields: dict[int, str]) -> str:
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def of_resources(read: Read, *resources: dict[str, Any]) -> list[Fact]:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    return entries(read(json.dumps(bundle).encode(), "b.json"))


def concept(code: str, display: str, system: str = "http://snomed.info/sct") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def test_a_result_with_unit_range_flag_and_date(read: Read) -> None:
    [found] = of_message(
        read,
        "OBR|1|||18719-5^Biochimie^LN|||20240509",
        "OBX|1|NM|2823-3^Potassium^LN^K^Kaliémie^L||5,9|mmol/L^millimole par litre|3,5 - 5,0|H|||F|||20240510074500",
    )
    assert (found.kind, found.label, found.assertion) == (FactKind.LAB_RESULT, "Potassium", Assertion.PRESENT)
    assert found.codes == (Coding(LOINC, "2823-3", "Potassium"), Coding("L", "K", "Kaliémie"))
    assert found.value == Quantity(
        "5,9", Decimal("5.9"), "", "mmol/L", Decimal("3.5"), Decimal("5.0"), "3,5 - 5,0", "H"
    )
    assert found.when == Period("2024-05-10")
    assert "5,9 millimole par litre (mmol/L)" in found.quote.text


@pytest.mark.parametrize(
    ("kind", "written", "expected"),
    [
        ("SN", "<^0.01", Quantity("<0.01", Decimal("0.01"), "<")),
        ("SN", "^1^:^128", Quantity("1:128")),
        ("ST", "> 90", Quantity("> 90", Decimal(90), ">")),
        ("CE", "POS^Positif^L", Quantity("Positif (POS L)")),
        ("NM", "12000", Quantity("12000", Decimal(12000))),
    ],
)
def test_values_by_their_type(read: Read, kind: str, written: str, expected: Quantity) -> None:
    [found] = of_message(read, "OBR|1|||1^Bilan^L|||20240509", f"OBX|1|{kind}|5196-1^Antigène^LN||{written}||||||F")
    assert found.value == expected
    assert found.when == Period("2024-05-09")  # the order's


def test_what_says_how_a_document_is_sent_is_no_result(read: Read) -> None:
    found = of_message(
        read,
        "OBR|1|||1^Bilan^L",
        "OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L||||F",
        "OBX|2|CE|MASQUE_PS^Masqué aux professionnels de Santé^MetaDMPMSS||N^^HL70136||||||F",
        "OBX|3|CWE|DESTDMP^Destinataire DMP||Y||||||F",
        "OBX|4|NM|2951-2^Sodium^LN||140|mmol/L|||||W",
    )
    assert [fact.label for fact in found] == ["Potassium"]


def test_allergies_and_what_is_known_not_to_be_one(read: Read) -> None:
    found = of_message(
        read,
        "AL1|1|DA|J01CA04^Amoxicilline^ATC|SV|Œdème de Quincke~Urticaire|20190203",
        "AL1|2|DA|NKDA^Aucune allergie médicamenteuse connue^L",
        segment("IAM", {2: "DA", 3: "N02BA01^Aspirine^ATC", 4: "MO", 5: "Bronchospasme", 6: "A", 9: "IN", 17: "S"}),
        segment("IAM", {2: "FA", 3: "256349002^Arachide^SCT", 17: "E^Erronée"}),
    )
    assert [(fact.kind, fact.label, fact.assertion) for fact in found] == [
        (FactKind.ALLERGY, "Amoxicilline", Assertion.PRESENT),
        (FactKind.ALLERGY, "Aucune allergie médicamenteuse connue", Assertion.ABSENT),
        (FactKind.INTOLERANCE, "Aspirine", Assertion.SUSPECTED),
        (FactKind.ALLERGY, "Arachide", Assertion.ABSENT),
    ]
    assert found[0].codes == (Coding("2.16.840.1.113883.6.73", "J01CA04", "Amoxicilline"),)
    assert found[0].when == Period("2019-02-03")
    assert found[0].detail("severity") == "sévère"
    assert "Urticaire" in found[0].detail("reaction")


def test_treatments_acts_diagnoses_and_people(read: Read) -> None:
    found = of_message(
        read,
        "NK1|1|NESSI^Sophie|SIS^Soeur^HL70063||0647150100|||",
        "DG1|1||I48.9^Fibrillation auriculaire^I10||20230401|F",
        "DG1|2||I26^Embolie pulmonaire^I10|||W",
        "PR1|1||DDAF004^Angioplastie coronaire^CCAM||20180114",
        "ORC|NW",
        "RXE|1^BID&12h^^20240501^20240531|B01AF02^Apixaban^ATC|5||mg",
        "RXR|PO^Orale^HL70162",
        "RXD|1|3400927000000^ELIQUIS 5 mg^CIP|20240502|60|cp",
        kind="RDE^O11",
    )
    by_kind = {fact.kind: fact for fact in found if fact.assertion is Assertion.PRESENT}
    assert [(fact.kind, fact.label, fact.assertion) for fact in found] == [
        (FactKind.CONTACT, "Sophie NESSI", Assertion.PRESENT),
        (FactKind.CONDITION, "Fibrillation auriculaire", Assertion.PRESENT),
        (FactKind.CONDITION, "Embolie pulmonaire", Assertion.SUSPECTED),
        (FactKind.PROCEDURE, "Angioplastie coronaire", Assertion.PRESENT),
        (FactKind.MEDICATION, "Apixaban", Assertion.PRESENT),
        (FactKind.DISPENSING, "ELIQUIS 5 mg", Assertion.PRESENT),
    ]
    drug = by_kind[FactKind.MEDICATION]
    assert (drug.detail("dose"), drug.detail("route"), drug.when) == (
        "5 mg",
        "Orale",
        Period("2024-05-01", "2024-05-31"),
    )
    assert by_kind[FactKind.CONTACT].detail("telephone") == "0647150100"
    assert by_kind[FactKind.DISPENSING].when == Period("2024-05-02")


def test_a_vaccine_given_and_one_refused(read: Read) -> None:
    found = of_message(
        read,
        "ORC|RE",
        segment("RXA", {3: "20231012", 5: "J07BB02^Vaxigrip^ATC", 6: "0.5", 7: "mL", 15: "U123", 20: "CP"}),
        segment("RXA", {3: "20231012", 5: "J07BX03^Comirnaty^ATC", 6: "999", 18: "00^Refus du patient^L", 20: "RE"}),
        kind="VXU^V04",
    )
    assert [(fact.kind, fact.label, fact.assertion, fact.when.start) for fact in found] == [
        (FactKind.IMMUNIZATION, "Vaxigrip", Assertion.PRESENT, "2023-10-12"),
        (FactKind.IMMUNIZATION, "Comirnaty", Assertion.ABSENT, "2023-10-12"),
    ]
    assert (found[0].detail("lot"), found[0].detail("dose")) == ("U123", "0.5 mL")


def test_resources_say_what_their_statuses_say(read: Read) -> None:
    allergy = {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/1"}}
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}}
    wrong, over = concept("refuted", "refuted", "s"), concept("resolved", "resolved", "s")
    found = of_resources(
        read,
        allergy
        | {
            "code": concept("387207008", "Ibuprofène"),
            "type": "intolerance",
            "onsetDateTime": "2020-05",
            "reaction": [{"manifestation": [concept("126485001", "Urticaire")], "severity": "severe"}],
        },
        allergy | {"code": concept("716186003", "No known allergy")},
        allergy | {"code": concept("1", "Latex"), "verificationStatus": wrong},
        condition | {"code": concept("2", "Asthme"), "clinicalStatus": over, "onsetDateTime": "2001"},
        condition | {"code": concept("3", "Goutte"), "verificationStatus": concept("provisional", "p", "s")},
        {
            "resourceType": "FamilyMemberHistory",
            "status": "completed",
            "relationship": concept("MTH", "Mère", "r"),
            "condition": [{"code": concept("4", "Diabète")}],
        },
    )
    assert [(fact.kind, fact.label, fact.assertion) for fact in found] == [
        (FactKind.INTOLERANCE, "Ibuprofène", Assertion.PRESENT),
        (FactKind.ALLERGY, "No known allergy", Assertion.ABSENT),
        (FactKind.ALLERGY, "Latex", Assertion.ABSENT),
        (FactKind.CONDITION, "Asthme", Assertion.PAST),
        (FactKind.CONDITION, "Goutte", Assertion.SUSPECTED),
        (FactKind.CONDITION, "Diabète", Assertion.FAMILY),
    ]
    assert (found[0].detail("reaction"), found[0].when) == ("Urticaire", Period("2020-05"))
    assert found[5].detail("relation") == "Mère"


def test_an_observation_and_its_components(read: Read) -> None:
    pressure = {
        "resourceType": "Observation",
        "status": "final",
        "category": [concept("vital-signs", "Vital Signs", "c")],
        "code": concept("85354-9", "Pression artérielle", "http://loinc.org"),
        "effectiveDateTime": "2024-03-02T08:00:00+01:00",
        "component": [
            {
                "code": concept("8480-6", "Systolique", "http://loinc.org"),
                "valueQuantity": {"value": 145.0, "unit": "mmHg"},
            },
            {"code": concept("8462-4", "Diastolique", "http://loinc.org"), "valueQuantity": {"value": 90}},
        ],
    }
    creatinine = {
        "resourceType": "Observation",
        "status": "final",
        "category": [concept("laboratory", "Laboratory", "c")],
        "code": concept("14682-9", "Créatinine", "http://loinc.org"),
        "effectiveDateTime": "2024-03-02",
        "valueQuantity": {"value": 150, "comparator": ">", "unit": "umol/L"},
        "referenceRange": [{"low": {"value": 60, "unit": "umol/L"}, "high": {"value": 110, "unit": "umol/L"}}],
        "interpretation": [concept("H", "High", "i")],
    }
    wrong = creatinine | {"status": "entered-in-error"}
    social = {"resourceType": "Observation", "status": "final", "category": [concept("social-history", "s", "c")]}
    smoking = social | {"code": concept("72166-2", "Tabac", "http://loinc.org"), "valueString": "ancien fumeur"}
    found = of_resources(read, pressure, creatinine, wrong, smoking)
    assert [(fact.kind, fact.label, fact.value and fact.value.text, fact.when.start) for fact in found] == [
        (FactKind.VITAL_SIGN, "Systolique", "145.0", "2024-03-02"),
        (FactKind.VITAL_SIGN, "Diastolique", "90", "2024-03-02"),
        (FactKind.LAB_RESULT, "Créatinine", "> 150", "2024-03-02"),
    ]
    assert "145.0 mmHg" in found[0].quote.text
    assert "Diastolique" not in found[0].quote.text
    assert found[2].value == Quantity(
        "> 150", Decimal(150), ">", "umol/L", Decimal(60), Decimal(110), "60 umol/L - 110 umol/L", "H"
    )


def test_treatments_vaccines_acts_people_and_directives(read: Read) -> None:
    found = of_resources(
        read,
        {
            "resourceType": "Patient",
            "name": [{"family": "MARTIN"}],
            "contact": [
                {
                    "relationship": [concept("C", "Personne de confiance", "r")],
                    "name": {"family": "NESSI", "given": ["Sophie"]},
                    "telecom": [{"system": "phone", "value": "0600000000"}, {"system": "email", "value": "a@b.fr"}],
                }
            ],
        },
        {"resourceType": "Medication", "id": "m1", "code": concept("B01AF02", "Apixaban", "http://www.whocc.no/atc")},
        {
            "resourceType": "MedicationStatement",
            "status": "stopped",
            "medicationReference": {"reference": "Medication/m1"},
            "effectivePeriod": {"start": "2023-01-05", "end": "2024-02"},
            "dosage": [{"text": "5 mg matin et soir", "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}]}],
        },
        {"resourceType": "MedicationRequest", "status": "active", "doNotPerform": True}
        | {"medicationCodeableConcept": concept("2", "Ibuprofène")},
        {"resourceType": "Immunization", "status": "not-done", "vaccineCode": concept("3", "Grippe")}
        | {"occurrenceDateTime": "2023-10-12"},
        {"resourceType": "Procedure", "status": "completed", "code": concept("4", "Appendicectomie")}
        | {"performedPeriod": {"start": "2012"}},
        {"resourceType": "Consent", "status": "active", "category": [concept("42348-3", "Directives anticipées")]}
        | {"dateTime": "2022-09-01"},
        {
            "resourceType": "Device",
            "type": concept("5", "Stimulateur cardiaque"),
            "patient": {"reference": "Patient/1"},
        },
        {"resourceType": "Device", "type": concept("6", "Automate")},
        {"resourceType": "Encounter", "status": "finished", "type": [concept("7", "Hospitalisation")]}
        | {"period": {"start": "2024-01-02", "end": "2024-01-05"}},
    )
    said = {(fact.kind, fact.label): fact for fact in found}
    stated = {key: (fact.assertion, fact.when) for key, fact in said.items()}
    assert stated == {
        (FactKind.CONTACT, "Sophie NESSI"): (Assertion.PRESENT, Period()),
        (FactKind.MEDICATION, "Apixaban"): (Assertion.PRESENT, Period("2023-01-05", "2024-02")),
        (FactKind.MEDICATION, "Ibuprofène"): (Assertion.ABSENT, Period()),
        (FactKind.IMMUNIZATION, "Grippe"): (Assertion.ABSENT, Period("2023-10-12")),
        (FactKind.PROCEDURE, "Appendicectomie"): (Assertion.PRESENT, Period("2012")),
        (FactKind.DIRECTIVE, "Directives anticipées"): (Assertion.PRESENT, Period("2022-09-01")),
        (FactKind.IMPLANT, "Stimulateur cardiaque"): (Assertion.PRESENT, Period()),
        (FactKind.ENCOUNTER, "Hospitalisation"): (Assertion.PRESENT, Period("2024-01-02", "2024-01-05")),
    }
    drug = said[FactKind.MEDICATION, "Apixaban"]
    assert (drug.detail("dose"), drug.detail("stopped"), drug.codes[0].code) == ("5 mg", "oui", "B01AF02")
    contact = said[FactKind.CONTACT, "Sophie NESSI"]
    assert "NESSI" in contact.quote.text
    assert (contact.detail("telephone"), contact.detail("relation")) == ("0600000000", "Personne de confiance")
