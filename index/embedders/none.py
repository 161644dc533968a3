"""Words only: no model, no vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from access.refusal import Refusal
from index.embedders.port import FloatMatrix


class NoEmbedder:
    """The port without a model. `reason` says why when it stands in for one that could not be had.

    Its window is a bound on words, so that passages keep the size that a model would have wanted.
    """

    fingerprint = "none"
    dimensions = 0
    scale = 1.0
    window = 512

    def __init__(self, reason: Refusal | None = None) -> None:
        self.reason = reason

    def count_tokens(self, text: str) -> int:
        """An upper guess of a subword tokenizer's count: a token for every 2 characters, and 5 around them."""
        return len(text) // 2 + 5

    def embed_passages(self, texts: Sequence[str]) -> FloatMatrix:
        """(len(texts), 0)."""
        return np.zeros((len(texts), 0), np.float32)

    def embed_query(self, text: str) -> FloatMatrix:  # noqa: ARG002
        """(0,)."""
        return np.zeros(0, np.float32)
