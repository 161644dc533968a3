"""What the embedded engine owes beyond the contract: encryption, threads, forks, refusals, exact lengths."""

from __future__ import annotations

import concurrent.futures
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.refusal import Refusal
from index.embedded import EmbeddedGenerations
from index.port import Generation, Question
from index.scoring import LENGTHS, ceiling, length_byte, length_of_byte, quantised
from tests.index.building import GENERATION, document, meaning, passage, removal, scope, vector, word_ids, words

KEY = bytes(range(32))


def opened(folder: Path, key: bytes = KEY) -> EmbeddedGenerations:
    return EmbeddedGenerations(folder, key=key)


def test_nothing_readable_leaves_the_encrypted_file(tmp_path: Path) -> None:
    generations = opened(tmp_path)
    index = generations.open(GENERATION)
    put = document("a", ["Spondylarthrite ankylosante sous adalimumab"], vectors=[b"VECTORSOFSOMEONE" * 24])
    index.put([put])
    index.match(scope(), words("spondylarthrite"))
    secrets = [b"spondylarthrite", b"adalimumab", b"VECTORSOF", put.document_id.encode(), put.patient_id.encode()]
    for path in tmp_path.iterdir():
        assert not any(secret in path.read_bytes().lower() + path.read_bytes() for secret in secrets), path.name
    assert {path.suffix for path in tmp_path.iterdir()} >= {".index"}
    generations.close()


def test_files_are_private(tmp_path: Path) -> None:
    generations = opened(tmp_path / "index")
    generations.open(GENERATION)
    assert (tmp_path / "index").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "index").iterdir())


def test_a_wrong_key_or_a_damaged_file_is_a_refusal_with_a_remedy(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.open(GENERATION).put([document("a", ["fièvre"])])
    first.serve(GENERATION)
    first.close()
    other = opened(tmp_path, key=bytes(32))
    with pytest.raises(Refusal) as refused:
        other.open(GENERATION)
    assert refused.value.code == "index-unreadable"
    with pytest.raises(Refusal) as refused:
        other.ping()
    assert "reindex" in refused.value.remedy
    again = opened(tmp_path)
    assert word_ids(again.open(GENERATION).match(scope(), words("fièvre"))) == [passage("a", 0)]


def test_a_failed_put_changes_nothing(tmp_path: Path) -> None:
    index = opened(tmp_path).open(GENERATION)
    index.put([document("a", ["fièvre"])])
    uneven = document("b", ["toux", "toux"], vectors=[vector(1), vector(1, 10)])
    with pytest.raises(ValueError, match="one length"):
        index.put([document("a", ["angine"], fence=2), uneven])
    assert word_ids(index.match(scope(), words("fièvre"))) == [passage("a", 0)]
    assert index.match(scope(), words("angine toux")).words == ()


def test_vectors_of_another_model_are_never_compared(tmp_path: Path) -> None:
    index = opened(tmp_path).open(GENERATION)
    index.put([document("a", ["fièvre"], vectors=[vector(1)])])
    with pytest.raises(Refusal) as refused:
        index.match(scope(), meaning(vector(1, 768)))
    assert refused.value.code == "vector-mismatch"


def test_a_wide_model_stays_exact(tmp_path: Path) -> None:
    """Over 1,040 dimensions float32 would round: 2,048 x 127 x 127 is past 2**24."""
    index = opened(tmp_path).open(GENERATION)
    top = b"\x7f" * 2048
    index.put([document("a", ["x", "y"], vectors=[top, top[:-1] + b"\x7e"])])
    found = index.match(scope(), meaning(top)).meaning
    assert [c.score for c in found] == [127 * 127 * 2048, 127 * 127 * 2048 - 127]


def test_forms_follow_a_rewrite_under_the_same_fence(tmp_path: Path) -> None:
    index = opened(tmp_path).open(GENERATION)
    index.put([document("a", ["fièvre"])])
    assert index.forms(scope()) == {"fievre"}
    index.put([document("a", ["toux"])])
    assert index.forms(scope()) == {"toux"}


def test_threads_read_while_one_writes(tmp_path: Path) -> None:
    generations = opened(tmp_path)
    index = generations.open(GENERATION)
    index.put([document("a", ["fièvre"], vectors=[vector(1)])])

    def read(_: int) -> int:
        return len(index.match(scope(), Question(words("fièvre").clauses, vector(1))).words)

    def write(n: int) -> None:
        index.put([document(f"b{n}", ["fièvre"], vectors=[vector(2)])])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(read, n) for n in range(100)]
        writes = [pool.submit(write, n) for n in range(20)]
        counts = [each.result() for each in reads]
        assert [each.result() for each in writes] == [None] * 20
    assert all(1 <= count <= 21 for count in counts)
    assert read(0) == 21


