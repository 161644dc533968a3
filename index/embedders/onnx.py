"""The default backend: multilingual-e5-small in 4 bits on onnxruntime, without torch."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from access.refusal import Refusal
from index.embedders.port import FloatMatrix
from index.embedders.prepared import RECIPE, prepared
from index.embedders.texts import TextEmbedder, Traits
from index.embedders.weights import WEIGHTS_SHA256, Weights, dequantise

QUERY_PREFIX = "query: "
PASSAGE_PREFIX = "passage: "
SCALE = 127 / 0.15  # 0.15 is above all but 1 component in 1,000; the loss of int8 is at most 0.001 nDCG@10
WINDOW = 512
DIMENSIONS = 384


def fingerprint() -> str:
    """Names weights, tokenizer, prefixes and scale. The backend is left out: see docs/decisions/010-embedders.md."""
    parts = (WEIGHTS_SHA256, RECIPE, QUERY_PREFIX, PASSAGE_PREFIX, repr(SCALE), str(WINDOW))
    return "e5-small-q4-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


TRAITS = Traits(fingerprint(), DIMENSIONS, SCALE, WINDOW, QUERY_PREFIX, PASSAGE_PREFIX)


def graph_folder(weights: Weights, cache: Path) -> Path:
    """The folder of `model.onnx` and `tokenizer.json`, built when absent; only then is the package onnx imported."""

    def write(folder: Path) -> None:
        from index.embedders.graph import write as write_graph

        write_graph(weights, folder)

    return prepared(cache, f"e5-small-q4-{RECIPE}", write)


def _runtime() -> Any:
    """onnxruntime, imported on first use and with its telemetry off.

    Since 1.31 it starts, on import, a thread that keeps a device identifier under the user's cache folder and reports
    sessions to its maker; nothing may leave this machine, and that thread also hangs the end of a forked child.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return importlib.import_module("onnxruntime")


class OnnxModel:
    """The session, the tokenizer and the mapped table of words."""

    def __init__(self, weights_file: Path, cache: Path) -> None:
        """Load (0.7 s, and 1.5 s more the first time, to build). Refusal (stage "embed") when it cannot."""
        weights = Weights(weights_file)
        self._table = weights.blocks("emb.word", weights.shape.vocabulary, weights.shape.hidden)
        folder = graph_folder(weights, cache)
        onnxruntime = _runtime()
        options = onnxruntime.SessionOptions()
        # A text keeps to one thread and texts run side by side. Two threads inside a text were slower at everything on
        # a busy machine (2 cores, load 8: query 22.7 ms against 17.4, 2 passages/s against 3), and the library's own
        # pool hangs in a forked child.
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        except Exception as error:  # onnxruntime and tokenizers raise bare RuntimeErrors
            raise Refusal(
                "embed",
                "embedder-unavailable",
                f"Le modèle préparé ne se charge pas ({type(error).__name__}).",
                f"Supprimez le dossier {folder.name} du cache : il sera reconstruit.",
            ) from error

    def count(self, text: str) -> int:
        return len(self._tokenizer.encode(text).ids)

    def vectors(self, texts: Sequence[str]) -> FloatMatrix:
        """One run a text: no padding, so a vector never depends on its neighbours, to the last bit.

        Batches of 8 gained nothing (170 tokens, 2 cores).
        """
        if len(texts) == 1:
            return self._vector(texts[0])
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            return np.concatenate(list(pool.map(self._vector, texts)))

    def _vector(self, text: str) -> FloatMatrix:
        """(1, hidden)."""
        tokens = np.array([self._tokenizer.encode(text).ids], np.int64)
        (row,) = self._session.run(None, {"words": self._words(tokens)})
        return np.asarray(row, np.float32)

    def _words(self, tokens: npt.NDArray[np.int64]) -> FloatMatrix:
        """(batch, length) token ids to (batch, length, hidden): only the rows in use leave the mapped file."""
        return dequantise(self._table[tokens.ravel()]).reshape(*tokens.shape, -1)


class OnnxEmbedder(TextEmbedder):
    """The port on `OnnxModel`."""

    def __init__(self, weights_file: Path, cache: Path) -> None:
        super().__init__(TRAITS, lambda: OnnxModel(weights_file, cache))
