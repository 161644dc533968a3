"""The committed judgements: complete, consistent, and exactly what the stories give."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from samples.concepts import concepts, fold, mentioned, narrower
from samples.judge import JUDGEMENTS, Question, grade, judged, questions, write_all
from samples.markup import Assertion, Claim, parse_codes, unmark
from samples.story import read_drafts

FILES = ("corpus.jsonl", "queries.jsonl", "qrels/dev.tsv", "qrels/test.tsv")


def _draft(text: str, header: str = ""):  # type: ignore[no-untyped-def]
    return read_drafts("moreau", f"=== id=a date=2020-01-02 type=11488-4 by=mt form=txt {header}\nTitre\n{text}")[0]


def _asks(**more: object) -> Question:
    return Question("q", "moreau", "q", "plain", **({"targets": ("embolie-pulmonaire",)} | more))  # type: ignore[arg-type]


def test_the_committed_files_are_what_the_stories_give(tmp_path: Path) -> None:
    write_all(tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (JUDGEMENTS / name).read_bytes(), (
            f"run python -m samples.judge: {name}"
        )


def test_sizes() -> None:
    assert len([question for question in questions() if question.targets]) >= 150
    assert len([question for question in questions() if not question.targets]) >= 30
    assert 900 < len(judged()) < 2500
    assert sum((JUDGEMENTS / name).stat().st_size for name in FILES) < 6_000_000


def test_every_judgement_names_a_query_and_a_document_of_the_same_patient() -> None:
    corpus = {
        line["_id"]: line for line in map(json.loads, (JUDGEMENTS / "corpus.jsonl").read_text("utf-8").splitlines())
    }
    queries = {
        line["_id"]: line for line in map(json.loads, (JUDGEMENTS / "queries.jsonl").read_text("utf-8").splitlines())
    }
    judgements: dict[str, list[int]] = defaultdict(list)
    for split in ("dev", "test"):
        header, *rows = (JUDGEMENTS / "qrels" / f"{split}.tsv").read_text("utf-8").splitlines()
        assert header == "query-id\tcorpus-id\tscore"
        for query, document, score in (row.split("\t") for row in rows):
            assert queries[query]["metadata"]["split"] == split
            assert corpus[document]["metadata"]["patient"] == queries[query]["metadata"]["patient"]
            judgements[query].append(int(score))
    assert {score for scores in judgements.values() for score in scores} == {1, 2, 3}
    for query, line in queries.items():
        assert bool(judgements.get(query)) != line["metadata"]["no_answer"], query
    assert 0.3 < Counter(line["metadata"]["split"] for line in queries.values())["dev"] / len(queries) < 0.5


@pytest.mark.parametrize("question", [q for q in questions() if not q.targets], ids=lambda q: q.query_id)
def test_what_has_no_answer_is_truly_absent(question: Question) -> None:
    assert question.absent_words
    for draft in judged():
        if draft.patient == question.patient:
            text = fold(f"{draft.title}\n{draft.text}")
            assert not [word for word in question.absent_words if fold(word) in text], draft.document_id


def test_questions_are_of_every_kind() -> None:
    kinds = Counter(question.kind for question in questions())
    expected = {"plain", "abbreviation", "brand", "synonym", "lay", "typo", "english", "question", "value", "negation"}
    assert kinds.keys() == expected | {"family", "none"}
    assert min(kinds.values()) >= 4


def test_every_mark_and_target_is_a_known_concept() -> None:
    known = concepts().keys()
    assert {claim.concept for draft in judged() for claim in draft.claims} <= known
    assert {target for question in questions() for target in question.targets} <= known


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Embolie pulmonaire]{!embolie-pulmonaire} gauche.", 3),
        ("ATCD : [EP]{embolie-pulmonaire}.", 2),
        ("[Absence d'embolie pulmonaire]{!-embolie-pulmonaire}.", 2),
        ("[Pas d'EP]{-embolie-pulmonaire}.", 1),
        ("[Mère : EP]{~embolie-pulmonaire}.", 1),
        ("Score d'EP calculé.", 1),
        ("Embolies pulmonaires : risque expliqué.", 1),
        ("Épaule douloureuse.", 0),
    ],
)
def test_grades_follow_the_assertion(text: str, expected: int) -> None:
    assert grade(_asks(), _draft(text)) == expected


def test_an_asked_absence_ranks_over_the_presence() -> None:
    asked = _asks(wants=Assertion.ABSENT)
    assert grade(asked, _draft("[Pas d'EP]{!-embolie-pulmonaire}.")) == 3
    assert grade(asked, _draft("[EP]{!embolie-pulmonaire}.")) == 2


def test_years_types_and_second_concepts_cap_the_grade() -> None:
    draft = _draft("[EP]{!embolie-pulmonaire}.")
    assert grade(_asks(years=frozenset({2021})), draft) == 1
    assert grade(_asks(types=frozenset({"11502-2"})), draft) == 1
    assert grade(_asks(also="grossesse"), draft) == 1
    assert grade(_asks(years=frozenset({2020}), types=frozenset({"11488-4"})), draft) == 3


def test_a_broader_question_takes_the_narrower_concept() -> None:
    assert "apixaban" in narrower("anticoagulant")
    assert grade(_asks(targets=("anticoagulant",)), _draft("[Eliquis]{!apixaban}")) == 3
    assert grade(_asks(targets=("apixaban",)), _draft("[héparine]{!heparine}")) == 0


def test_names_match_whole_words_without_accents() -> None:
    assert "hta" in mentioned("Patient suivi pour HTA.")
    assert "hta" not in mentioned("le hta du code")
    assert "fibrillation-atriale" not in mentioned("il FAUT boire")
    assert "lymphoedeme" in mentioned("Lymphœdème du bras")


def test_marks() -> None:
    assert unmark("a [b c]{!-x, ~y} d") == (
        "a b c d",
        [Claim("x", Assertion.ABSENT, True), Claim("y", Assertion.FAMILY)],
    )
    with pytest.raises(ValueError, match="malformed"):
        parse_codes("!!x")
    with pytest.raises(ValueError, match="unfinished"):
        unmark("a b]{x}")
    with pytest.raises(ValueError, match="unknown keys"):
        _draft("x", header="colour=red")
