"""Units and numbers: what is read right, what is not guessed, and conversions that come back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.analyte import Analyte, analyte_called, analytes, measured_by
from clinical.numerals import readings_of
from clinical.ranges import stated_range
from clinical.text.vocabulary import parts, rows
from clinical.units import Unit, rescale, unit_of, units, units_spelt
from records.fact import Coding
from tests.clinical.telling import LOINC, result

NUMBERS = [
    ("1,5", ["1.5"]),
    ("1.5", ["1.5"]),
    ("1.500", ["1.500", "1500"]),
    ("1,500", ["1.500", "1500"]),
    ("12 000", ["12000"]),
    ("12\u202f000", ["12000"]),
    ("0,500", ["0.500"]),
    ("1.234,5", ["1234.5"]),
    ("1,234.5", ["1234.5"]),
    ("12.000.000", ["12000000"]),
    ("1234,567", ["1234.567"]),
    ("< 0,01", ["0.01"]),
    ("-2,5", ["-2.5"]),
    ("positif", []),
    ("12 à 15", []),
    ("1,2,3", []),
    ("", []),
]
SPELLINGS = [
    ("mL/min/1,73 m²", "mL/min/{1.73_m2}"),
    ("10⁹/L", "10*9/L"),
    ("× 10⁹/L", "10*9/L"),
    ("x 10^9/L", "10*9/L"),
    (".10³/mm³", "10*9/L"),
    ("·10¹²/L", "10*12/L"),
    ("10^9/l", "10*9/L"),
    ("G/L", "10*9/L"),
    ("g/l", "g/L"),
    ("µmol/L", "umol/L"),
    ("μmol/l", "umol/L"),
    ("mmol.L⁻¹", "mmol/L"),
    ("mmol L−1", "mmol/L"),
    ("mL.min⁻¹.1,73 m⁻²", "mL/min/{1.73_m2}"),
    ("UI/L", "U/L"),
    ("µUI/mL", "mU/L"),
    ("/mm3", "/uL"),
    ("mm³", ""),
    ("10³/µL", "10*9/L"),
    ("ng/mL FEU", "ug/L{FEU}"),
    ("g/100 mL", "g/dL"),
    ("", ""),
    ("bananes", ""),
]


@pytest.mark.parametrize(("text", "values"), NUMBERS)
def test_numbers_as_documents_write_them(text: str, values: list[str]) -> None:
    assert readings_of(text) == tuple(Decimal(value) for value in values)


@pytest.mark.parametrize(("text", "code"), SPELLINGS)
def test_units_as_documents_write_them(text: str, code: str) -> None:
    assert next((unit.code for unit in units_spelt(text)), "") == code


def test_giga_and_gram_are_told_apart_by_what_is_measured() -> None:
    leucocytes, hemoglobin = analytes()["leucocytes"], analytes()["hémoglobine"]
    for spelling in ("G/L", "g/L"):
        found = leucocytes.unit_written(spelling), hemoglobin.unit_written(spelling)
        assert [each and each.code for each in found] == ["10*9/L", "g/L"]
    assert unit_of("g/L", {"number/volume", "mass/volume"}) == units()["g/L"]


@given(st.sampled_from(sorted(units())), st.sampled_from(sorted(units())), st.decimals("0.001", "100000", places=3))
def test_a_factor_leads_back_and_never_across_quantities(one: str, other: str, value: Decimal) -> None:
    first, second = units()[one], units()[other]
    if first.quantity != second.quantity:
        with pytest.raises(ValueError, match="different quantities"):
            rescale(value, first, second)
    else:
        back = rescale(rescale(value, first, second), second, first)
        assert abs(back - value) <= abs(value) * Decimal("1e-20")


pairs = st.sampled_from(
    [
        (analyte, unit)
        for analyte in analytes().values()
        for unit in units().values()
        if unit.quantity in analyte.quantities
    ]
)


@given(pairs, st.decimals("0.001", "100000", places=3))
def test_every_conversion_leads_back(pair: tuple[Analyte, Unit], value: Decimal) -> None:
    analyte, unit = pair
    converted = analyte.convert(value, unit)
    if {unit.quantity, analyte.unit.quantity} == {"flow", "flow/area"}:  # would need the body's surface
        assert converted is None
        return
    assert converted is not None, "an admitted quantity that does not convert"
    back = analyte.back(converted, unit)
    assert back is not None
    assert abs(back - value) <= max(abs(value), 1) * Decimal("1e-20")


@given(st.sampled_from(sorted(analytes())), st.sampled_from(sorted(units())))
def test_nothing_else_converts(name: str, code: str) -> None:
    analyte, unit = analytes()[name], units()[code]
    if unit.quantity not in analyte.quantities:
        assert analyte.convert(Decimal(1), unit) is None
        assert analyte.unit_written(code) is None or analyte.unit_written(code) != unit


KNOWN = [  # value, unit, value in the series' unit; from published conversion factors, not from the table
    ("créatinine", "1", "mg/dL", "88.4"),
    ("glycémie", "1", "g/L", "5.551"),
    ("urée", "1", "g/L", "16.65"),
    ("cholestérol total", "1", "g/L", "2.586"),
    ("triglycérides", "1", "g/L", "1.129"),
    ("calcémie", "10", "mg/dL", "2.495"),
    ("uricémie", "10", "mg/L", "59.48"),
    ("bilirubine totale", "1", "mg/dL", "17.10"),
    ("hémoglobine", "8", "mmol/L", "12.89"),
    ("HbA1c", "53", "mmol/mol", "7.0"),
    ("HbA1c", "86", "mmol/mol", "10.0"),
    ("azote uréique", "28", "mg/dL", "9.995"),
    ("ALAT", "1", "µkat/L", "60"),
    ("troponine T hs", "0.05", "ng/mL", "50"),
    ("vitamine B12", "200", "ng/L", "147.6"),
]


@pytest.mark.parametrize(("name", "value", "unit", "expected"), KNOWN)
def test_published_factors(name: str, value: str, unit: str, expected: str) -> None:
    analyte = analytes()[name]
    written = analyte.unit_written(unit)
    assert written is not None
    found = analyte.convert(Decimal(value), written)
    assert found is not None
    assert abs(found - Decimal(expected)) <= Decimal(expected) * Decimal("0.002")


def test_one_name_and_one_code_lead_to_one_line_only() -> None:
    assert len(analytes()) >= 70
    assert analyte_called("Créat") is analytes()["créatinine"]
    assert analyte_called("DFG estimé (CKD-EPI)") is analytes()["DFG (CKD-EPI)"]
    assert analyte_called("créatinine urinaire") is None


def test_code_and_name_that_disagree_join_nothing() -> None:
    fact = result("Troponine I", "12", "ng/L", codes=[(LOINC, "67151-1")]).fact
    assert measured_by(fact).analyte is None
    assert "contredisent" in measured_by(fact).remark
    unspecified = result("Troponine", "12", "ng/L", codes=[(LOINC, "67151-1")]).fact
    assert measured_by(unspecified).analyte is analytes()["troponine T hs"]


@pytest.mark.parametrize(
    "label",
    [
        "Glucose [Mass/volume] in Urine by Test strip",
        "Potassium [Moles/volume] in Urine",
        "Leukocytes [#/volume] in Cerebral spinal fluid",
        "Hemoglobin [Mass/volume] in Urine",
        "Potassium [Moles/volume] in Body fluid",
        "Glucose (LCR)",
    ],
)
def test_what_is_measured_elsewhere_than_in_blood_joins_no_series_of_blood(label: str) -> None:
    fact = result(label, "4", "mmol/L", codes=[(LOINC, "99999-9")]).fact
    assert measured_by(fact).analyte is None
    named = result("Glucose", "4", "mmol/L").fact
    display = replace(named, codes=(Coding(LOINC, "99999-9", "Glucose [Mass/volume] in Urine"),))
    assert measured_by(named).analyte is analytes()["glycémie"]
    assert measured_by(display).analyte is None


CODED = [
    (name, preferred, code, unit)
    for _, preferred, others, codes in rows("analytes.txt", 4)
    for name in (preferred, *parts(others))
    for pair in filter(str.strip, codes.split(";"))
    for code, *spelt in [pair.split()]
    for unit in spelt
]


@pytest.mark.parametrize(("name", "preferred", "code", "unit"), CODED)
def test_the_code_that_a_text_is_given_never_takes_its_value_elsewhere(
    name: str, preferred: str, code: str, unit: str
) -> None:
    """The two files of analytes agree: « troponine I : 45 ng/L » is on the card, and « DFG » gets no formula."""
    written = {"concept": preferred}
    value = "" if unit == "sans" else unit
    coded = measured_by(result(name, "4", value, codes=[(LOINC, code)], **written).fact)
    bare = measured_by(result(name, "4", value, **written).fact)
    assert not coded.remark
    assert bare.analyte is None or coded.analyte is bare.analyte
    assert coded.analyte is None or not value or coded.analyte.unit_written(value) is not None


RANGES = [
    ("62 – 106", "F", 40, ("62", "106")),
    ("< 5", "F", 40, (None, "5")),
    ("> 60", "", None, ("60", None)),
    ("inférieur à 0,55", "M", 40, (None, "0.55")),
    ("H : 13,0 – 17,0 ; F : 12,0 – 16,0", "F", 40, ("12.0", "16.0")),
    ("H : 13,0 – 17,0 ; F : 12,0 – 16,0", "M", 40, ("13.0", "17.0")),
    ("H : 13,0 – 17,0 ; F : 12,0 – 16,0", "", 40, (None, None)),
    ("Femmes 49 à 90 Hommes 64 à 104", "M", 40, ("64", "104")),
    ("de 18 à 60 ans : 3 - 7, plus de 60 ans : 4 - 8", "M", 70, ("4", "8")),
    ("de 18 à 60 ans : 3 - 7, plus de 60 ans : 4 - 8", "M", 40, ("3", "7")),
    ("de 18 à 60 ans : 3 - 7, plus de 60 ans : 4 - 8", "M", None, (None, None)),
    ("", "F", 40, (None, None)),
    ("négatif", "F", 40, (None, None)),
]


@pytest.mark.parametrize(("text", "sex", "age", "bounds"), RANGES)
def test_stated_ranges_by_sex_and_age(
    text: str, sex: str, age: int | None, bounds: tuple[str | None, str | None]
) -> None:
    found = stated_range(text, sex, age, lambda readings: readings[0] if readings else None)
    assert found == tuple(None if bound is None else Decimal(bound) for bound in bounds)
