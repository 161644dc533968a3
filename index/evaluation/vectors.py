"""Int8 vectors of a collection's passages, kept on disk so that modes and engines embed once.

A file holds a chunk of passages and is named by the embedder's fingerprint and the chunk's texts: an interrupted run
loses one chunk at most, and a changed text or model is never served an old vector.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.embedders.port import Embedder, quantise

CHUNK = 256  # passages: about 20 s of embedding on 2 cores
Vectors = npt.NDArray[np.int8]


@dataclass(slots=True)
class Embedded:
    """(passages, dimensions) int8, and how many of them had to be computed now."""

    vectors: Vectors
    computed: int


def embed_all(
    texts: Sequence[str], embedder: Embedder, folder: Path | None, progress: Callable[[str], None]
) -> Embedded:
    """Vectors of `texts`, from `folder` where they are already; without a folder, all computed."""
    if not embedder.dimensions:
        return Embedded(np.zeros((len(texts), 0), np.int8), 0)
    parts = [np.zeros((0, embedder.dimensions), np.int8)]
    computed = 0
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        path = None if folder is None else folder / f"{_name(chunk, embedder)}.npy"
        known = _read(path, (len(chunk), embedder.dimensions))
        if known is None:
            known = quantise(embedder.embed_passages(chunk), embedder.scale)
            computed += len(chunk)
            _write(path, known)
            progress(f"{start + len(chunk)}/{len(texts)} passages")
        parts.append(known)
    return Embedded(np.concatenate(parts), computed)


def _name(texts: Sequence[str], embedder: Embedder) -> str:
    digest = hashlib.sha256(embedder.fingerprint.encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return digest.hexdigest()[:32]


def _read(path: Path | None, shape: tuple[int, int]) -> Vectors | None:
    if path is None or not path.is_file():
        return None
    try:
        stored: Vectors = np.load(path)
    except (ValueError, OSError, EOFError):
        return None
    return stored if stored.shape == shape and stored.dtype == np.int8 else None


def _write(path: Path | None, vectors: Vectors) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(aside, "wb") as file:
        np.save(file, vectors)
    aside.replace(path)
