"""Reading judged collections, good and bad."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from access.refusal import Refusal
from index.evaluation.beir import Entry, Query, read_collection

CORPUS = [
    {"_id": "d1", "title": "Compte rendu", "text": "Allergie à la pénicilline.", "metadata": {"patient": "jeanne"}},
    {"_id": "d2", "title": "", "text": "Fracture du fémur.", "metadata": {"patient": "jeanne"}},
    {"_id": "d3", "title": "Seul un titre", "text": "", "metadata": {"patient": "paul"}},
]
QUERIES = [
    {"_id": "q1", "text": "pénicilline", "metadata": {"patient": "jeanne"}},
    {"_id": "q2", "text": "titre", "metadata": {"patient": "paul"}},
    {"_id": "q3", "text": "greffe", "metadata": {"patient": "paul", "no_answer": True}},
    {"_id": "q4", "text": "dialyse", "metadata": {"patient": "paul", "no_answer": True, "split": "test"}},
    {"_id": "q5", "text": "d'une autre partie", "metadata": {"patient": "paul"}},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t3\nq1\td2\t0\nq2\td3\t1\n"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(
        corpus: Sequence[object] = CORPUS, queries: Sequence[object] = QUERIES, qrels: str | bytes = QRELS
    ) -> Path:
        for name, lines in (("corpus", corpus), ("queries", queries)):
            content = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
            (tmp_path / f"{name}.jsonl").write_text(content + "\n", encoding="utf-8")
        (tmp_path / "qrels").mkdir(exist_ok=True)
        (tmp_path / "qrels" / "dev.tsv").write_bytes(qrels.encode() if isinstance(qrels, str) else qrels)
        return tmp_path

    return written


def test_a_collection(write: Write) -> None:
    found = read_collection(write(), "dev")
    assert found.entries == (
        Entry("d1", "Compte rendu\n\nAllergie à la pénicilline.", "jeanne", title="Compte rendu"),
        Entry("d2", "Fracture du fémur.", "jeanne"),
        Entry("d3", "Seul un titre", "paul", title="Seul un titre"),
    )
    assert found.queries == (
        Query("q1", "pénicilline", "jeanne", no_answer=False),
        Query("q2", "titre", "paul", no_answer=False),
        Query("q3", "greffe", "paul", no_answer=True),
    )
    assert found.judgements == {"q1": {"d1": 3, "d2": 0}, "q2": {"d3": 1}}


def test_a_query_with_only_zeros_has_no_answer(write: Write) -> None:
    found = read_collection(write(qrels=QRELS + "q5\td3\t0\n"), "dev")
    assert found.queries[-1] == Query("q5", "d'une autre partie", "paul", no_answer=True)
    assert "q5" not in found.judgements


def test_windows_line_ends_a_byte_order_mark_and_no_header(write: Write) -> None:
    found = read_collection(write(qrels=b"\xef\xbb\xbfq1\td1\t1\r\nq2\td3\t2\r\n"), "dev")
    assert found.judgements == {"q1": {"d1": 1}, "q2": {"d3": 2}}


def test_text_may_hold_the_separators_that_only_python_splits_at(write: Write) -> None:
    odd = {"_id": "d4", "text": "un\u2028deux\x0btrois\x85", "metadata": {}}
    folder = write()
    with open(folder / "corpus.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(odd, ensure_ascii=False) + "\n")
    assert read_collection(folder, "dev").entries[-1].text == odd["text"]


BAD = {
    "not json": ({"corpus": [*CORPUS, "{"]}, "corpus.jsonl, ligne 4"),
    "not an object": ({"corpus": [*CORPUS, "[]"]}, "corpus.jsonl, ligne 4"),
    "no id": ({"queries": [*QUERIES, {"text": "x"}]}, "queries.jsonl, ligne 6"),
    "id twice": ({"queries": [*QUERIES, QUERIES[0]]}, "queries.jsonl, ligne 6"),
    "empty corpus": ({"corpus": []}, "aucun document"),
    "two columns": ({"qrels": QRELS + "q1\td1\n"}, "dev.tsv, ligne 5"),
    "grade in words": ({"qrels": QRELS + "q1\td1\ttrès\n"}, "dev.tsv, ligne 5"),
    "unknown query": ({"qrels": QRELS + "q9\td1\t1\n"}, "dev.tsv, ligne 5"),
    "unknown document": ({"qrels": QRELS + "q1\td9\t1\n"}, "dev.tsv, ligne 5"),
    "another patient's": ({"qrels": QRELS + "q2\td1\t1\n"}, "autre patient"),
    "an answer to what has none": ({"qrels": QRELS + "q3\td3\t1\n"}, "sans réponse"),
    "not utf-8": ({"qrels": b"q1\td1\t1\n\xe9"}, "UTF-8"),
    "nothing judged": ({"qrels": "", "queries": [QUERIES[0], QUERIES[3]]}, "Aucune question"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_folders_are_refused_at_the_line(write: Write, name: str) -> None:
    parts, said = BAD[name]
    with pytest.raises(Refusal) as refused:
        read_collection(write(**parts), "dev")
    assert refused.value.stage == "evaluate"
    assert said in refused.value.message
    assert "pénicilline" not in str(refused.value)


def test_missing_files(write: Write, tmp_path: Path) -> None:
    for folder, split in ((tmp_path / "nowhere", "dev"), (write(), "test")):
        with pytest.raises(Refusal) as refused:
            read_collection(folder, split)
        assert refused.value.code == "missing-collection"


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "documents", "queries"),
    [("quaero_fr", 2498, 224), ("xling_en_fr", 5726, 472), ("nfcorpus", 3395, 324), ("pubmedqa", 1000, 500)],
)
def test_public_collections(shared_data: Path, name: str, documents: int, queries: int) -> None:
    found = read_collection(shared_data / name, "dev")
    assert len(found.entries) == documents
    assert len(found.queries) == len(found.judgements) == queries
