"""What every backend shares: hostile text made safe, the window, one vector a distinct text, a memory.

A backend brings a `Model`; `TextEmbedder` makes the port out of it.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from access.refusal import Refusal
from index.embedders.port import FloatMatrix

_REMEMBERED = 2048  # vectors kept, 3 MB at 384 dimensions

_SPECIAL = re.compile(r"<(?=(?:/?s|pad|unk|mask)>)")

_TOO_LONG = {
    "embed": ("Un passage est trop long pour le modèle.", "Signalez ce document : son découpage est à revoir."),
    "ask": ("La question est trop longue.", "Posez-la en une ou deux phrases."),
}


class Model(Protocol):
    """A loaded tokenizer and network, used by several threads of one process."""

    def count(self, text: str) -> int:
        """Tokens of `text`, special ones included, nothing cut."""

    def vectors(self, texts: Sequence[str]) -> FloatMatrix:
        """Unit rows; no text is over the window, none comes twice, and the longest come first."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a model without loading it."""

    fingerprint: str
    dimensions: int
    scale: float
    window: int
    query_prefix: str
    passage_prefix: str


def well_formed(text: str) -> str:
    """`text` as tokenizers can take it: surrogate pairs joined, lone surrogates as U+FFFD, "<s>" and its like as text.

    Without the last rule a document that spells a model's special token would put that token in the sequence.
    """
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _SPECIAL.sub("< ", joined)


@dataclass(slots=True)
class _InProcess:
    """What belongs to one process: after a fork the child starts an empty one."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    model: Model | None = None
    remembered: OrderedDict[str, FloatMatrix] = field(default_factory=OrderedDict)


class TextEmbedder:
    """The port over a `Model` that `load` makes on first use in each process (threads do not survive a fork)."""

    def __init__(self, traits: Traits, load: Callable[[], Model]) -> None:
        self._traits = traits
        self._load = load
        self._processes: dict[int, _InProcess] = {}

    @property
    def fingerprint(self) -> str:
        return self._traits.fingerprint

    @property
    def dimensions(self) -> int:
        return self._traits.dimensions

    @property
    def scale(self) -> float:
        return self._traits.scale

    @property
    def window(self) -> int:
        return self._traits.window

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as a passage, prefix and special tokens included."""
        return self._model().count(self._traits.passage_prefix + well_formed(text))

    def embed_passages(self, texts: Sequence[str]) -> FloatMatrix:
        """(len(texts), dimensions) unit rows; Refusal "over-window" (stage "embed") when a text does not fit."""
        return self._embed([self._traits.passage_prefix + well_formed(text) for text in texts], "embed")

    def embed_query(self, text: str) -> FloatMatrix:
        """(dimensions,) unit vector; Refusal "over-window" (stage "ask") when the query does not fit."""
        row: FloatMatrix = self._embed([self._traits.query_prefix + well_formed(text)], "ask")[0]
        return row

    def _mine(self) -> _InProcess:
        pid = os.getpid()
        return self._processes.get(pid) or self._processes.setdefault(pid, _InProcess())

    def _model(self) -> Model:
        mine = self._mine()
        with mine.lock:
            if mine.model is None:
                mine.model = self._load()
            return mine.model

    def _embed(self, texts: Sequence[str], stage: str) -> FloatMatrix:
        found = self._recall(texts)
        sizes = {text: self._model().count(text) for text in texts if text not in found}
        if any(size > self.window for size in sizes.values()):
            raise Refusal(stage, "over-window", *_TOO_LONG[stage])
        if sizes:
            longest_first = sorted(sizes, key=lambda text: sizes[text], reverse=True)
            found.update(zip(longest_first, self._model().vectors(longest_first), strict=True))
        self._remember(found)
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        return np.stack([found[text] for text in texts]).astype(np.float32, copy=False)

    def _recall(self, texts: Sequence[str]) -> dict[str, FloatMatrix]:
        mine = self._mine()
        with mine.lock:
            return {text: mine.remembered[text] for text in texts if text in mine.remembered}

    def _remember(self, found: dict[str, FloatMatrix]) -> None:
        mine = self._mine()
        with mine.lock:
            for text, row in found.items():
                mine.remembered[text] = row
                mine.remembered.move_to_end(text)
            while len(mine.remembered) > _REMEMBERED:
                mine.remembered.popitem(last=False)
