"""A reaction of hypersensitivity that no rule explains, near a drug or allergen, is left to be verified."""

from __future__ import annotations

import pytest

from clinical.told_by_text import facts_of
from records.content import Page
from records.fact import Assertion, Fact, FactKind

_DANGERS = (FactKind.ALLERGY, FactKind.INTOLERANCE)


def dangers(text: str) -> list[Fact]:
    """What rules tell; sentences that are only pointed at are of test_pointed.py."""
    return [fact for fact in facts_of(Page(1, text)) if fact.kind in _DANGERS and not fact.is_pointed]


def said(text: str) -> list[tuple[str, Assertion]]:
    return [(fact.label, fact.assertion) for fact in dangers(text)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Transm 22h : plaques bras et ventre depuis 2e dose de Rocéphine", "Rocéphine"),
        ("Éruption survenue six semaines après le début d'un traitement par salazopyrine", "salazopyrine"),
        ("Piqué par guêpe en août : malaise, urticaire généralisée", "guêpe"),
        ("Antibioprophylaxie céfazoline suivie d'un bronchospasme", "céfazoline"),
        ("Au décours du vaccin : urticaire généralisée à 30 minutes", "vaccin"),
        ("A arrêté d'elle-même le Voltarène, visage enflé", "Voltarène"),
        ("Angioedème récidivant, ramipril en cours depuis 2 ans, arrêté ce jour", "ramipril"),
        ("N'a jamais pu prendre de Clamoxyl depuis l'enfance : éruption", "Clamoxyl"),
        ("Nurofen       bronchospasme   éviction", "Nurofen"),
        ("Lyell 2003 (sulfamides)", "sulfamides"),
        ("Had facial swelling within minutes of IV ceftriaxone", "ceftriaxone"),
    ],
)
def test_what_stands_near_a_reaction_is_suspected(text: str, name: str) -> None:
    assert (name, Assertion.SUSPECTED) in said(text)


def test_the_reaction_is_told_and_the_drug_stays_a_treatment() -> None:
    facts = list(facts_of(Page(1, "Transm 22h : plaques bras et ventre depuis 2e dose de Rocéphine")))
    (allergy,) = (fact for fact in facts if fact.kind is FactKind.ALLERGY)
    assert allergy.detail("reaction") == "plaques"
    assert allergy.quote is not None
    assert [fact.label for fact in facts if fact.kind is FactKind.MEDICATION] == ["Rocéphine"]


def test_names_that_nobody_knows_are_shown_beside_an_allergy_or_after_a_reaction() -> None:
    assert said("Allergie Xyzalofene signalée par la maman") == [("Xyzalofene", Assertion.SUSPECTED)]
    assert said("Angio-œdème de la face après injection de Xyzalofene") == [("Xyzalofene", Assertion.SUSPECTED)]
    assert not said("Angio-œdème de la face après injection de produit")
    assert not said("Allergie Médicamenteuse")
    assert ("INTOLERANCES", Assertion.SUSPECTED) not in said("ALLERGIES / INTOLERANCES\nCodéine - nausées")


def test_every_name_of_a_list_is_suspected() -> None:
    text = "Choc anaphylactique per-op (rocuronium / cefazoline, IgE en attente)"
    assert {name for name, _ in said(text)} == {"rocuronium", "cefazoline"}


@pytest.mark.parametrize(
    "text",
    [
        "Urticaire chronique spontanée sous Xolair 300 mg/4 sem.",  # treats by its ATC group
        "Angio-œdème après l'effort, sortie sous Solupred",
        "Bronchospasme sur infection virale, aérosols Bricanyl + Atrovent x3",
        "Éruption pustuleuse, prélèvement fait, Pyostacine débutée",  # no link
        "Rash malaire, lupus connu, Plaquenil 400",
        "Éruption après 3 j de fièvre, Doliprane seulement",  # the link is of the fever
        "Éruption traitée avec doxycycline pendant 8 jours",  # said to treat it
        "Prurit de la gale : amélioré depuis Stromectol",
        "Dg différentiel : toxidermie, prise récente d'amoxicilline",  # not stated
        "Surveiller une éruption après la reprise du Lamictal",
        "Pas d'éruption, pas de prurit depuis la reprise du Bactrim",
        "Sa tante : éruption et fièvre depuis la prise de Bactrim",  # of a relative
        "Érythème migrant après morsure de tique, doxycycline",  # an illness
        "Choc septique, arrêt Eliquis",
        "Ostéosynthèse par 2 mini-plaques et vis titane",
    ],
)
def test_what_treats_or_is_not_stated_is_left_alone(text: str) -> None:
    assert not [each for each in said(text) if each[1] is Assertion.SUSPECTED], said(text)


def test_nothing_is_looked_for_past_a_name_that_a_rule_accuses() -> None:
    assert said("Urticaire sous amoxicilline, prise de Josacine") == [("amoxicilline", Assertion.PRESENT)]
    assert said("Josacine arrêtée, amoxicilline : urticaire") == [("amoxicilline", Assertion.PRESENT)]
    assert said("Aspirine : allergie, prise de Plavix") == [("Aspirine", Assertion.PRESENT)]
    assert said("Allergie au sparadrap, pst fait avec Mepilex") == [("sparadrap", Assertion.PRESENT)]
    assert said("Gonflement des lèvres avec le kiwi, ça gratte avec la pomme et la noisette") == [
        ("kiwi", Assertion.PRESENT),
        ("pomme", Assertion.SUSPECTED),
        ("noisette", Assertion.SUSPECTED),
    ]
