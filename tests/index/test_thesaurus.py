"""Ideas of a question and the other ways to write them: what is looked up, what it weighs, what bounds it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.ideas import SHARES, UNCERTAIN
from index.lexicon import medical_thesaurus
from index.port import Choice, Clause
from index.question import Asked, build_question
from index.scoring import heaviest
from index.thesaurus import Concept, Link, Term, Thesaurus, simple_words

SYN, ABB, LAY, ENG = Link.SYNONYM, Link.ABBREVIATION, Link.LAY, Link.ENGLISH
SMALL = Thesaurus(
    [
        Concept((Term("infarctus du myocarde", SYN), Term("IDM", ABB), Term("crise cardiaque", LAY))),
        Concept((Term("insuffisance cardiaque", SYN), Term("IVG", ABB, ("cardiaque", "dyspnée")))),
        Concept((Term("interruption de grossesse", SYN), Term("IVG", ABB))),
        Concept((Term("anticoagulant", SYN),)),
        Concept((Term("apixaban", SYN), Term("Eliquis", LAY)), broader=("anticoagulant",)),
        Concept((Term("rein", SYN), Term("rénal", SYN), Term("kidney", ENG))),
    ]
)
WORDS = "infarctus du myocarde crise cardiaque idm insuffisance interruption grossesse apixaban renale"
FORMS = frozenset(WORDS.split())


def ways(text: str, thesaurus: Thesaurus = SMALL) -> dict[str, Link]:
    return {way.text: way.link for idea in thesaurus.ideas(simple_words(text), text) for way in idea.ways}


def asked(text: str, forms: frozenset[str] = FORMS) -> Asked:
    return build_question(text, forms, thesaurus=SMALL)


def test_an_abbreviation_a_lay_term_and_the_term_lead_to_each_other() -> None:
    assert ways("IDM") == {"infarctus du myocarde": SYN, "crise cardiaque": LAY}
    assert ways("une crise cardiaque en 2015") == {"infarctus du myocarde": SYN, "IDM": ABB}
    assert "IDM" in ways("INFARCTUS DU MYOCARDE")


def test_context_decides_what_an_abbreviation_means() -> None:
    def certain(text: str) -> set[str]:
        return {w.text for i in SMALL.ideas(simple_words(text), text) for w in i.ways if w.certain}

    assert certain("IVG") == {"interruption de grossesse"}
    assert certain("IVG dyspnée") == {"insuffisance cardiaque"}
    assert set(ways("IVG")) == {"interruption de grossesse", "insuffisance cardiaque"}


def test_a_small_everyday_word_is_no_abbreviation() -> None:
    table = Thesaurus([Concept((Term("tension", SYN), Term("TA", ABB)))])
    assert ways("TA", table) == {"tension": SYN}
    assert ways("ta", table) == {}


def test_a_class_leads_to_its_medicines_and_a_medicine_to_its_class() -> None:
    assert ways("anticoagulants") == {"apixaban": Link.NARROWER, "Eliquis": Link.NARROWER}
    assert ways("Eliquis") == {"apixaban": SYN, "anticoagulant": Link.BROADER}


@pytest.mark.parametrize("text", ["IDM", "crise cardiaque", "anticoagulants", "rein", "infarctus du myocarde IDM"])
def test_every_other_way_weighs_less_than_what_was_typed(text: str) -> None:
    found = [part for part in asked(text).question.clauses if isinstance(part, Choice)]
    assert found
    for choice in found:
        own, *others = (sum(heaviest(clause) for clause in way.clauses) for way in choice.alternatives)
        assert others
        assert all(other < own for other in others)
    assert max(SHARES.values()) < 1
    assert UNCERTAIN < 1


def test_only_ways_that_the_scope_can_satisfy_are_asked_for_and_they_are_told() -> None:
    assert [each.also for each in asked("IDM").synonyms] == ["infarctus du myocarde", "crise cardiaque"]
    assert [each.also for each in asked("IDM", frozenset({"crise", "cardiaque"})).synonyms] == ["crise cardiaque"]
    assert asked("IDM", frozenset({"fievre"})).synonyms == ()


def test_a_way_of_several_words_is_whole() -> None:
    (choice,) = asked("IDM").question.clauses
    assert isinstance(choice, Choice)
    assert [(len(way.clauses), way.whole) for way in choice.alternatives] == [(1, False), (2, True), (2, True)]


def test_a_misspelt_word_still_finds_its_concept() -> None:
    found = build_question("penicilinne", frozenset({"amoxicilline"}), thesaurus=medical_thesaurus())
    assert found.suggestions == (("penicilinne", "penicilline"),)
    assert "amoxicilline" in {each.also for each in found.synonyms}


def test_two_medical_words_are_never_taken_for_each_other() -> None:
    """Whichever of two look-alikes the record holds, both being in the vocabulary and in no list of common words."""
    table = Thesaurus([Concept((Term(name, SYN),)) for name in ("zolmidex", "zolmidax")])
    for forms in ({"zolmidax"}, {"zolmidex", "zolmidax"}):
        assert build_question("zolmidex", frozenset(forms), thesaurus=table).corrections == ()


@given(st.text(st.sampled_from("IVGDM idmcrseauqno"), max_size=40))
def test_any_text_has_ideas_and_they_stay_inside_the_scope(text: str) -> None:
    for part in asked(text).question.clauses:
        assert isinstance(part, Clause | Choice)
    held = {word.exact for each in asked(text).synonyms for word in simple_words(each.also)}
    assert held <= FORMS | {"renal"}
