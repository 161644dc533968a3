"""From what is typed to what is asked: weights, corrections, dates, limits."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.refusal import Refusal
from index.highlight import highlights
from index.lexicon import medical_thesaurus
from index.passages import DENIED
from index.port import Clause, clauses_of
from index.query import Query
from index.question import build_question
from index.scoring import MOST_CLAUSES, heaviest, quantised
from index.vocabulary import Kind, Lexicon, expand, vocabulary
from index.weights import is_common, is_known, weight, zipf

WORDS = """
allergie allergies allergique penicilline hydralazine prednisolone hypotension ramipril cardiologie cardiologue
tension 2021-03-12 b12 patient doliprane
"""
FORMS = frozenset(WORDS.split())
ASKED = ("alergie", "penicilinne", "allergie", "cardiol", "cardio", "hypotention", "tension", "zona", "HTA", "ramipri1")
"""Typos, beginnings, misprints, a derived word, a synonym, an abbreviation: each looks at the record's words."""


def became(text: str, forms: frozenset[str] = FORMS) -> list[tuple[str, str]]:
    return [(each.typed, each.became) for each in build_question(text, forms).corrections]


def tokens(text: str, forms: frozenset[str] = FORMS) -> list[dict[str, float]]:
    clauses = build_question(text, forms).question.clauses
    return [
        {term.token: term.weight for term in clause.terms if not term.token.startswith(DENIED)}
        for clause in clauses_of(clauses)
    ]


def test_a_typo_becomes_the_nearest_form_of_the_scope_and_is_told() -> None:
    assert became("alergie à la Pénicilinne") == [("alergie", "allergie"), ("Pénicilinne", "penicilline")]
    assert became("rmaipril") == [("rmaipril", "ramipril")]
    assert "f:allerg" in tokens("alergie")[0]


def test_a_correction_weighs_less_than_the_word_itself() -> None:
    assert tokens("alergie")[0]["=allergie"] < tokens("allergie")[0]["=allergie"]


@pytest.mark.parametrize("word", ["hydroxyzine", "prednisone", "hypertension"])
def test_a_real_word_never_becomes_another(word: str) -> None:
    """The look-alike is in the record and the word is not: the honest answer is that it is not there."""
    assert is_known(word)
    assert became(word) == []


@pytest.mark.parametrize("word", ["tesnion", "penicilin"])
def test_words_are_corrected_only_inside_the_scope(word: str) -> None:
    assert became(word) != []
    assert became(word, frozenset({"fracture"})) == []


@pytest.mark.parametrize("word", ["zolmidex", "zolmidexes"])
def test_a_word_that_the_record_holds_stays_alone(word: str) -> None:
    """By its form or by a stem, however near another form is."""
    assert expand(word, vocabulary(frozenset({"zolmidex", "zolmidax", "zolmidexal"}))) == ()


@pytest.mark.parametrize("word", ["b21", "2021-03-21", "pat", "12"])
def test_numbers_and_short_words_are_never_corrected(word: str) -> None:
    assert became(word) == []


def test_a_beginning_becomes_the_forms_that_start_with_it() -> None:
    found = build_question("cardiol", FORMS).corrections
    assert [(each.became, each.kind) for each in found] == [("cardiologie", Kind.PREFIX), ("cardiologue", Kind.PREFIX)]


@given(st.text(st.sampled_from("abcdefilmnoprstu"), min_size=1, max_size=12), st.sets(st.sampled_from(sorted(FORMS))))
def test_expansions_are_forms_of_the_scope(word: str, forms: set[str]) -> None:
    known = vocabulary(frozenset(forms))
    assert {each.form for each in expand(word, known)} <= forms
    if known.holds(word):
        assert expand(word, known) == ()


@given(
    st.lists(st.sampled_from(ASKED), min_size=1, max_size=4),
    st.sets(st.sampled_from(sorted(FORMS))),
    st.sets(st.sampled_from(sorted(FORMS))),
)
def test_a_record_among_others_is_asked_as_if_it_were_alone(asked: list[str], own: set[str], others: set[str]) -> None:
    text, lexicon = " ".join(asked), Lexicon(frozenset(own | others))
    query = Query(text, prefixes=("cardio",))
    alone = build_question(text, frozenset(own), thesaurus=medical_thesaurus(), query=query)
    among = build_question(text, frozenset(own), thesaurus=medical_thesaurus(), query=query, lexicon=lexicon)
    assert among == alone


