"""What every engine owes the product: the same ids, in the same order, with the same integers, inside the Scope."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from access.categories import Category
from access.refusal import Refusal
from index.analysis import analyse
from index.digest import digest_of
from index.ideas import MOST_TERMS
from index.passages import indexed_passage
from index.port import (
    Alternative,
    Choice,
    Clause,
    Filters,
    Generation,
    Generations,
    Index,
    Question,
    WeightedTerm,
)
from index.question import build_question
from index.scoring import length_byte, length_of_byte, quantised
from tests.index.building import (
    DIMENSIONS,
    GENERATION,
    document,
    document_id,
    meaning,
    meaning_ids,
    passage,
    patient,
    removal,
    scope,
    vector,
    word_ids,
    words,
)

ALLERGY = "Allergie à la pénicilline : urticaire généralisée en 2014."
HYPERTENSION = "Hypertension artérielle traitée par ramipril 5 mg. Tension 135/85."
NORMAL = "Examen clinique normal, pas d'allergie connue."


def plain_score(weight: float, tf: int, tokens: int) -> int:
    """The formula of index/scoring.py written a second time, without numpy."""
    length = length_of_byte(length_byte(tokens))
    return int(np.floor(1000.0 * weight * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / 270.0)) + 0.5))


def test_finds_a_passage_by_its_words(engine: Index) -> None:
    engine.put([document("a", [ALLERGY, HYPERTENSION]), document("b", [NORMAL])])
    found = engine.match(scope(), words("allergies"))
    assert set(word_ids(found)) == {passage("a", 0), passage("b", 0)}
    assert found.meaning == ()
    assert found.matched_documents == 2
    assert {c.document_id for c in found.words} == {document_id("a"), document_id("b")}
    assert word_ids(engine.match(scope(), words("RAMIPRIL"))) == [passage("a", 1)]


def test_a_word_that_nothing_holds_finds_nothing(engine: Index) -> None:
    engine.put([document("a", [ALLERGY])])
    found = engine.match(scope(), words("coloscopie"))
    assert (found.words, found.meaning, found.matched_documents) == ((), (), 0)


def test_scores_are_the_exact_integers_of_the_formula(engine: Index) -> None:
    texts = ["fièvre " * tf + "repos " * rest for tf in (1, 2, 3, 7, 40) for rest in (0, 1, 9, 13, 60, 333, 1500)]
    engine.put([document("a", texts)])
    for weight in (quantised(0.0009), 0.75, quantised(3.3333), 8.0, 16.0):
        question = Question((Clause((WeightedTerm("=fievre", weight),)),))
        found = engine.match(scope(), question)
        expected = {}
        for sequence, text in enumerate(texts):
            tf = text.split().count("fièvre")
            expected[passage("a", sequence)] = plain_score(weight, tf, 3 * len(text.split()))
        assert {c.passage_id: c.score for c in found.words} == {k: v for k, v in expected.items() if v > 0}
        assert [(-c.score, c.passage_id) for c in found.words] == sorted((-c.score, c.passage_id) for c in found.words)


def test_a_clause_takes_its_best_variant_and_clauses_add_up(engine: Index) -> None:
    engine.put([document("a", ["allergie allergies fièvre", "allergies", "fièvre"])])
    clause = Clause((WeightedTerm("=allergie", 4.0), WeightedTerm("=allergies", 3.0), WeightedTerm("f:allerg", 1.0)))
    fever = Clause((WeightedTerm("=fievre", 2.0),))
    scores = {c.passage_id: c.score for c in engine.match(scope(), Question((clause, fever))).words}
    assert scores == {
        passage("a", 0): max(plain_score(4, 1, 9), plain_score(3, 1, 9), plain_score(1, 2, 9)) + plain_score(2, 1, 9),
        passage("a", 1): plain_score(3, 1, 3),
        passage("a", 2): plain_score(2, 1, 3),
    }


def test_the_same_clause_twice_counts_twice(engine: Index) -> None:
    engine.put([document("a", [ALLERGY])])
    once, twice = words("urticaire").clauses, words("urticaire urticaire").clauses
    single = engine.match(scope(), Question(once)).words[0].score
    assert engine.match(scope(), Question(twice)).words[0].score == 2 * single


def test_a_title_adds_a_share_of_the_heaviest_term_once(engine: Index) -> None:
    engine.put(
        [
            document("a", ["allergie", "fièvre"], title="Allergie, allergies"),
            document("b", ["allergie"]),
            document("c", ["fièvre"], title="Allergie"),
        ]
    )
    clause = Clause((WeightedTerm("=allergie", 4.0), WeightedTerm("f:allerg", 1.0), WeightedTerm("~=allergie", 2.0)))
    found = {c.passage_id: c.score for c in engine.match(scope(), Question((clause,), heads=0.5)).words}
    text = plain_score(4, 1, 3)
    assert found == {passage("a", 0): text + 2000, passage("b", 0): text, passage("a", 1): 2000, passage("c", 0): 2000}
    without = {c.passage_id: c.score for c in engine.match(scope(), Question((clause,))).words}
    assert without == {passage("a", 0): text, passage("b", 0): text}
    twice = {c.passage_id: c.score for c in engine.match(scope(), Question((clause, clause), heads=0.5)).words}
    assert twice == {name: 2 * score for name, score in found.items()}


def test_a_title_holds_a_word_of_an_idea_but_of_no_phrase(engine: Index) -> None:
    engine.put([document("a", ["prostate"], title="Cancer"), document("b", ["prostate"])])
    cancer, prostate = Clause((WeightedTerm("=cancer", 2.0),)), Clause((WeightedTerm("=prostate", 2.0),))
    idea = Choice((Alternative((cancer, prostate), whole=True),))
    whole = engine.match(scope(), Question((idea,), heads=0.5)).words
    assert [(c.passage_id, c.score) for c in whole] == [(passage("a", 0), 1000 + plain_score(2, 1, 3))]
    assert engine.match(scope(), Question((prostate,), required=(cancer,), heads=0.5)).words == ()


def test_ties_break_by_passage_id_before_the_limit(engine: Index) -> None:
    names = ["zulu", "alpha", "mike", "bravo"]
    for name in names:
        engine.put([document(name, ["douleur thoracique", "douleur thoracique"])])
    everything = sorted(passage(name, i) for name in names for i in (0, 1))
    assert word_ids(engine.match(scope(), words("douleur"))) == everything
    limited = engine.match(scope(), words("douleur", limit=3))
    assert word_ids(limited) == everything[:3]
    assert limited.matched_documents == 4


def test_meaning_is_the_integer_dot_product(engine: Index) -> None:
    vectors = [vector(seed) for seed in range(40)]
    engine.put([document("a", ["x"] * 25, vectors=vectors[:25]), document("b", ["y"] * 15, vectors=vectors[25:])])
    query = vector(1000)
    matrix = np.frombuffer(b"".join(vectors), dtype=np.int8).reshape(40, DIMENSIONS).astype(np.int64)
    dots = matrix @ np.frombuffer(query, dtype=np.int8).astype(np.int64)
    ids = [passage("a", i) for i in range(25)] + [passage("b", i) for i in range(15)]
    expected = sorted(((-int(dot), pid) for dot, pid in zip(dots, ids, strict=True) if dot > 0))
    found = engine.match(scope(), meaning(query))
    assert [(-c.score, c.passage_id) for c in found.meaning] == expected
    assert found.words == ()
    assert found.matched_documents == 0
    assert meaning_ids(engine.match(scope(), meaning(query, limit=4))) == [pid for _, pid in expected[:4]]


def test_the_largest_dot_product_is_exact(engine: Index) -> None:
    top, near = b"\x7f" * DIMENSIONS, b"\x7f" * (DIMENSIONS - 1) + b"\x7e"
    engine.put([document("a", ["x", "y"], vectors=[near, top])])
    found = engine.match(scope(), meaning(top)).meaning
    assert [c.score for c in found] == [127 * 127 * DIMENSIONS, 127 * 127 * DIMENSIONS - 127]


def test_a_passage_without_a_vector_is_found_by_words_only(engine: Index) -> None:
    engine.put([document("a", [ALLERGY, HYPERTENSION], vectors=[None, vector(1)])])
    found = engine.match(scope(), Question(words("allergie").clauses, vector(1)))
    assert word_ids(found) == [passage("a", 0)]
    assert meaning_ids(found) == [passage("a", 1)]


def test_an_empty_scope_matches_nothing(engine: Index) -> None:
    engine.put([document("a", [ALLERGY], vectors=[vector(1)])])
    question = Question(words("allergie").clauses, vector(1))
    for nothing in (scope(empty=True), scope(categories=()), scope(empty=True, categories=())):
        found = engine.match(nothing, question)
        assert (found.words, found.meaning, found.matched_documents) == ((), (), 0)
        assert engine.forms(nothing) == frozenset()


def test_a_scope_holds_one_patient_and_their_merged_identities(engine: Index) -> None:
    both = [vector(1), vector(1)]
    engine.put(
        [document("a", [ALLERGY, NORMAL], vectors=both), document("b", [ALLERGY], of="two", vectors=[vector(1)])]
    )
    question = Question(words("allergie").clauses, vector(1))
    one, two, merged = (engine.match(s, question) for s in (scope("one"), scope("two"), scope("one", "two")))
    assert set(word_ids(one)) == set(meaning_ids(one)) == {passage("a", 0), passage("a", 1)}
    assert word_ids(two) == meaning_ids(two) == [passage("b", 0)]
    assert set(word_ids(merged)) == set(meaning_ids(merged)) == {passage("a", 0), passage("a", 1), passage("b", 0)}
    assert (one.matched_documents, two.matched_documents, merged.matched_documents) == (1, 1, 2)
    assert engine.match(scope("nobody"), question).words == ()


def test_categories_and_exclusions_hold_on_both_arms_and_in_the_total(engine: Index) -> None:
    for name, category in (("a", Category.REPORT), ("b", Category.BIOLOGY), ("c", Category.REPORT)):
        engine.put([document(name, [ALLERGY], category=category, vectors=[vector(1)])])
    question = Question(words("allergie").clauses, vector(1))
    for limited, expected in (
        (scope(categories=[Category.REPORT]), ["a", "c"]),
        (scope(categories=[Category.BIOLOGY, Category.IMAGING]), ["b"]),
        (scope(excluded=["a"]), ["b", "c"]),
        (scope(categories=[Category.REPORT], excluded=["c", "unknown"]), ["a"]),
        (scope(excluded=["a", "b", "c"]), []),
    ):
        found = engine.match(limited, question)
        assert word_ids(found) == meaning_ids(found) == [passage(name, 0) for name in expected]
        assert found.matched_documents == len(expected)


def test_many_exclusions_are_accepted(engine: Index) -> None:
    engine.put([document("a", [ALLERGY]), document("b", [ALLERGY])])
    excluded = ["a", *(f"n{i}" for i in range(3_000))]
    assert word_ids(engine.match(scope(excluded=excluded), words("allergie"))) == [passage("b", 0)]


def test_filters_narrow_and_undated_documents_fail_dates(engine: Index) -> None:
    engine.put(
        [
            document("a", [ALLERGY], event=date(2019, 5, 1), type_code="11488-4"),
            document("b", [ALLERGY], event=date(2021, 3, 12), type_code="11502-2"),
            document("c", [ALLERGY], event=None, type_code="11502-2"),
        ]
    )
    for filters, expected in (
        (Filters(), ["a", "b", "c"]),
        (Filters(type_codes=frozenset({"11502-2"})), ["b", "c"]),
        (Filters(date_from=date(2019, 5, 1)), ["a", "b"]),
        (Filters(date_from=date(2019, 5, 2)), ["b"]),
        (Filters(date_to=date(2021, 3, 12)), ["a", "b"]),
        (Filters(date_to=date(2021, 3, 11)), ["a"]),
        (Filters(frozenset({"11502-2"}), date(2020, 1, 1), date(2022, 1, 1)), ["b"]),
    ):
        assert word_ids(engine.match(scope(), words("allergie", filters=filters))) == [passage(n, 0) for n in expected]


def test_a_put_replaces_the_document_whole(engine: Index) -> None:
    engine.put([document("a", [ALLERGY, HYPERTENSION], vectors=[vector(1), vector(2)])])
    engine.put([document("a", [NORMAL], fence=2, vectors=[vector(3)])])
    assert word_ids(engine.match(scope(), words("ramipril"))) == []
    assert word_ids(engine.match(scope(), words("examen"))) == [passage("a", 0)]
    assert engine.forms(scope()) == {"examen", "clinique", "normal", "pas", "allergie", "connue"}
    assert len(engine.match(scope(), meaning(vector(3))).meaning) == 1


def test_a_document_that_becomes_empty_leaves_nothing(engine: Index) -> None:
    engine.put([document("a", [ALLERGY])])
    engine.put([document("a", [], fence=2)])
    assert engine.match(scope(), words("allergie")).words == ()
    assert engine.forms(scope()) == frozenset()
    assert [(line.passages, line.fence) for line in engine.inventory_without_scope()] == [(0, 2)]


def test_a_document_moves_to_its_right_patient(engine: Index) -> None:
    engine.put([document("a", [ALLERGY], of="one")])
    engine.put([document("a", [ALLERGY], of="two", fence=2)])
    assert engine.match(scope("one"), words("allergie")).words == ()
    assert word_ids(engine.match(scope("two"), words("allergie"))) == [passage("a", 0)]


def test_a_lower_fence_never_overwrites(engine: Index) -> None:
    engine.put([document("a", [ALLERGY], fence=7)])
    engine.put([document("a", [HYPERTENSION], fence=6)])
    assert word_ids(engine.match(scope(), words("allergie"))) == [passage("a", 0)]
    engine.remove([removal("a", fence=6)])
    assert word_ids(engine.match(scope(), words("allergie"))) == [passage("a", 0)]
    engine.put([document("a", [HYPERTENSION], fence=7)])  # the same fence again: a retry, which may write
    assert word_ids(engine.match(scope(), words("ramipril"))) == [passage("a", 0)]


def test_one_put_holding_a_document_twice_keeps_the_higher_fence(engine: Index) -> None:
    engine.put([document("a", [ALLERGY], fence=3), document("a", [HYPERTENSION], fence=2)])
    assert word_ids(engine.match(scope(), words("allergie"))) == [passage("a", 0)]
    assert engine.match(scope(), words("ramipril")).words == ()


def test_a_removed_document_is_not_resurrected(engine: Index) -> None:
    engine.put([document("a", [ALLERGY], fence=1), document("b", [ALLERGY], fence=1)])
    engine.remove([removal("a", fence=4)])
    for late in (1, 3, 4):
        engine.put([document("a", [ALLERGY], fence=late)])
        assert word_ids(engine.match(scope(), words("allergie"))) == [passage("b", 0)]
    assert engine.forms(scope()) == {"allergie", "penicilline", "urticaire", "generalisee", "2014"}
    engine.put([document("a", [HYPERTENSION], fence=5)])
    assert word_ids(engine.match(scope(), words("ramipril"))) == [passage("a", 0)]


def test_a_removal_that_comes_first_keeps_the_document_out(engine: Index) -> None:
    engine.remove([removal("a", fence=2)])
    engine.put([document("a", [ALLERGY], fence=1)])
    assert engine.match(scope(), words("allergie")).words == ()
    assert list(engine.inventory_without_scope()) == []


def test_forms_are_those_of_the_scope_alone(engine: Index) -> None:
    engine.put(
        [
            document("a", ["fièvre"]),
            document("b", ["toux"], category=Category.BIOLOGY),
            document("c", ["angine"], of="two"),
        ]
    )
    assert engine.forms(scope()) == {"fievre", "toux"}
    assert engine.forms(scope(categories=[Category.BIOLOGY])) == {"toux"}
    assert engine.forms(scope(excluded=["a"])) == {"toux"}
    assert engine.forms(scope("two")) == {"angine"}


def test_many_scopes_are_asked_as_if_each_were_asked_alone(engine: Index) -> None:
    engine.put(
        [
            document("a", [ALLERGY, NORMAL], vectors=[vector(1), vector(2)]),
            document("b", [HYPERTENSION, "allergie aux fraises"], of="two", vectors=[vector(3), None]),
            document("c", [NORMAL], of="three", vectors=[vector(1)]),
        ]
    )
    scopes = [scope("two"), scope(empty=True), scope("one"), scope("three"), scope("nobody"), scope("one", "two")]
    asked = [Question(words("allergie").clauses, vector(1)), words("tension"), meaning(vector(3)), Question(())]
    questions = [(each, question) for each in scopes for question in asked]
    assert engine.match_each(questions) == [engine.match(*each) for each in questions]
    assert engine.forms_each(scopes) == [engine.forms(each) for each in scopes]
    assert len({repr(found) for found in engine.match_each(questions)}) > len(scopes)
    assert (engine.match_each([]), engine.forms_each([])) == ([], [])


def test_strangers_change_nothing_byte_for_byte(engine: Index) -> None:
    engine.put([document("a", [ALLERGY, HYPERTENSION, NORMAL], vectors=[vector(i) for i in range(3)])])
    engine.put([document("m", [ALLERGY], category=Category.DIRECTIVE, vectors=[vector(0)])])
    seen = scope(categories=[c for c in Category if c is not Category.DIRECTIVE])
    question = Question(words("allergie pénicilline tension").clauses, vector(0))
    before = (repr(engine.match(seen, question)), engine.forms(seen))
    for stranger in range(30):
        texts = [ALLERGY, "penicilline " * (stranger + 1), f"allergiq{stranger} tensio penicillinne"]
        name = f"s{stranger}"
        engine.put([document(name, texts, of=name, vectors=[vector(0)] * 3)])
    engine.put([document("n", ["allergie " * 50] * 4, category=Category.DIRECTIVE, vectors=[vector(0)] * 4)])
    assert (repr(engine.match(seen, question)), engine.forms(seen)) == before


def test_the_inventory_names_every_document_in_order(engine: Index) -> None:
    held = [
        document("b", [ALLERGY, NORMAL], vectors=[vector(1), None]),
        document("a", [HYPERTENSION], of="two", fence=9),
    ]
    engine.put(held)
    engine.put([document("c", [NORMAL])])
    engine.remove([removal("c", fence=2)])
    lines = [
        (li.patient_id, li.document_id, li.fence, li.passages, li.digest) for li in engine.inventory_without_scope()
    ]
    expected = [(d.patient_id, d.document_id, d.fence, len(d.passages), digest_of(d)) for d in held]
    assert lines == sorted(expected, key=lambda line: line[1])


def test_unusual_tokens_are_held_verbatim(engine: Index) -> None:
    text = "β2-microglobuline 10⁹/L œdème CO₂ 1,50 12/03/2021 " + "x" * 300 + " 日本語 éàü"
    engine.put([document("a", [text])])
    for word in ("10⁹", "oedème", "CO2", "1.5", "12.03.2021", "x" * 300, "日本語", "EAU"):
        assert word_ids(engine.match(scope(), words(word))) == [passage("a", 0)], word
    assert engine.match(scope(), words("x" * 299)).words == ()


def test_a_long_question_is_answered(engine: Index) -> None:
    engine.put([document("a", [ALLERGY])])
    terms = [Clause(tuple(WeightedTerm(f"={'abcdefgh'[i % 8]}{n}", 1.0) for n in range(12))) for i in range(63)]
    found = engine.match(scope(), Question((*terms, *words("allergie").clauses)))
    assert word_ids(found) == [passage("a", 0)]


def test_generations_live_side_by_side(generations: Generations) -> None:
    assert (list(generations.names()), generations.serving()) == ([], None)
    generations.ping()
    old, new = Generation("anamnese", "00000000000a"), Generation("anamnese", "00000000000b")
    generations.open(old).put([document("a", [ALLERGY])])
    generations.serve(old)
    building = generations.open(new)
    assert list(generations.names()) == [old, new]
    assert generations.serving() == old
    assert building.generation == new
    assert building.match(scope(), words("allergie")).words == ()
    building.put([document("a", [ALLERGY])])
    generations.serve(new)
    assert generations.serving() == new
    assert len(generations.open(old).match(scope(), words("allergie")).words) == 1
    generations.retire(old)
    assert list(generations.names()) == [new]
    assert len(generations.open(new).match(scope(), words("allergie")).words) == 1


def test_the_serving_generation_is_not_retired(generations: Generations) -> None:
    generations.open(GENERATION)
    generations.serve(GENERATION)
    with pytest.raises(Refusal) as refused:
        generations.retire(GENERATION)
    assert refused.value.code == "generation-serving"
    assert generations.serving() == GENERATION


def test_only_a_generation_that_exists_can_serve(generations: Generations) -> None:
    with pytest.raises(Refusal) as refused:
        generations.serve(GENERATION)
    assert refused.value.code == "generation-unknown"
    assert generations.serving() is None


def test_an_interrupted_build_resumes(generations: Generations) -> None:
    generations.open(GENERATION).put([document("a", [ALLERGY])])
    again = generations.open(GENERATION)
    again.put([document("b", [ALLERGY], of="two")])
    assert [line.patient_id for line in again.inventory_without_scope()] == [patient("one"), patient("two")]


def alternatives(*ways: tuple[tuple[str, ...], float, bool]) -> Choice:
    return Choice(
        tuple(Alternative(tuple(Clause((WeightedTerm(t, w),)) for t in tokens), whole) for tokens, w, whole in ways)
    )


def test_a_choice_takes_its_best_way_and_a_whole_way_needs_all_of_its_words(engine: Index) -> None:
    texts = ["idm ancien", "infarctus du myocarde", "infarctus splénique", "crise cardiaque du myocarde", "rien"]
    engine.put([document("a", texts)])
    choice = alternatives(
        (("=infarctus", "=myocarde"), 2.0, False), (("=crise", "=cardiaque"), 1.5, True), (("=idm",), 3.5, False)
    )
    scores = {c.passage_id: c.score for c in engine.match(scope(), Question((choice,))).words}
    lengths = [3 * len(analyse(text).words) for text in texts]
    assert scores == {
        passage("a", 0): plain_score(3.5, 1, lengths[0]),
        passage("a", 1): 2 * plain_score(2.0, 1, lengths[1]),
        passage("a", 2): plain_score(2.0, 1, lengths[2]),
        passage("a", 3): 2 * plain_score(1.5, 1, lengths[3]),
    }


def test_choices_and_clauses_add_up_even_when_they_repeat(engine: Index) -> None:
    engine.put([document("a", ["fièvre et toux", "toux"])])
    one = alternatives((("=fievre",), 2.0, False), (("=toux",), 1.0, False))
    plain = Clause((WeightedTerm("=toux", 1.0),))
    scores = {c.passage_id: c.score for c in engine.match(scope(), Question((one, one, plain))).words}
    assert scores == {
        passage("a", 0): 2 * plain_score(2, 1, 6) + plain_score(1, 1, 6),
        passage("a", 1): 3 * plain_score(1, 1, 3),
    }


def test_what_is_required_and_what_is_excluded_bind_both_arms(engine: Index) -> None:
    vectors = [vector(seed) for seed in range(4)]
    texts = ["fièvre toux", "fièvre", "toux rash", "repos"]
    engine.put([document("a", texts, vectors=vectors)])
    fever, cough = Clause((WeightedTerm("=fievre", 2.0),)), Clause((WeightedTerm("=toux", 1.0),))
    everything = vector(0)
    need = Question((fever, cough), everything, required=(cough,))
    allowed = {passage("a", 0), passage("a", 2)}
    found = engine.match(scope(), need)
    assert set(word_ids(found)) == allowed
    assert set(meaning_ids(found)) <= allowed
    barred = Question((fever, cough), everything, without=frozenset({"=rash", "=repos"}))
    found = engine.match(scope(), barred)
    assert set(word_ids(found)) == {passage("a", 0), passage("a", 1)}
    assert set(meaning_ids(found)) <= {passage("a", 0), passage("a", 1)}
    assert found.matched_documents == 1
    assert engine.match(scope(), Question((fever,), without=frozenset({"=fievre"}))).matched_documents == 0


def test_a_question_of_many_ways_is_answered(engine: Index) -> None:
    """The most that `index/ideas.py` asks for, under Lucene's 1,024 clauses."""
    engine.put([document("a", ["fièvre"])])
    ways = [((f"=mot{n}", f"~=mot{n}", f"f:mot{n}"), 1.0, n % 2 == 0) for n in range(MOST_TERMS // 3)]
    found = engine.match(scope(), Question((Clause((WeightedTerm("=fievre", 1.0),)), alternatives(*ways))))
    assert word_ids(found) == [passage("a", 0)]


def test_a_denial_is_found_under_the_statement(engine: Index) -> None:
    texts = {"a": "Pas de fièvre ce matin.", "b": "De la fièvre ce matin."}
    for name, text in texts.items():
        read = indexed_passage(passage(name, 0), text, None)
        engine.put([replace(document(name, [text]), passages=(read,))])
    asked = build_question("fièvre", engine.forms(scope())).question
    assert word_ids(engine.match(scope(), asked)) == [passage("b", 0), passage("a", 0)]
    denied = build_question("pas de fièvre", engine.forms(scope())).question
    assert word_ids(engine.match(scope(), denied))[0] == passage("a", 0)
