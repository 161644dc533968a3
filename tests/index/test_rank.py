"""Fusion and floors on invented candidates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from access.identifiers import DocumentId, PassageId, document_of, passage_id
from index.embedders.none import NoEmbedder
from index.near import NEAR, is_far
from index.port import Candidate, Candidates, Clause, Question, WeightedTerm
from index.rank import E5, LEAST_COVER, PASSAGES_SHOWN, WORDS_OF_SEVERAL, Calibration, calibration_of, fuse

UNIT = E5.scale * E5.scale
QUESTION = Question((Clause((WeightedTerm("=fievre", 4.0),)), Clause((WeightedTerm("=toux", 4.0),))))  # ceiling 8000


def candidate(document: str, sequence: int, score: float) -> Candidate:
    return Candidate(passage_id(DocumentId(document), sequence), DocumentId(document), round(score))


def arms(words: list[Candidate], meaning: list[Candidate]) -> Candidates:
    ordered = (tuple(sorted(arm, key=lambda c: (-c.score, c.passage_id))) for arm in (words, meaning))
    return Candidates(*ordered, len({c.document_id for c in words}))


def ids(found: Candidates, question: Question | None = QUESTION, calibration: Calibration = E5) -> list[str]:
    return [each.document_id for each in fuse(found, limit=10, question=question, calibration=calibration)]


def test_nothing_gives_nothing() -> None:
    assert ids(arms([], [])) == []


def test_meaning_alone_under_the_floor_gives_nothing() -> None:
    assert ids(arms([], [candidate("a", 0, 0.86 * UNIT), candidate("b", 0, 0.82 * UNIT)])) == []


def test_meaning_alone_over_the_floor_brings_its_neighbours_but_not_the_unrelated() -> None:
    near = [candidate("a", 0, 0.87 * UNIT), candidate("b", 0, 0.82 * UNIT), candidate("c", 0, 0.79 * UNIT)]
    assert ids(arms([], near)) == ["a", "b"]


def test_a_scrap_of_the_question_does_not_make_an_answer() -> None:
    scrap = LEAST_COVER * 8000 - 1
    assert ids(arms([candidate("a", 0, scrap)], [])) == []
    assert ids(arms([candidate("a", 0, scrap + 1)], [])) == ["a"]


def test_words_bring_an_answer_whatever_its_meaning() -> None:
    assert ids(arms([candidate("a", 0, 5000)], [candidate("a", 0, 0.5 * UNIT)])) == ["a"]


def test_words_that_hold_little_of_the_question_speak_low() -> None:
    meaning = [candidate("b", 0, 0.90 * UNIT), candidate("a", 0, 0.84 * UNIT), candidate("c", 0, 0.80 * UNIT)]
    assert ids(arms([candidate("a", 0, 8000)], meaning))[0] == "a"
    assert ids(arms([candidate("a", 0, 2400)], meaning))[0] == "b"


def test_what_the_floor_alone_lets_in_is_far() -> None:
    """So a cosine that falls on either side of it on two machines is an empty answer or one said to be none."""
    assert E5.floor < E5.close
    assert LEAST_COVER < NEAR / 2
    ranked = fuse(arms([], [candidate("a", 0, 0.862 * UNIT)]), limit=5, question=QUESTION)
    assert [each.close for each in ranked] == [False]
    assert is_far(ranked[0], QUESTION, lambda _: {})


def test_an_unmeasured_model_has_no_floor() -> None:
    calibration = calibration_of(NoEmbedder())
    assert ids(arms([], [candidate("a", 0, 5)]), calibration=calibration) == ["a"]


def test_documents_are_grouped_by_their_best_passages() -> None:
    words = [candidate("a", i, 4000 + i) for i in range(6)] + [candidate("b", 0, 4003)]
    found = fuse(arms(words, []), limit=10, question=QUESTION)
    assert [each.document_id for each in found] == ["a", "b"]
    assert list(found[0].passages) == [f"a.{i:05d}" for i in (5, 4, 3)]
    assert PASSAGES_SHOWN == 3
    assert len(fuse(arms(words, []), limit=1, question=QUESTION)) == 1


def test_two_near_passages_of_a_document_are_more_than_one_a_little_nearer() -> None:
    near = [candidate("a", 0, 0.90 * UNIT), candidate("b", 0, 0.897 * UNIT), candidate("c", 0, 0.80 * UNIT)]
    assert ids(arms([], near)) == ["a", "b", "c"]
    assert ids(arms([], [*near, candidate("b", 1, 0.89 * UNIT)])) == ["b", "a", "c"]
    assert ids(arms([], [*near, candidate("b", 1, 0.81 * UNIT)])) == ["a", "b", "c"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), unique=True, max_size=12))
def test_ties_are_in_order_of_passage_id(found: list[tuple[str, int]]) -> None:
    words = [candidate(document, sequence, 4000) for document, sequence in found]
    ranked = fuse(arms(words, []), limit=100, question=QUESTION)
    passages = sorted(c.passage_id for c in words)
    assert [each.passages[0] for each in ranked] == [
        p for p in passages if p == min(q for q in passages if q[0] == p[0])
    ]


def test_a_tie_between_the_arms_is_broken_by_passage_id() -> None:
    words = [candidate("c", 0, 9000), candidate("b", 0, 6000)]
    words[1] = candidate("b", 0, 9000 * (1 - WORDS_OF_SEVERAL) / WORDS_OF_SEVERAL)  # as much as the best meaning
    meaning = [candidate("a", 0, 0.9 * UNIT), candidate("d", 0, 0.8 * UNIT)]
    assert ids(arms(words, meaning)) == ["c", "a", "b", "d"]


@given(st.data())
def test_the_order_does_not_depend_on_the_order_of_arrival(data: st.DataObject) -> None:
    def arm() -> list[Candidate]:
        scores = data.draw(st.dictionaries(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), st.integers(1, 9)))
        return [candidate(document, sequence, score * 80_000) for (document, sequence), score in scores.items()]

    words, meaning = arm(), arm()
    once = fuse(arms(words, meaning), limit=10, question=QUESTION)
    assert once == fuse(arms(words[::-1], meaning[::-1]), limit=10, question=QUESTION)
    shown = [PassageId(p) for each in once for p in each.passages]
    assert len(shown) == len(set(shown))
    assert all(document_of(p) == each.document_id for each in once for p in each.passages)
