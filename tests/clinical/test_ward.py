"""What lines of the ward tell of allergies, intolerances, contra-indications and medicines."""

from __future__ import annotations

import pytest

from benchmarks.ward import LISTS, score
from clinical.told_by_text import facts_of
from records.content import Page
from records.fact import FactKind

SHOWN, EXACT, PRECISE = 0.95, 0.93, 0.95


@pytest.mark.parametrize("name", LISTS)
def test_the_lists_are_told(name: str) -> None:
    counts, errors = score(name)
    dangers = {what: counts[f"danger {what}"] for what in ("wanted", "shown", "exact", "told", "meant")}
    assert dangers["shown"] >= SHOWN * dangers["wanted"], errors
    assert dangers["exact"] >= EXACT * dangers["wanted"], errors
    assert dangers["meant"] >= PRECISE * dangers["told"], errors


def kinds(text: str) -> list[tuple[FactKind, str, str]]:
    wanted = (FactKind.ALLERGY, FactKind.INTOLERANCE, FactKind.CONTRAINDICATION, FactKind.MEDICATION)
    return [(f.kind, f.label, f.assertion.value) for f in facts_of(Page(1, text)) if f.kind in wanted]


def test_a_treatment_of_the_reaction_is_no_culprit_and_who_bleeds_under_a_drug_still_takes_it() -> None:
    assert kinds("Urticaire sous Aerius") == [(FactKind.MEDICATION, "Aerius", "present")]
    assert (FactKind.ALLERGY, "amoxicilline", "present") in kinds("Urticaire sous amoxicilline")
    assert kinds("Saignement sous Xarelto") == [
        (FactKind.INTOLERANCE, "Xarelto", "present"),
        (FactKind.MEDICATION, "Xarelto", "present"),
    ]
    assert kinds("Pas de saignement sous Xarelto") == [(FactKind.MEDICATION, "Xarelto", "present")]


def test_a_contraindication_is_neither_an_allergy_nor_a_treatment() -> None:
    for text in ("Contre-indication aux AINS", "AINS interdits", "CI aux AINS", "Ne pas donner d'AINS", "Pas d'AINS"):
        assert kinds(text) == [(FactKind.CONTRAINDICATION, "AINS", "present")], text
    assert kinds("Pas de contre-indication aux AINS") == [(FactKind.CONTRAINDICATION, "AINS", "absent")]
    assert kinds("Ne pas prendre Eliquis le matin de l'intervention") == [(FactKind.MEDICATION, "Eliquis", "present")]


def test_the_denial_of_another_line_of_a_form_reaches_no_allergy() -> None:
    assert kinds("Allergie : latex / Isolement : non") == [(FactKind.ALLERGY, "latex", "present")]


def test_a_drug_stopped_for_a_reaction_of_the_skin_is_suspected() -> None:
    assert kinds("Rash : arrêt de l'Augmentin")[0] == (FactKind.ALLERGY, "Augmentin", "suspected")
    text = "Le diagnostic de DRESS était retenu et la carbamazépine a été interrompue."
    assert (FactKind.ALLERGY, "carbamazépine", "suspected") in kinds(text)
    for text in (
        "Urticaire, arrêt de l'Aerius",
        "Pas de rash, arrêt de l'Augmentin à J7",
        "Choc septique, arrêt Eliquis",
    ):
        assert not [each for each in kinds(text) if each[0] is FactKind.ALLERGY], text


def test_what_was_not_tolerated_is_what_stands_before() -> None:
    assert kinds("Ramipril mal toléré sous Lasilix")[0] == (FactKind.INTOLERANCE, "Ramipril", "present")
    assert kinds("Mal supporté : Lyrica") == [(FactKind.INTOLERANCE, "Lyrica", "present")]
    for text in ("VNI mal tolérée sous morphine", "Traitement par Eliquis, effort non toléré"):
        assert not [each for each in kinds(text) if each[0] is FactKind.INTOLERANCE], text
