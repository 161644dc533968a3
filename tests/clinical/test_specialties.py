"""The specialty of a document, from what it says of itself."""

from __future__ import annotations

import pytest

from clinical.specialties import specialties, specialties_in, specialty_of


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("Consultation de cardiologie", "Dr Haddad", ""), "cardiologie"),
        (("Compte rendu de consultation", "Dr Haddad, cardiologue", "CHU"), "cardiologie"),
        (("Courrier", "Dr Haddad", "Service d'ORL – CHU d'Orléans"), "oto-rhino-laryngologie"),
        (("Courrier", "Dr Haddad", "CHU d'Orléans"), ""),
        (("Compte rendu de passage aux urgences pédiatriques", "", ""), "urgences"),
        (("Lettre de liaison – hépato-gastro-entérologie", "", "Cardiologie"), "hépato-gastro-entérologie"),
        (("", "", ""), ""),
    ],
)
def test_the_first_that_names_one_decides(said: tuple[str, str, str], expected: str) -> None:
    assert specialty_of("11488-4", *said) == expected


def test_a_kind_of_document_tells_where_nothing_else_does() -> None:
    assert specialty_of("11502-2", "Hémogramme", "", "") == "biologie médicale"
    assert specialty_of("11502-2", "Hémogramme", "", "Service d'hématologie") == "hématologie"


def test_every_line_of_the_data_is_found_by_its_own_name_or_words() -> None:
    assert len(specialties()) >= 35
    for name, said in specialties().items():
        assert said, name
        for words in said:
            assert name in specialties_in(f"avis {words.strip()} demandé"), (name, words)
