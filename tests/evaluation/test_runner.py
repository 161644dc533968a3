"""A small collection through a real engine and the real model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from access.refusal import Refusal
from index.embedded import EmbeddedGenerations
from index.embedders.factory import build_embedder
from index.embedders.none import NoEmbedder
from index.embedders.port import Embedder
from index.evaluation.compare import compare, load_run, save_run
from index.evaluation.measures import Estimate
from index.evaluation.runner import Evaluation, evaluate
from index.evaluation.vectors import CHUNK, embed_all

CACHE = Path(os.environ.get("ANAMNESE_CACHE", Path(__file__).resolve().parents[2] / ".cache"))
TEXTS = {
    "jeanne": {
        "allergie": "Allergie à la pénicilline : œdème de Quincke en 2009.",
        "coeur": "Infarctus du myocarde.",
        "hanche": "Prothèse totale de hanche gauche, suites simples.",
    },
    "paul": {"allergie-paul": "Aucune allergie connue.", "rein": "Colique néphrétique, calcul de 4 mm."},
}
ASKED = {
    "q1": ("jeanne", "allergie pénicilline", "allergie"),
    "q2": ("paul", "allergie", "allergie-paul"),
    "q3": ("jeanne", "myocardial infarction", "coeur"),
    "q4": ("paul", "calcul rein", "rein"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    entries = [
        {"_id": name, "title": "", "text": text, "metadata": {"patient": patient}}
        for patient, texts in TEXTS.items()
        for name, text in texts.items()
    ]
    queries: list[dict[str, object]] = [
        {"_id": name, "text": text, "metadata": {"patient": patient}} for name, (patient, text, _) in ASKED.items()
    ]
    queries.append({"_id": "none", "text": "xylophone", "metadata": {"patient": "paul", "no_answer": True}})
    judged = "".join(f"{name}\t{found}\t1\n" for name, (_, _, found) in ASKED.items())
    made = tmp_path / "collection"
    (made / "qrels").mkdir(parents=True)
    (made / "corpus.jsonl").write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    (made / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)), encoding="utf-8")
    (made / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return build_embedder("onnx", None, CACHE)


def run(folder: Path, generations: EmbeddedGenerations, embedder: Embedder, **options: object) -> Evaluation:
    return evaluate(folder, generations=generations, embedder=embedder, cut=lambda text: [text], **options)  # type: ignore[arg-type]


@pytest.fixture
def generations(tmp_path: Path) -> EmbeddedGenerations:
    return EmbeddedGenerations(tmp_path / "index", bytes(32))


def test_words(folder: Path, generations: EmbeddedGenerations) -> None:
    found = run(folder, generations, NoEmbedder(), mode="lexical").as_dict()
    assert found["queries"] == 4
    assert found["documents"] == found["passages"] == 5
    assert found["ndcg@10"] == 1.0, "the one that shares no word with its document is found by the vocabulary"
    assert found["no_answer_queries"] == 1
    assert found["empty_when_no_answer"] == 1.0
    assert found["empty_when_answer"] == 0.0
    assert (found["far_when_no_answer"], found["far_when_answer"]) == (1.0, 0.0)
    assert found["embedding_passages_per_second"] is None
    assert list(generations.names()) == [], "nothing is left in the engine"
    json.dumps(found)


def test_meaning_finds_what_shares_no_word(
    folder: Path, generations: EmbeddedGenerations, embedder: Embedder, tmp_path: Path
) -> None:
    first = run(folder, generations, embedder, mode="semantic", vectors=tmp_path / "kept")
    assert first.measures["RR@10"].mean >= 0.75, "« calcul rein » is under the model's floor"
    assert first.indexing.embedded == 5
    again = run(folder, generations, embedder, mode="hybrid", vectors=tmp_path / "kept")
    assert again.indexing.embedded == 0, "embedded once for every mode and engine"
    assert again.measures["nDCG@10"].mean == 1.0


def test_meaning_without_a_model_is_refused(folder: Path, generations: EmbeddedGenerations) -> None:
    with pytest.raises(Refusal) as refused:
        run(folder, generations, NoEmbedder(), mode="hybrid")
    assert refused.value.code == "no-embedder"


def test_a_failure_leaves_nothing_in_the_engine(folder: Path, generations: EmbeddedGenerations) -> None:
    def broken(_: str) -> list[str]:
        raise Refusal("split", "window-too-small", "Non.", "Non.")

    with pytest.raises(Refusal):
        evaluate(folder, mode="lexical", generations=generations, embedder=NoEmbedder(), cut=broken)
    assert list(generations.names()) == []


def test_kept_vectors_are_those_of_the_texts(embedder: Embedder, tmp_path: Path) -> None:
    texts = [f"mot {n}" for n in range(CHUNK + 3)]
    said: list[str] = []
    first = embed_all(texts, embedder, tmp_path, said.append)
    assert first.vectors.shape == (CHUNK + 3, 384)
    assert (first.computed, len(said)) == (CHUNK + 3, 2)
    last = sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_size)[0]
    last.write_bytes(b"damaged")
    again = embed_all([*texts[:-1], "autre"], embedder, tmp_path, said.append)
    assert again.computed == 3, "the whole chunk is kept, the changed one is not"
    assert np.array_equal(again.vectors[:CHUNK], first.vectors[:CHUNK])
    assert not np.array_equal(again.vectors[-1], first.vectors[-1])
    assert embed_all(texts, embedder, tmp_path, said.append).computed == 3, "a damaged file is computed again"
    assert embed_all([], embedder, tmp_path, said.append).vectors.shape == (0, 384)


def test_two_runs_are_compared_question_by_question(
    folder: Path, generations: EmbeddedGenerations, tmp_path: Path
) -> None:
    """The second run judges q2 by a document that it does not rank first any more."""
    kept = tmp_path / "before.json"
    before = run(folder, generations, NoEmbedder(), mode="lexical")
    save_run(kept, before)
    same = compare(before, load_run(kept))
    assert (same.fell, same.rose, same.unchanged) == ((), (), 4)
    assert same.measures["ndcg@10"] == Estimate(0.0, 0.0, 0.0)

    judgements = folder / "qrels" / "dev.tsv"
    judgements.write_text(judgements.read_text("utf-8").replace("q2\tallergie-paul", "q2\trein"), encoding="utf-8")
    after = compare(run(folder, generations, NoEmbedder(), mode="lexical"), load_run(kept))
    assert [each.query for each in after.fell] == ["q2"]
    assert after.fell[0].before == ("allergie-paul",)
    assert after.measures["ndcg@10"].mean == pytest.approx(-0.25)
    assert after.as_dict()["questions_that_fell"] == 1


def test_a_run_of_other_questions_is_not_compared(
    folder: Path, generations: EmbeddedGenerations, tmp_path: Path
) -> None:
    kept = tmp_path / "before.json"
    found = run(folder, generations, NoEmbedder(), mode="lexical")
    save_run(kept, found)
    value = json.loads(kept.read_text("utf-8"))
    del value["per_query"]["q1"]
    kept.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(Refusal, match="mêmes questions"):
        compare(found, load_run(kept))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 2}', '{"format": 1, "per_query": 3}'])
def test_what_is_no_run_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        load_run(tmp_path / "run.json")
    assert refused.value.code == "bad-run"
