"""What a reaction is put down to that stands in the sentence before it, or beside it without a word that accuses."""

from __future__ import annotations

import pytest

from clinical.told_by_text import facts_of
from records.content import Page
from records.fact import Assertion, FactKind

DANGERS = (FactKind.ALLERGY, FactKind.INTOLERANCE, FactKind.CONTRAINDICATION)


def dangers(text: str) -> list[tuple[FactKind, str, Assertion]]:
    """What rules tell; sentences that are only pointed at are of test_pointed.py."""
    return [(f.kind, f.label, f.assertion) for f in facts_of(Page(1, text)) if f.kind in DANGERS and not f.is_pointed]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Prise d'amoxicilline en 2019. Urticaire géante une heure après.", "amoxicilline"),
        ("Prise d'amoxicilline en 2019.\nUrticaire géante une heure après.", "amoxicilline"),
        ("Mise sous Lamictal il y a trois semaines. Depuis 48 h, fièvre et éruption.", "Lamictal"),
        ("Augmentin débuté vendredi ; dimanche éruption du tronc", "Augmentin"),
        ("Started lisinopril last month. Now tongue swelling.", "lisinopril"),
    ],
)
def test_a_reaction_of_the_next_sentence_accuses_what_was_begun_before(text: str, name: str) -> None:
    assert (FactKind.ALLERGY, name, Assertion.SUSPECTED) in dangers(text)
    told = next(f for f in facts_of(Page(1, text)) if f.kind is FactKind.ALLERGY)
    assert name in told.quote.text
    assert told.detail("reaction") in told.quote.text


@pytest.mark.parametrize(
    "text",
    [
        "Son frère a pris de l'amoxicilline. Urticaire une heure après.",
        "Prise d'amoxicilline. Pas d'éruption depuis.",
        "Prise d'amoxicilline hier. Consulter si éruption dans les 48 h.",
        "Xarelto pris depuis 2019. Urticaire depuis 3 jours.",
        "Sous Xarelto depuis 2019. Urticaire depuis 3 jours.",
        "A reçu de l'Aerius. Prurit depuis hier.",
        "Prise d'amoxicilline.\n\nUrticaire une heure après un repas.",
        "Prise d'amoxicilline en 2019. Urticaire chronique.",
        "Amoxicilline au long cours. Érythème noueux depuis 3 jours.",
        "Injection de Depo-Provera ce jour. Depuis deux mois acné et prurit.",
    ],
)
def test_two_sentences_need_not_belong_together(text: str) -> None:
    assert dangers(text) == []


def test_a_sentence_with_a_cause_of_its_own_accuses_nothing_before() -> None:
    told = dangers("Injection de Clamoxyl hier. Urticaire depuis la prise de crevettes.")
    assert [name for _, name, _ in told] == ["crevettes"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Œdème de Quincke il y a 10 ans, Catalgine", "Catalgine"),
        ("Lyell 2005, Zyloric", "Zyloric"),
        ("Bronchospasme sévère, Aspégic, 1987", "Aspégic"),
        ("Severe rash, Bactrim, 2011", "Bactrim"),
        ("Choc anaphylactique en 1994, Augmentin IV, réanimé", "Augmentin"),
        ("Anaphylaxie (méthylprednisolone)", "méthylprednisolone"),
    ],
)
def test_a_name_beside_a_reaction_of_long_ago_or_alone_in_its_brackets_is_to_be_verified(text: str, name: str) -> None:
    assert (FactKind.ALLERGY, name, Assertion.SUSPECTED) in dangers(text)


def test_what_somebody_reacted_to_long_ago_is_no_treatment_of_today() -> None:
    told = facts_of(Page(1, "Œdème de Quincke il y a 10 ans, Catalgine. Prend Eliquis."))
    assert [f.label for f in told if f.kind is FactKind.MEDICATION] == ["Eliquis"]


@pytest.mark.parametrize(
    "text",
    [
        "Urticaire, Xolair",
        "Urticaire, ramipril",
        "Urticaire en 2019, Aerius",
        "Anaphylaxie (adrénaline)",
        "Anaphylaxie (Solumédrol, Polaramine)",
        "Anaphylaxie (Solumédrol 120 mg)",
        "Urticaire au froid",
        "Prurit de la gale a cédé après Stromectol",
        "Réaction allergique au bloc en 2019",
        "Régime sans gluten",
        "Régime strict sans lactose",
    ],
)
def test_what_treats_a_reaction_an_illness_of_its_own_a_place_and_a_diet_are_no_danger(text: str) -> None:
    assert dangers(text) == []


def test_a_diet_against_a_reaction_stays_a_danger() -> None:
    assert dangers("Régime sans arachide") == [(FactKind.CONTRAINDICATION, "arachide", Assertion.PRESENT)]


@pytest.mark.parametrize(
    "text",
    [
        "Quincke après ibuprofène chez sa fille",
        "Chez sa fille, Quincke après ibuprofène.",
        "Chez son fils : réaction à l'ibuprofène.",
    ],
)
def test_the_reaction_of_a_relative_named_before_or_after_is_not_the_patients(text: str) -> None:
    assert dangers(text) == [(FactKind.ALLERGY, "ibuprofène", Assertion.FAMILY)]


def test_a_drug_withdrawn_for_its_reaction_is_not_disproved() -> None:
    assert dangers("Patch de Scopoderm retiré : dermite de contact") == [
        (FactKind.ALLERGY, "Scopoderm", Assertion.PRESENT)
    ]
    assert dangers("Céfapirine retirée du protocole : éruption")[0] == (
        FactKind.ALLERGY, "Céfapirine", Assertion.PRESENT,
    )  # fmt: skip
    assert dangers("Allergie à la pénicilline retirée") == [(FactKind.ALLERGY, "pénicilline", Assertion.ABSENT)]


def test_what_is_said_of_the_medicine_named_before_forbids_it_and_spoken_french_needs_no_first_negation() -> None:
    assert dangers("NFS sous Tégrétol : agranulocytose, médicament contre-indiqué à vie")[0] == (
        FactKind.CONTRAINDICATION, "Tégrétol", Assertion.PRESENT,
    )  # fmt: skip
    assert {name for _, name, _ in dangers("TIH en 2016 : pas d'héparine, ni HBPM")} == {"héparine", "HBPM"}
    assert dangers("Je supporte pas la codéine") == [(FactKind.INTOLERANCE, "codéine", Assertion.PRESENT)]
