"""The two backends on the same weights may stand in for each other: same fingerprint, cosine of at least 0.999."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.embedders.converter import MARK, converted
from index.embedders.port import Embedder, quantise
from index.embedders.sentence_transformers import SCALE_TEXTS, SentenceTransformersEmbedder, traits_of
from index.embedders.weights import find_weights

CONTRACT = 0.999
shared = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def torch_directory(cache: Path) -> Path:
    weights = find_weights(None)
    assert weights is not None
    return converted(weights, cache / "embedders")


def test_same_fingerprint(onnx_embedder: Embedder, torch_embedder: Embedder) -> None:
    assert onnx_embedder.fingerprint == torch_embedder.fingerprint
    assert onnx_embedder.scale == torch_embedder.scale
    assert onnx_embedder.window == torch_embedder.window


def test_cosine_on_clinical_text(onnx_embedder: Embedder, torch_embedder: Embedder) -> None:
    long = " ".join(SCALE_TEXTS)
    texts = [*SCALE_TEXTS, long, long[:700], "HTA", "a", "\ufdfa" * 9, "10⁹/L", "péni\0cilline", "<s></s>", "😀" * 30]
    ours, theirs = onnx_embedder.embed_passages(texts), torch_embedder.embed_passages(texts)
    assert (ours * theirs).sum(axis=1).min() >= CONTRACT


@given(text=st.text(st.characters(codec=None, exclude_categories=()), max_size=80))
@shared
def test_cosine_and_count_on_any_text(onnx_embedder: Embedder, torch_embedder: Embedder, text: str) -> None:
    assert onnx_embedder.count_tokens(text) == torch_embedder.count_tokens(text)
    assert onnx_embedder.embed_query(text) @ torch_embedder.embed_query(text) >= CONTRACT


def test_int8_of_one_ranks_like_int8_of_the_other(onnx_embedder: Embedder, torch_embedder: Embedder) -> None:
    """Questions embedded by onnx over passages embedded by torch: products within 0.02 of all-onnx ones."""
    questions = np.stack([onnx_embedder.embed_query(text[:40]) for text in SCALE_TEXTS])
    small = quantise(questions, onnx_embedder.scale).astype(np.int64)
    products = [
        small @ quantise(backend.embed_passages(SCALE_TEXTS), backend.scale).astype(np.int64).T / backend.scale**2
        for backend in (onnx_embedder, torch_embedder)
    ]
    assert np.abs(products[0] - products[1]).max() < 0.02


def test_changed_weights_lose_the_shared_fingerprint(torch_directory: Path, tmp_path: Path) -> None:
    """A directory that carries our mark but other content is another model."""
    other = tmp_path / "model"
    shutil.copytree(torch_directory, other, copy_function=lambda a, b: Path(b).symlink_to(a))
    settings_file = other / "config_sentence_transformers.json"
    settings_file.unlink()
    settings_file.write_text('{"prompts": {"query": "question : ", "document": "texte : "}}')
    assert (other / MARK).is_file()
    traits = traits_of(other, tmp_path)
    ours = traits_of(torch_directory, tmp_path)
    assert traits.fingerprint != ours.fingerprint
    assert (traits.query_prefix, traits.passage_prefix) == ("question : ", "texte : ")
    assert (traits.dimensions, traits.window) == (ours.dimensions, ours.window)
    assert traits.scale == pytest.approx(ours.scale, rel=0.25), "the rule for new models gives about 847 on ours"
    assert traits_of(other, tmp_path) == dataclasses.replace(traits), "kept, not measured again"


def test_the_embedder_of_a_directory(torch_directory: Path, tmp_path: Path, torch_embedder: Embedder) -> None:
    named = SentenceTransformersEmbedder(torch_directory, tmp_path)
    assert named.fingerprint == torch_embedder.fingerprint
    assert not list(tmp_path.iterdir()), "nothing to measure for our own weights"