def test_another_handle_sees_what_was_written(tmp_path: Path) -> None:
    writer, reader = opened(tmp_path), opened(tmp_path)
    reading = reader.open(GENERATION)
    writer.open(GENERATION).put([document("a", ["fièvre"])])
    writer.serve(GENERATION)
    assert word_ids(reading.match(scope(), words("fièvre"))) == [passage("a", 0)]
    assert reader.serving() == GENERATION
    writer.open(GENERATION).remove([removal("a", fence=2)])
    assert reading.match(scope(), words("fièvre")).words == ()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_generation_built_anew_under_its_old_name_is_not_answered_from_the_deleted_file(tmp_path: Path) -> None:
    """As when `anamnese reindex` runs twice beside a service that keeps the first file open."""
    here, elsewhere = opened(tmp_path), opened(tmp_path)
    kept = here.open(GENERATION)
    kept.put([document("a", ["alpha"])])
    assert kept.match(scope(), words("alpha")).matched_documents == 1
    elsewhere.retire(GENERATION)
    elsewhere.open(GENERATION).put([document("b", ["beta"])])
    for index in (kept, here.open(GENERATION)):
        assert index.match(scope(), words("alpha")).matched_documents == 0
        assert index.match(scope(), words("beta")).matched_documents == 1
    here.close()
    elsewhere.close()


def test_a_forked_child_opens_its_own_connections(tmp_path: Path) -> None:
    generations = opened(tmp_path)
    index = generations.open(GENERATION)
    index.put([document("a", ["fièvre"])])
    child = os.fork()
    if child == 0:  # no pytest in the child: its verdict is its exit code
        try:
            index.put([document("b", ["fièvre"])])
            os._exit(0 if len(index.match(scope(), words("fièvre")).words) == 2 else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(index.match(scope(), words("fièvre")).words) == 2
    index.put([document("c", ["fièvre"])])
    assert len(index.match(scope(), words("fièvre")).words) == 3


def test_names_ignore_what_is_not_ours(tmp_path: Path) -> None:
    generations = opened(tmp_path)
    (tmp_path / "notes.index").write_text("x")
    generations.open(GENERATION)
    assert list(generations.names()) == [GENERATION]
    assert Generation.parse(GENERATION.name) == GENERATION


def test_a_record_of_2000_passages_is_asked_in_milliseconds(tmp_path: Path) -> None:
    """A ceiling ten times what a quiet machine takes (6 ms): it catches a scan, not a busy neighbour."""
    index = opened(tmp_path).open(GENERATION)
    texts = [
        f"patient suivi pour hypertension mot{n % 97} mot{n % 89} consultation traitement examen" for n in range(7)
    ]
    index.put([document(f"d{n}", texts, vectors=[vector(n * 7 + i) for i in range(7)]) for n in range(286)])
    question = Question(words("hypertension mot5 consultation").clauses, vector(9_999), limit=400)
    index.match(scope(), question)
    best = sys.float_info.max
    for _ in range(10):
        began = time.perf_counter()
        found = index.match(scope(), question)
        best = min(best, time.perf_counter() - began)
    assert len(found.words) == len(found.meaning) == 400
    assert best < 0.1


@given(st.integers(0, 2**31 - 1))
def test_lengths_lose_less_than_an_eighth_and_never_their_order(tokens: int) -> None:
    kept = length_of_byte(length_byte(tokens))
    assert kept <= tokens
    assert tokens < 40 or tokens - kept <= tokens / 8
    assert length_byte(tokens) <= length_byte(tokens + 1)


def test_lengths_are_lucenes() -> None:
    """Values of Lucene's SmallFloat: exact to 40, then four significant bits past 24."""
    assert [length_of_byte(b) for b in range(41)] == list(range(41))
    assert [length_of_byte(b) for b in (41, 47, 48, 56, 255)] == [42, 54, 56, 88, 2_013_265_944]
    assert LENGTHS.shape == (256,)
    assert length_byte(2**31 - 1) == 255


def test_the_ceiling_adds_the_heaviest_of_each_clause() -> None:
    assert ceiling(words("fièvre toux", weight=2.0)) == 4000
    assert ceiling(Question(())) == 0
    assert (quantised(0.0), quantised(99.0)) == (1 / 1024, 16.0)
