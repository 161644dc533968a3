"""What the backends share: identical texts embedded once, memory, safe text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embedders import texts as shared
from index.embedders.port import FloatMatrix
from index.embedders.texts import TextEmbedder, Traits, well_formed

TRAITS = Traits("test", 2, 127.0, 64, "q: ", "p: ")


class Counting:
    """A model that keeps what it was asked: a token a character, a direction by length."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def count(self, text: str) -> int:
        return len(text)

    def vectors(self, texts: Sequence[str]) -> FloatMatrix:
        self.batches.append(list(texts))
        return np.array([[np.cos(len(text)), np.sin(len(text))] for text in texts], np.float32)


def test_identical_texts_are_embedded_once_and_remembered() -> None:
    model = Counting()
    embedder = TextEmbedder(TRAITS, lambda: model)
    first = embedder.embed_passages(["a", "bb", "a", "a"])
    assert sorted(text for batch in model.batches for text in batch) == ["p: a", "p: bb"]
    assert np.array_equal(first[0], first[2])
    again = embedder.embed_passages(["bb", "a"])
    assert len(model.batches) == 1
    assert np.array_equal(again, first[[1, 0]])
    embedder.embed_query("a")
    assert model.batches[1:] == [["q: a"]], "a question is not a passage"


def test_callers_cannot_change_what_is_remembered() -> None:
    embedder = TextEmbedder(TRAITS, Counting)
    kept = embedder.embed_query("a").copy()
    embedder.embed_query("a")[:] = 9
    embedder.embed_passages(["b"])[:] = 9
    assert np.array_equal(embedder.embed_query("a"), kept)
    assert np.abs(embedder.embed_passages(["b"])).max() <= 1


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_REMEMBERED", 3)
    model = Counting()
    embedder = TextEmbedder(TRAITS, lambda: model)
    for text in ("a", "b", "c", "a", "d"):
        embedder.embed_passages([text])
    asked = len(model.batches)
    embedder.embed_passages(["a"])
    assert len(model.batches) == asked, "used lately, so kept"
    embedder.embed_passages(["b"])
    assert len(model.batches) == asked + 1, "the longest unused went"
    assert embedder.embed_passages(["x", "y", "z", "t", "u"]).shape == (5, 2), "more than memory holds in one call"


def test_the_longest_come_first() -> None:
    model = Counting()
    TextEmbedder(TRAITS, lambda: model).embed_passages(["a", "ccc", "bb"])
    assert model.batches == [["p: ccc", "p: bb", "p: a"]]


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_well_formed_text_can_be_written_and_is_stable(text: str) -> None:
    once = well_formed(text)
    once.encode()
    assert well_formed(once) == once


def test_well_formed_changes_only_what_it_must() -> None:
    assert well_formed("fièvre < 38 \0 </p>") == "fièvre < 38 \0 </p>"
    assert well_formed("\ud83d\ude00 \ud83d") == "😀 \ufffd"
    assert well_formed("<s>a</s>") == "< s>a< /s>"
