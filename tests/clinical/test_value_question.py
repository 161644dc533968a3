"""Questions about values: what is one, what is meant, and which results answer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from clinical.series import series_of
from clinical.value_question import answer_value_question, parse_value_question
from tests.clinical.telling import result

QUESTIONS = [
    ("créatinine > 150 depuis 2023", "créatinine", ">", "150", "", "2023", False),
    ("dernière HbA1c", "HbA1c", "", None, "", "", True),
    ("potassium over 5.5 mmol/L since 03/2024", "kaliémie", ">", "5.5", "mmol/l", "2024-03", False),
    ("INR supérieur à 4", "INR", ">", "4", "", "", False),
    ("la dernière créatinine", "créatinine", "", None, "", "", True),
    ("plaquettes < 100 000 /mm3", "plaquettes", "<", "100000", "/mm3", "", False),
    ("TSH >= 4,5 depuis le 01/02/2024", "TSH", ">=", "4.5", "", "2024-02-01", False),
    ("créat > 1,5 mg/dL", "créatinine", ">", "1.5", "mg/dl", "", False),
]
WORDS = [
    "allergie pénicilline",
    "dernier ECG",
    "créatinine",
    "fièvre > 39",
    "depuis 2023",
    "> 150",
    "créatinine > haut",
    "",
]


@pytest.mark.parametrize(("text", "name", "sign", "value", "unit", "since", "last"), QUESTIONS)
def test_what_is_asked(text: str, name: str, sign: str, value: str | None, unit: str, since: str, last: bool) -> None:
    found = parse_value_question(text)
    assert found is not None
    assert [each.name for each in found.analytes] == [name]
    asked = (found.comparator, found.value, found.unit, found.since, found.last)
    assert asked == (sign, None if value is None else Decimal(value), unit, since, last)


@pytest.mark.parametrize("text", WORDS)
def test_other_questions_stay_words(text: str) -> None:
    assert parse_value_question(text) is None


RESULTS = [
    result("Créatinine", "118", "µmol/L", "a", date(2022, 5, 1)),
    result("Créatinine", "160", "µmol/L", "b", date(2023, 5, 1)),
    result("Créatinine", "1,9", "mg/dL", "c", date(2024, 5, 1)),
    result("Créatinine", "400", "", "d", date(2024, 6, 1)),
    result("Créatinine", "100", "µmol/L", "e", date(2024, 7, 1)),
    result("Glycémie", "1,1", "g/L", "f", date(2024, 7, 1)),
    result("Glycémie", "2,4", "g/L", "g", date(2024, 8, 1)),
    result("Glycémie", "9", "mmol/L", "h", date(2024, 9, 1)),
    result("DFG (CKD-EPI)", "28", "mL/min/1,73m²", "i", date(2024, 9, 1)),
    result("DFG (MDRD)", "25", "mL/min/1,73m²", "j", date(2024, 9, 1)),
    result("TSH", "0,01", "mUI/L", "k", date(2024, 9, 1), comparator="<"),
]
ANSWERS = [
    ("créatinine > 150", ["c", "b"]),
    ("créatinine > 150 depuis 2024", ["c"]),
    ("créatinine > 1,5 mg/dL", ["c", "b"]),
    ("créatinine > 150 g/kg", []),
    ("dernière créatinine", ["e"]),
    ("glycémie > 1,26", ["h", "g"]),
    ("glycémie > 2", ["g"]),
    ("DFG < 30", ["i", "j"]),
    ("TSH < 0,1", ["k"]),
    ("TSH > 0,001", []),
]


@pytest.mark.parametrize(("text", "documents"), ANSWERS)
def test_what_answers(text: str, documents: list[str]) -> None:
    question = parse_value_question(text)
    assert question is not None
    answers = answer_value_question(question, series_of(RESULTS))
    assert [point.told.document_id for each in answers for point in each.points] == documents


def test_the_unit_that_was_meant_is_told() -> None:
    question = parse_value_question("glycémie > 2")
    assert question is not None
    assert [each.unit for each in answer_value_question(question, series_of(RESULTS))] == ["g/L"]
