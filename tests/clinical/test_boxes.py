"""Boxes of forms: a ticked one states, an empty one does not, one whose state cannot be told is to be verified."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.told_by_text import facts_of
from records.content import Page
from records.fact import FactKind

ALLERGIC = (FactKind.ALLERGY, FactKind.INTOLERANCE)
NAMES = ("latex", "pénicilline", "iode", "aspirine", "morphine", "arachide", "codéine")
BOXES = {
    "ballot": ("☒", "☐"),
    "checked": ("☑", "☐"),
    "brackets": ("[x]", "[ ]"),
    "capitals": ("[X]", "[ ]"),
    "rounds": ("(x)", "( )"),
    "shapes": ("■", "□"),
    "symbols": ("\uf0fe", "\uf0a8"),
}


def told(text: str) -> list[tuple[str, str]]:
    """Names and assertions of what is told of allergies."""
    return [(fact.label, fact.assertion.value) for fact in facts_of(Page(1, text)) if fact.kind in ALLERGIC]


@given(
    st.sampled_from(sorted(BOXES)),
    st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), min_size=2, max_size=6, unique_by=lambda pair: pair[0]),
    st.booleans(),
    st.sampled_from([" ", "  ", "\n"]),
)
def test_what_is_ticked_is_told_and_nothing_else(
    kind: str, names: list[tuple[str, bool]], before: bool, between: str
) -> None:
    ticked, empty = BOXES[kind]
    if not any(chosen for _, chosen in names) or all(chosen for _, chosen in names):
        return  # one kind of shape alone may be bullets
    if between == "\n":
        lines = [
            f"{ticked if c else empty} Allergie {n}" if before else f"Allergie {n} {ticked if c else empty}"
            for n, c in names
        ]
        text = "\n".join(lines)
    else:
        marked = [f"{ticked if c else empty} {n}" if before else f"{n} {ticked if c else empty}" for n, c in names]
        text = "Allergies : " + between.join(marked)
    assert sorted(told(text)) == sorted((name, "present") for name, chosen in names if chosen), text


@pytest.mark.parametrize("kind", sorted(BOXES))
@pytest.mark.parametrize("before", [True, False])
def test_a_no_denies_its_question_and_a_yes_states_it(kind: str, before: bool) -> None:
    ticked, empty = BOXES[kind]

    def answered(yes: str, no: str) -> str:
        return f"{yes} oui {no} non" if before else f"oui {yes} non {no}"

    assert told(f"Allergie latex : {answered(empty, ticked)}") == [("latex", "absent")]
    assert told(f"Allergie latex : {answered(ticked, empty)}") == [("latex", "present")]
    assert told(f"Allergie latex : {answered(empty, empty)}") == []
    assert told(f"Allergie latex : {answered(ticked, ticked)}") == [("latex", "suspected")]
    named = f"Allergie connue : {answered(ticked, empty)} laquelle : Pyostacine"
    assert ("Pyostacine", "present") in told(named)
    assert ("Pyostacine", "suspected") in told(f"Allergie connue : {answered(empty, ticked)} laquelle : Pyostacine")


@pytest.mark.parametrize(
    "text",
    [
        "Allergie latex : OUI / NON",
        "Allergie latex  C] Oui  LJ Non",
        "Latex ☐ pénicilline ☒ iode (allergies)",
        "Allergie ?   O   N\nLatex   X",
    ],
)
def test_a_box_that_cannot_be_told_is_to_be_verified(text: str) -> None:
    facts = [fact for fact in facts_of(Page(1, text)) if "latex" in fact.label.lower()]
    assert [fact.assertion.value for fact in facts] == ["suspected"]
    assert facts[0].detail("note") == "case du formulaire à vérifier"


def test_columns_answer_each_row() -> None:
    for mark in ("X", "☒", "x"):
        table = f"Allergie\tOui\tNon\nLatex\t\t{mark}\nIode\t{mark}\t\nArachide\t{mark}\t{mark}\nKiwi\t\t"
        assert told(table) == [("Latex", "absent"), ("Iode", "present"), ("Arachide", "suspected")]


def test_the_answer_may_stand_on_the_next_line_and_other_matters_have_boxes_too() -> None:
    assert told("Êtes-vous allergique au latex ?\n☐ oui ☒ non") == [("latex", "absent")]
    taken = facts_of(Page(1, "Prenez-vous de l'aspirine ? ☐ oui ☒ non\nTraitement : ☒ Eliquis ☐ Xarelto"))
    stated = [(fact.label, fact.assertion.value) for fact in taken if fact.kind is FactKind.MEDICATION]
    assert stated == [("aspirine", "absent"), ("Eliquis", "present")]


def test_bullets_are_no_boxes() -> None:
    medicines = facts_of(Page(1, "Traitement :\n□ Kardégic 75 mg\n□ Eliquis 5 mg\n"))
    assert [fact.label for fact in medicines if fact.kind is FactKind.MEDICATION] == ["Kardégic", "Eliquis"]


def test_letters_that_ocr_makes_of_boxes() -> None:
    assert told("Allergies : O Latex X Pénicilline O Iode") == [
        ("Latex", "suspected"),
        ("Pénicilline", "present"),
        ("Iode", "suspected"),
    ]
    assert told("Allergies\no Latex\nx Pénicilline") == [("Latex", "suspected"), ("Pénicilline", "present")]
    assert told("Allergies\no Latex\no Pénicilline") == [("Latex", "present"), ("Pénicilline", "present")]  # a list


def test_symbols_of_a_font_that_lists_begin_with_are_no_boxes() -> None:
    medicines = facts_of(Page(1, "Traitement :\n\uf0a8 Kardégic 75 mg\n\uf0a8 Eliquis 5 mg\n"))
    assert [fact.label for fact in medicines if fact.kind is FactKind.MEDICATION] == ["Kardégic", "Eliquis"]
