"""The embedder as the rest of the product sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatMatrix = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Texts to unit vectors. Threads, tokenizer and session are created on first use, so after any fork."""

    @property
    def fingerprint(self) -> str:
        """Names model, weights, tokenisation and scale; equal fingerprints mean interchangeable vectors."""

    @property
    def dimensions(self) -> int:
        """Length of a vector; 0 for the `none` embedder (words-only mode)."""

    @property
    def scale(self) -> float:
        """Multiplier from a unit vector's component to int8 (847 = 127/0.15 for multilingual-e5-small)."""

    @property
    def window(self) -> int:
        """Most tokens a text may have, prefix and special tokens included."""

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as a passage, prefix and special tokens included."""

    def embed_passages(self, texts: Sequence[str]) -> FloatMatrix:
        """(len(texts), dimensions) unit rows. A text over the window is a Refusal, never cut."""

    def embed_query(self, text: str) -> FloatMatrix:
        """(dimensions,) unit vector. A query over the window is a Refusal."""


def quantise(vectors: FloatMatrix, scale: float) -> npt.NDArray[np.int8]:
    """Unit vectors to int8: round(v x scale), clipped to -127..127. Same shape."""
    rounded: npt.NDArray[np.int8] = np.clip(np.rint(vectors * scale), -127, 127).astype(np.int8)
    return rounded


def fits(embedder: Embedder, text: str) -> bool:
    """Whether `text` can be one passage: inside the window, or any length in words-only mode."""
    return not embedder.dimensions or embedder.count_tokens(text) <= embedder.window