def test_dates_are_asked_in_every_way_they_are_written() -> None:
    assert set(tokens("12/03/2021")[0]) == {"=2021-03-12", "=21-03-12"}
    assert set(tokens("12/03/21")[0]) == {"=21-03-12", "=1921-03-12", "=2021-03-12"}
    assert set(tokens("2021")[0]) == {"=2021", "e:2021"}
    assert set(tokens("21")[0]) == {"=21"}


def test_an_abbreviation_weighs_more_than_the_article_it_looks_like() -> None:
    assert tokens("LES")[0]["=les"] > weight("les")
    assert set(tokens("LES")[0]) == {"=les"}
    assert tokens("les") == []


def test_weights_follow_the_language_and_no_record() -> None:
    assert zipf("les") > zipf("patient") > zipf("allergie") > zipf("ramipril") == 0
    assert weight("les") < weight("patient") < weight("allergie") < weight("ramipril")
    assert weight("traite") == weight("traite")
    assert is_common("patient")
    assert not is_common("ramipril")
    assert is_known("ramipril")
    assert not is_known("penicilinne")


@given(st.text(max_size=12))
def test_weights_are_exact_in_float32(form: str) -> None:
    value = weight(form)
    assert struct.unpack("f", struct.pack("f", value))[0] == value == quantised(value)
    assert 0.25 <= value <= 4


@given(st.text(st.characters(), max_size=300))
def test_any_text_can_be_asked(text: str) -> None:
    asked = build_question(text, FORMS)
    assert len(asked.question.clauses) <= MOST_CLAUSES
    for clause in asked.question.clauses:
        assert isinstance(clause, Clause)
        assert clause.terms
        assert all(term.token.encode() for term in clause.terms)


def test_a_long_question_keeps_its_heaviest_words_and_says_so() -> None:
    text = "patient " * 80 + "ramipril"
    asked = build_question(text, FORMS)
    assert asked.shortened
    assert len(asked.question.clauses) == MOST_CLAUSES
    last = asked.question.clauses[-1]
    assert isinstance(last, Clause)
    assert last.terms[0].token == "=ramipril"
    assert not build_question("patient " * MOST_CLAUSES, FORMS).shortened


@pytest.mark.parametrize("text", ["fièvre " * 513, "x" * 20_001])
def test_a_text_that_is_no_question_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        build_question(text, FORMS)
    assert (refused.value.stage, refused.value.code) == ("ask", "query-too-long")


def test_highlights_are_the_matched_words() -> None:
    text = "Allergies : pénicilline (2014), pas d'allergie à l'iode. Anti-inflammatoires permis."
    question = build_question("alergie antiinflammatoire", frozenset({"allergie", "antiinflammatoires"})).question
    spans = highlights(text, question)
    assert [text[start:end] for start, end in spans] == ["Allergies", "allergie", "Anti-inflammatoires"]


@given(
    st.text(st.sampled_from("abcé -'\n\u0301α²12/,."), max_size=80), st.text(st.sampled_from("abcé -α12/"), max_size=20)
)
def test_highlights_stay_inside_the_text_in_order_without_overlap(text: str, query: str) -> None:
    spans = highlights(text, build_question(query, frozenset()).question)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(0 <= start < end <= len(text) for start, end in spans)


def test_a_misspelt_word_weighs_what_it_became_and_is_embedded_so() -> None:
    asked = build_question("alergie sévère", frozenset({"allergie", "severe"}))
    assert asked.meant == "allergie sévère"
    assert "=alergie" not in asked.question.tokens
    assert heaviest(asked.question.clauses[0]) == quantised(weight("allergie") * 0.8)
    assert build_question("allergie sévère", frozenset({"allergie", "severe"})).meant == ""
    unknown = build_question("zolmidexine", frozenset({"severe"}))
    assert (unknown.meant, heaviest(unknown.question.clauses[0])) == ("", weight("zolmidexine"))
