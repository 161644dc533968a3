"""The query language: what is understood, and that any string at all is."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.refusal import Refusal
from index.lexicon import members_of
from index.lists import HEAVY
from index.query import MOST_CALLED, Listed, Query, parse, type_codes_of
from index.question import build_question
from index.scoring import heaviest

PIECES = st.sampled_from(
    ["fièvre", '"', "«", "»", "-", "OR", "OU", "*", ":", "type:", "auteur:", "depuis:", "2023", "31/02/2020", "absent:",
     " ", "  ", "cardio*", "12/2021", "-toux", "AND", "ET", "(", ")", "\u0000", "é", "’", "avant:0001", "9999"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("allergie pénicilline", Query("allergie pénicilline")),
        ('allergie -pollen -"noix de cajou"', Query("allergie", without=("pollen", "noix de cajou"))),
        ('"cancer du sein" gauche', Query("cancer du sein gauche", phrases=("cancer du sein",))),
        ("« sclérose en plaques »", Query("sclérose en plaques", phrases=("sclérose en plaques",))),
        ("fièvre OU frissons OR toux", Query("fièvre frissons toux", either=(("fièvre", "frissons", "toux"),))),
        ("cardio*", Query("cardio", prefixes=("cardio",))),
        ("depuis:2023 HbA1c", Query("HbA1c", date_from=date(2023, 1, 1))),
        ("avant:03/2020 HbA1c", Query("HbA1c", date_to=date(2020, 2, 29))),
        ("année:2021 INR", Query("INR", date_from=date(2021, 1, 1), date_to=date(2021, 12, 31))),
        ("since:2023-05-02 x2", Query("x2", date_from=date(2023, 5, 2))),
        ("auteur:Haddad author:Arnaud toux", Query("toux", authors=("Haddad", "Arnaud"))),
        ('spécialité:"médecine interne"', Query("", specialties=("médecine interne",))),
        ("absent:fièvre", Query("fièvre", absent=("fièvre",))),
        ("INR : 2,5", Query("INR 2,5")),
        ("anti-inflammatoire covid -19", Query("anti-inflammatoire covid -19")),
        ("type:zzz toto", Query("type zzz toto")),
        ("depuis:hier", Query("depuis hier")),
        ("- \" OR « » : *", Query("")),
    ],
)  # fmt: skip
def test_what_is_understood(typed: str, expected: Query) -> None:
    assert parse(typed) == expected


def test_a_type_is_a_code_a_usual_name_or_words_of_its_label() -> None:
    assert parse("type:biologie créatinine").type_codes == {"11502-2"}
    assert type_codes_of("11502-2") == {"11502-2"}
    assert type_codes_of("ordonnances") == type_codes_of("prescription")
    assert "34874-8" in type_codes_of("compte rendu opératoire")


LISTS = {"mes-anticoagulants": ("warfarine", "Eliquis")}


@pytest.mark.parametrize("typed", ["@mes-anticoagulants", "@Mes-Anticoagulants,", "@MES_anticoagulants"])
def test_a_list_is_called_by_its_name(typed: str) -> None:
    def lists(name: str) -> tuple[str, ...]:
        return LISTS.get(name, ())

    named = Listed("mes-anticoagulants", ("warfarine", "Eliquis"))
    assert parse(f"chute {typed} hier", lists) == Query("chute hier", listed=(named,))
    assert parse(f"chute -{typed}", lists) == Query("chute", without_listed=(named,))
    assert parse(f"chute {typed}") == Query(f"chute {typed}")
    assert parse("@ a@b.fr @@", lists) == Query("a@b.fr")


def test_a_class_of_the_vocabulary_is_a_list_but_neither_a_leaf_nor_somebodys_own_is() -> None:
    assert {"warfarine", "Eliquis", "apixaban"} <= set(members_of("anticoagulants"))
    assert "ibuprofène" not in members_of("anticoagulants")
    assert members_of("warfarine") == members_of("mes-anticoagulants") == members_of("zzz") == members_of("") == ()


def test_a_list_weighs_as_one_word_and_finds_only_what_the_scope_holds() -> None:
    query = Query("", listed=(Listed("x", ("warfarine", "acide folique", "Eliquis")),))
    question = build_question("", frozenset({"warfarine", "acide"}), query=query).question
    assert question.tokens == {"=@x", "=warfarine", "~=warfarine", "f:warfarin", "~f:warfarin"}
    assert heaviest(question.clauses[0]) == HEAVY
    without = build_question("", frozenset(), query=Query("", without_listed=query.listed)).question.without
    assert without == {"=warfarine", "~=warfarine", "=eliquis", "~=eliquis"}


def test_the_reading_comes_back_in_words() -> None:
    said = parse('"cancer du sein" -famille type:anapath depuis:2020 absent:métastase').said
    assert said == (
        "expression exacte : « cancer du sein »",
        "sans : « famille »",
        "dit absent : « métastase »",
        "type : anapath",
        "à partir du 01/01/2020",
    )
    assert parse("deux mots").said == ()


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join)))
def test_any_string_parses_and_can_be_asked(typed: str) -> None:
    query = parse(typed)
    with contextlib.suppress(Refusal):  # the one thing that it may raise: a question that is too long
        asked = build_question(query.text, frozenset({"fievre", "cardiologie"}), query=query)
        assert all(token for token in asked.question.tokens)


@given(st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=30))
def test_plain_words_stay_plain(word: str) -> None:
    if word not in {"OR", "OU", "AND", "ET"}:
        assert parse(word) == Query(word)


def test_what_is_asked_of_the_engine() -> None:
    query = parse('"cancer du sein" -famille absent:métastase')
    question = build_question(query.text, frozenset(), query=query).question
    assert {"=famille", "~=famille"} <= question.without
    assert len(question.required) == 3
    denied = question.required[2]
    assert {term.token[0] for term in denied.terms} == {"~"}


def test_a_sentence_that_quotes_demands_nothing() -> None:
    asked = parse('douleur "en coup de poignard" depuis hier')
    assert asked.phrases == ("en coup de poignard",)
    told = parse('Le patient revu ce jour décrit une douleur "en coup de poignard" depuis hier soir')
    assert told.is_plain
    assert "en coup de poignard" in told.text


def test_a_question_calls_so_many_lists_each_once() -> None:
    asked = parse(" ".join(f"@l{number % 20} -@l{number % 3}" for number in range(200)), lambda name: (name,))
    assert len(asked.listed) + len(asked.without_listed) == MOST_CALLED
    assert len(set(asked.listed)) == len(asked.listed)
