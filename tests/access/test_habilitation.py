"""The matrix: its size, its words, and that what it does not say is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from access.document_types import EQUIVALENT, TYPES
from access.habilitation import NOBODY, Matrix, parse_matrix
from samples.people import CARERS
from tests.access.translate import MATRIX, policy

DATA = yaml.safe_load(MATRIX.read_text(encoding="utf-8"))


def test_it_is_as_large_as_promised_and_every_rule_has_a_source() -> None:
    matrix = policy().matrix
    assert len(matrix.roles) >= 20
    assert len(TYPES) >= 40
    rules = [rule for row in DATA["roles"].values() for rule in row["regles"]]
    assert len(rules) >= 50
    assert all(rule["source"] in DATA["sources"] for rule in rules)
    assert DATA["jamais"]["source"] in DATA["sources"]
    assert all(matrix.role_of(p, s or "").types for p, s in _rows())


def _rows() -> list[tuple[str, str]]:
    return [
        (profession, specialty)
        for row in DATA["roles"].values()
        for profession in row["professions"]
        for specialty in row.get("specialites", [""])
    ]


@pytest.mark.parametrize(
    ("profession", "specialty"),
    [
        ("médecin", "Médecine du travail"),
        ("10", "SM25"),
        ("médecin du travail", "Médecine générale"),
        ("médecin", "Médecine légale et expertises médicales"),
        ("assureur", ""),
        ("employeur", ""),
        ("mutuelle", "Médecine générale"),
        ("infirmier", "médecine du travail"),
        ("médecin", ""),
        ("médecin", "spécialité inventée"),
        ("astrologue", ""),
        ("", "Médecine générale"),
        ("", ""),
    ],
)
def test_who_sees_nothing(profession: str, specialty: str) -> None:
    assert policy().matrix.role_of(profession, specialty) == NOBODY


def test_words_codes_case_and_accents_name_the_same_row() -> None:
    matrix = policy().matrix
    names = {
        matrix.role_of(profession, specialty).name
        for profession, specialty in (
            ("médecin", "Médecine générale"),
            ("10", "SM54"),
            ("MEDECIN", " medecine  GENERALE"),
            ("médecin généraliste", ""),
        )
    }
    assert names == {"médecin généraliste"}


def test_every_invented_carer_with_a_number_has_a_row() -> None:
    matrix = policy().matrix
    roles = {c.key: matrix.role_of(c.profession, c.specialty) for c in CARERS.values() if c.rpps}
    assert len(roles) > 30
    assert [key for key, role in roles.items() if not role.types] == []
    assert roles["mt"].types == roles["urg"].types == TYPES.keys()
    assert roles["urg"].breaks_glass
    assert roles["urg"].regulates
    assert not roles["kine"].breaks_glass
    assert not roles["pharma"].regulates


def test_a_role_sees_listed_types_only_and_what_has_no_type_only_if_it_sees_all() -> None:
    doctor = policy().matrix.role_of("médecin", "Pneumologie")
    nurse = policy().matrix.role_of("infirmier", "")
    assert all(doctor.sees(code) for code in (*TYPES, *EQUIVALENT, ""))
    assert not doctor.sees("99999-9")
    assert doctor.sees("99999-9", unlisted=True)
    assert not nurse.sees("99999-9", unlisted=True)
    assert not nurse.sees("")
    assert not nurse.sees("68599-0")
    assert nurse.sees("57832-8")
    assert nurse.sees("18842-5")  # a discharge summary, in another country's code
    assert not any(NOBODY.sees(code) for code in (*TYPES, ""))


def test_codes_of_other_countries_stand_for_listed_types() -> None:
    assert set(EQUIVALENT.values()) <= set(TYPES)
    assert not set(EQUIVALENT) & set(TYPES)


@pytest.mark.parametrize("damage", ["source", "type", "twice"])
def test_a_doubtful_matrix_is_an_error_not_a_guess(damage: str) -> None:
    data: Any = copy.deepcopy(DATA)
    row = data["roles"]["infirmier"]
    if damage == "source":
        row["regles"][0]["source"] = "on m'a dit"
    elif damage == "type":
        row["regles"].append({"voit": ["Synthèse astrologique"], "source": "prudence"})
    else:
        row["professions"].append("sage-femme")
    with pytest.raises(ValueError, match=r"infirmier|sage-femme"):
        parse_matrix(data)


def test_no_profession_is_nobody_whatever_the_matrix_says() -> None:
    role = policy().matrix.role_of("médecin", "Médecine générale")
    assert role is not NOBODY
    assert Matrix("test", {("", ""): role}).role_of("", "") is NOBODY
