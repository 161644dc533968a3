"""The two backends on the same weights, turn by turn in one run."""

from __future__ import annotations

import random
import statistics
import time

import numpy as np

from benchmarks.report import milliseconds, table
from cli.local_services import cache_folder
from index.embedders.factory import build_embedder
from index.embedders.port import Embedder
from index.embedders.sentence_transformers import SCALE_TEXTS

TITLE = "Embedding: onnxruntime and sentence-transformers, same weights"
BACKENDS = ("onnx", "sentence-transformers")
ROUNDS = 3
PASSAGES = 16  # a round and a backend
QUERIES = 20


def measure() -> str:
    """Passages a second (about 200 tokens each) and query p50, interleaved; the smallest cosine between the two."""
    backends = {name: build_embedder(name, None, cache_folder()) for name in BACKENDS}
    rates: dict[str, list[float]] = {name: [] for name in BACKENDS}
    queries: dict[str, list[float]] = {name: [] for name in BACKENDS}
    cosines: list[float] = []
    tokens: list[int] = []
    for backend in backends.values():
        backend.embed_passages(["échauffement"])
    for turn in range(ROUNDS):
        texts = passages(turn)
        tokens += [backends["onnx"].count_tokens(text) for text in texts]
        rows = {name: _timed(backend, texts, rates[name]) for name, backend in backends.items()}
        cosines += (rows["onnx"] * rows["sentence-transformers"]).sum(axis=1).tolist()
        for number in range(QUERIES):
            for name, backend in backends.items():
                start = time.perf_counter()
                backend.embed_query(f"allergie à la pénicilline {turn} {number}")
                queries[name].append(time.perf_counter() - start)
    rows_out = [
        [name, f"{statistics.median(rates[name]):.1f}", f"{milliseconds(queries[name]):.1f}"] for name in BACKENDS
    ]
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(rates["onnx"], rates["sentence-transformers"], strict=True)
    )
    return (
        table(["backend", "passages/s", "query p50, ms"], rows_out)
        + f"\n\nonnx over sentence-transformers: {ratio:.1f} times the passages (median of {ROUNDS} rounds of"
        f" {PASSAGES}, {np.mean(tokens):.0f} tokens a passage). Smallest cosine between the two: {min(cosines):.5f}."
    )


def passages(turn: int) -> list[str]:
    """Distinct passages of about 200 tokens, the same in every run."""
    order = random.Random(turn)
    return [" ".join(order.sample(SCALE_TEXTS, 9)) for _ in range(PASSAGES)]


def _timed(backend: Embedder, texts: list[str], rates: list[float]) -> np.ndarray:
    start = time.perf_counter()
    rows = backend.embed_passages(texts)
    rates.append(len(texts) / (time.perf_counter() - start))
    return rows
