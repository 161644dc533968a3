"""Series: one analyte from four formats is one; what must not be confused never is."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.analyte import analytes
from clinical.series import AMBIGUOUS, IMPLAUSIBLE, NO_UNIT, OTHER_UNIT, Series, series_of
from records.fact import Assertion
from tests.clinical.telling import LOINC, result

APART = [
    {"troponine I", "troponine T", "troponine I hs", "troponine T hs", "troponine (type non précisé)"},
    {"BNP", "NT-proBNP", "peptide natriurétique (type non précisé)"},
    {"D-dimères (FEU)", "D-dimères (DDU)", "D-dimères (unités non précisées)"},
    {
        "DFG (CKD-EPI 2009)",
        "DFG (CKD-EPI 2021)",
        "DFG (CKD-EPI)",
        "DFG (MDRD)",
        "DFG (formule non précisée)",
        "clairance de la créatinine (Cockcroft)",
    },
    {"urée", "azote uréique"},
    {"glycémie", "glycémie (sang total ou capillaire)"},
]


def by_name(series: list[Series]) -> dict[str, Series]:
    return {each.name: each for each in series}


def test_four_formats_are_one_series() -> None:
    cda = result("Créatinine", "104", "umol/L", "cda", date(2025, 1, 1), number="104", codes=[(LOINC, "14682-9")])
    hl7 = result("CREAT", "1.18", "mg/dL", "hl7", date(2025, 2, 1), number="1.18", codes=[("LN", "2160-0")])
    fhir = result(
        "Creatinine", "11.8", "mg/L", "fhir", date(2025, 3, 1), number="11.8", codes=[("http://loinc.org", "2160-0")]
    )
    text = result("Créatinine", "104,3", "µmol/L", "txt", date(2025, 4, 1), range_text="62 – 106")
    (series,) = series_of([text, fhir, cda, hl7])
    assert (series.name, series.unit) == ("créatinine", "umol/L")
    assert [point.told.document_id for point in series.points] == ["cda", "hl7", "fhir", "txt"]
    assert [point.value and round(point.value) for point in series.points] == [104, 104, 104, 104]
    assert [point.stated.text for point in series.points] == ["104", "1.18", "11.8", "104,3"]
    assert series.bounds(series.points[3]) == (Decimal(62), Decimal(106))


names = {name: [analytes()[name].name, *analytes()[name].names] for group in APART for name in group}


@pytest.mark.parametrize("group", APART, ids=lambda group: min(group))
def test_what_must_not_be_confused_is_not(group: set[str]) -> None:
    for one, other in combinations(sorted(group), 2):
        for first in names[one]:
            for second in names[other]:
                found = series_of([result(first, "12", "ng/L"), result(second, "12", "ng/L", "doc2")])
                assert len(found) == 2, (first, second)


@given(st.data())
def test_no_pair_is_ever_merged_whatever_code_unit_and_method(data: st.DataObject) -> None:
    group = sorted(data.draw(st.sampled_from(APART)))
    facts = []
    for number in range(data.draw(st.integers(2, 5))):
        analyte = analytes()[data.draw(st.sampled_from(group))]
        code = data.draw(st.sampled_from([None, *analyte.loinc]))
        fact = result(
            data.draw(st.sampled_from([analyte.name, *analyte.names])),
            data.draw(st.sampled_from(["12", "1,5", "1.500", "< 3"])),
            data.draw(st.sampled_from([analyte.unit.code, "ng/L", "µg/L", "ng/mL FEU", "ng/mL DDU", ""])),
            f"doc{number}:{analyte.name}",
            codes=[] if code is None else [(LOINC, code)],
        )
        facts.append(fact)
    for series in series_of(facts):
        told = {each.document_id.partition(":")[2] for point in series.points for each in (point.told, *point.also)}
        precise = {name for name in told if "non précis" not in name}
        assert len(precise) <= 1, (series.name, told)


def test_feu_and_ddu_are_told_by_the_unit_too() -> None:
    found = by_name(
        series_of(
            [
                result("D-dimères", "850", "ng/mL FEU"),
                result("D-dimères", "425", "ng/mL DDU"),
                result("D-dimères", "500", "ng/mL"),
            ]
        )
    )
    assert {name: [point.value for point in each.points] for name, each in found.items()} == {
        "D-dimères (FEU)": [Decimal(850)],
        "D-dimères (DDU)": [Decimal(425)],
        "D-dimères (unités non précisées)": [Decimal(500)],
    }


def test_no_unit_no_conversion() -> None:
    (series,) = series_of([result("Potassium", "4,4", ""), result("Potassium", "4,1", "furlongs")])
    assert [(point.value, point.remarks) for point in series.points] == [(None, (NO_UNIT,)), (None, (OTHER_UNIT,))]


def test_an_implausible_value_is_marked_and_left_as_it_is() -> None:
    (series,) = series_of([result("Potassium", "44", "mmol/L")])
    assert series.points[0].value == 44
    assert series.points[0].remarks == (IMPLAUSIBLE,)


READINGS = [
    ("Leucocytes", "7.500", "/mm3", "7.5", ()),
    ("Leucocytes", "7.500", "G/L", "7.500", ()),
    ("Plaquettes", "150.000", "/mm3", "150", ()),
    ("Neutrophiles", "1.500", "/mm³", "1.5", ()),
    ("Créatinine", "1.200", "mg/dL", "106.082", ()),
    ("Plaquettes", "12 000", "/mm3", "12", ()),
    ("Kaliémie", "4,400", "mmol/L", "4.400", ()),
    ("NT-proBNP", "1.500", "ng/L", None, (AMBIGUOUS,)),
]


@pytest.mark.parametrize(("label", "text", "unit", "value", "remarks"), READINGS)
def test_ambiguous_numbers(label: str, text: str, unit: str, value: str | None, remarks: tuple[str, ...]) -> None:
    (series,) = series_of([result(label, text, unit)])
    (point,) = series.points
    assert point.remarks == remarks
    assert (point.value is None) == (value is None)
    assert value is None or abs(point.value - Decimal(value)) < Decimal("0.01")


def test_a_structured_number_is_what_it_says() -> None:
    (series,) = series_of([result("NT-proBNP", "1.500", "ng/L", number="1.5")])
    assert series.points[0].value == Decimal("1.5")


def test_copied_text_counts_once() -> None:
    days = [date(2026, 1, 1)] * 3
    facts = [
        result("Leucocytes", text, unit, f"doc{n}", day)
        for n, (text, unit, day) in enumerate(zip(["7,5", "7.500", "7,5"], ["G/L", "/mm3", "G/L"], days, strict=True))
    ]
    (series,) = series_of(facts)
    (point,) = series.points
    assert [each.document_id for each in point.also] == ["doc1", "doc2"]


def test_urine_is_not_blood() -> None:
    blood, urine = result("Glucose", "5", "mmol/L"), result("Glucose", "6", "mmol/L", details={"specimen": "Urines"})
    found = by_name(series_of([blood, urine]))
    assert [point.stated.text for point in found["glycémie"].points] == ["5"]
    assert [point.stated.text for point in found["Glucose (Urines)"].points] == ["6"]


def test_what_is_on_no_line_keeps_its_words_and_its_unit() -> None:
    found = series_of([result("Calprotectine fécale", "640", "µg/g"), result("Calprotectine fécale", "640", "mg/kg")])
    assert [(each.name, each.unit, each.points[0].value) for each in found] == [
        ("Calprotectine fécale", "mg/kg", None),
        ("Calprotectine fécale", "µg/g", None),
    ]


def test_denied_and_supposed_results_are_no_points() -> None:
    assert series_of([result("Potassium", "4", "mmol/L", assertion=Assertion.HYPOTHETICAL)]) == []


def test_the_baseline_is_the_median_of_the_year_before() -> None:
    last = date(2026, 2, 1)
    before = {400: "300", 365: "80", 100: "100", 8: "90", 7: "400"}
    facts = [result("Créatinine", text, "µmol/L", f"d{days}", last - timedelta(days)) for days, text in before.items()]
    (series,) = series_of([*facts, result("Créatinine", "160", "µmol/L", "now", last)])
    assert series.baseline(series.points[-1]) == 90
