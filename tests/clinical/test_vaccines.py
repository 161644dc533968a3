"""Vaccination standings: done and due rest on proofs; without one nothing is known, nobody is « up to date »."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.vaccines import Status, calendar, standings
from records.fact import Assertion, Told
from tests.clinical.telling import NOW, dose

ADULT, CHILD, OLD = date(1985, 3, 12), date(2024, 11, 20), date(1950, 1, 1)
DTP = "diphtérie, tétanos, poliomyélite"


def standing(name: str, born: date | None, *given: tuple[str, str]) -> tuple[str, str]:
    told = [dose(label, document=f"d{n}", start=day) for n, (label, day) in enumerate(given)]
    found = next(each for each in standings(told, born, NOW) if each.vaccine.name == name)
    return found.status, found.reason


CASES = [
    (DTP, ADULT, [], Status.UNKNOWN),
    (DTP, ADULT, [("Revaxis", "2010-05-01")], Status.DONE),
    (DTP, ADULT, [("DTPolio", "2003-05-01")], Status.DUE),
    (DTP, OLD, [("Revaxis", "2015-02-01")], Status.DUE),
    (DTP, OLD, [("Revaxis", "2024-02-01")], Status.DONE),
    (DTP, CHILD, [("Hexyon", "2025-01-20"), ("Hexyon", "2025-03-20"), ("Hexyon", "2025-10-20")], Status.DONE),
    (DTP, CHILD, [("Hexyon", "2025-01-20")], Status.DUE),
    (DTP, ADULT, [("Revaxis", "")], Status.DONE),  # its document's day is all that is known
    ("grippe", OLD, [("Vaxigrip", "2025-10-15")], Status.DONE),
    ("grippe", OLD, [("Vaxigrip", "2023-10-15")], Status.DUE),
    ("zona", OLD, [("Shingrix", "2025-10-15")], Status.DUE),
    ("zona", OLD, [("Shingrix", "2025-10-15"), ("Shingrix", "2025-12-15")], Status.DONE),
    ("rougeole, oreillons, rubéole", ADULT, [("Priorix", "1986-05-01")], Status.DUE),
    ("pneumocoque (65 ans et plus)", OLD, [("Prevenar 20", "2025-05-01")], Status.DONE),
]


@pytest.mark.parametrize(("name", "born", "given", "status"), CASES)
def test_where_a_person_stands(name: str, born: date, given: list[tuple[str, str]], status: Status) -> None:
    assert standing(name, born, *given)[0] == status


def test_the_calendar_concerns_an_age() -> None:
    names = {each.vaccine.name for each in standings([], OLD, NOW)}
    assert {"grippe", "zona", "pneumocoque (65 ans et plus)"} <= names
    assert not names & {"rotavirus", "méningocoque B", "papillomavirus"}
    assert len(standings([], None, NOW)) == len(calendar())


def test_a_birth_date_is_needed_to_conclude() -> None:
    assert standing(DTP, None, ("Revaxis", "2020-01-01"))[0] == Status.UNKNOWN


def test_a_refused_or_planned_dose_proves_nothing() -> None:
    told = [dose("Revaxis", start="2020-01-01", assertion=each) for each in (Assertion.ABSENT, Assertion.HYPOTHETICAL)]
    assert standings(told, ADULT, NOW)[0].status == Status.UNKNOWN


@given(
    st.lists(st.tuples(st.sampled_from(["Revaxis", "Hexyon", "Priorix", "Vaxigrip", "autre"]), st.dates())),
    st.none() | st.dates(date(1920, 1, 1), NOW),
)
def test_without_a_proof_nothing_is_done_or_due(given: list[tuple[str, date]], born: date | None) -> None:
    told: list[Told] = [dose(label, document=f"d{n}", day=day) for n, (label, day) in enumerate(given)]
    for each in standings(told, born, NOW):
        assert each.doses or each.status is Status.UNKNOWN
        assert "à jour" not in each.reason
