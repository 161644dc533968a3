"""The two networks of PP-OCRv6 small, read out of the rapidocr wheel and made lighter.

Baidu's PaddleOCR team trained them (Apache-2.0, as the wheel's MODEL_LICENSES.md says). Only the weights are used: the
package's code would bring OpenCV, Shapely and six more, and is never imported.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from access.refusal import Refusal
from ocr.ppocr.graph import opened, stored
from ocr.ppocr.lighter import lightened
from ocr.ppocr.quantised import quantised
from ocr.ppocr.running import Network

NAME = "ppocr v6-small"
"""Kept with each region that it reads."""

_DISTRIBUTION, _FOLDER = "rapidocr", "rapidocr/models"
_FINDER = "PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"
_SPELLER = "PP-OCRv6_rec_small.onnx", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"
_LAST_LETTER = 0x180  # Latin-1 and Latin Extended-A: every language of the European Union written in Latin letters
_SIGNS = frozenset("€£°µμ²³½¼¾±×÷·•§©®™†‡…‰≥≤≠≈−→←↑↓√∞☐☑☒□■✓✗αβγδΔλσΩ«»“”‘’„–—℃")
"""Beside letters of Latin scripts, digits and ASCII. The network knows 18,708 characters, most of them Chinese, which
a smudge may resemble; with these 300 a line takes a third less time too."""


@dataclass(frozen=True, slots=True)
class Networks:
    """`finder` maps a picture (1, 1, height, width) to the chance that each point is inside a line of text.

    `speller` maps lines (n, 1, 48, width) to chances by step and character; `characters` names its columns, the first
    of which is no character.
    """

    finder: Network
    speller: Network
    characters: tuple[str, ...]


def check() -> None:
    """That both files are there and are the right ones (20 ms). Raises as `networks`."""
    for name, digest in (_FINDER, _SPELLER):
        _file(name, digest)


@lru_cache(maxsize=1)
def networks() -> Networks:
    """Both, loaded once (0.5 s). Raises Refusal (stage "read"), code "ocr-weights-missing"."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is loaded
    import onnx  # at the first need only: whoever reads no picture pays for none

    finder, speller = (onnx.load_model_from_string(_file(*named)) for named in (_FINDER, _SPELLER))
    characters = _narrowed(speller)
    for model, rewritten in ((finder, lightened), (speller, quantised)):
        _grey(model)
        graph = opened(model)
        rewritten(graph)
        stored(graph, model)
    return Networks(Network(finder), Network(speller), characters)


def _grey(model: Any) -> None:
    """Let a picture have one channel: the three of a grey one are alike, so what weighs them is summed."""
    from onnx import numpy_helper

    (given,) = model.graph.input
    (first,) = (node for node in model.graph.node if given.name in node.input)
    (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == first.input[1])
    summed = numpy_helper.to_array(tensor).sum(axis=1, keepdims=True)
    tensor.CopyFrom(numpy_helper.from_array(summed, tensor.name))
    given.type.tensor_type.shape.dim[1].dim_value = 1
    del model.graph.value_info[:]


def _narrowed(model: Any) -> tuple[str, ...]:
    """Keep the columns of the last layer that stand for characters of `wanted`; their names, in order."""
    from onnx import numpy_helper

    (listed,) = (entry.value for entry in model.metadata_props if entry.key == "character")
    names = ("", *listed.split("\n"), " ")
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    wide = [tensor for tensor in weights.values() if len(names) in tensor.dims]
    kept = [0] + [at for at, name in enumerate(names) if at and wanted(name)]
    for tensor in wide:
        values = numpy_helper.to_array(tensor)
        narrow = np.ascontiguousarray(np.take(values, kept, axis=values.shape.index(len(names))))
        tensor.CopyFrom(numpy_helper.from_array(narrow, tensor.name))
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.shape.dim[-1].dim_value = len(kept)
    return tuple(names[at].replace("μ", "µ") for at in kept)  # Greek mu: the micro sign is what keyboards write


def wanted(name: str) -> bool:
    """Whether a character may stand in a document in a Latin script."""
    if len(name) != 1:
        return False
    if name.isascii() or name in _SIGNS:
        return True
    return ord(name) < _LAST_LETTER and name.isalpha()


def _file(name: str, digest: str) -> bytes:
    try:
        path = Path(str(importlib.metadata.distribution(_DISTRIBUTION).locate_file(f"{_FOLDER}/{name}")))
        data = path.read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        raise _missing() from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise _missing()
    return data


def _missing() -> Refusal:
    return Refusal(
        "read",
        "ocr-weights-missing",
        "Les poids de PP-OCRv6, qui lisent les pages numérisées difficiles, manquent ou ont changé.",
        "Réinstaller le paquet Python rapidocr 3.10.0 (make setup), ou choisir ANAMNESE_OCR=tesseract.",
    )
