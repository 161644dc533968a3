"""Products of bytes give what products of floats give, on every processor, for dark lines and for faint ones."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ocr.ppocr import weights
from ocr.ppocr.find import lines_on
from ocr.ppocr.graph import MICROSOFT, Graph, opened, stored
from ocr.ppocr.quantised import as_bytes, quantised
from ocr.ppocr.running import Network
from ocr.ppocr.spell import spelt
from tests.ocr.pictures import letter

LINE = "Allergie à la pénicilline : oedème ; plaquettes 148 G/L (150 à 400), 12,5 µg/L"
BLOCKS = 13  # of two convolutions with GELU between, in the network that spells
LEAST_OF_16_BITS, MOST_OF_16_BITS = -(2**15), 2**15 - 1


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 7), st.integers(1, 4)),
        elements=st.floats(-2, 2, width=32, allow_subnormal=False),
    )
)
def test_weights_are_kept_and_no_pair_overflows(given: NDArray[np.float32]) -> None:
    """Half a step off at most, and 16 bits hold the products of any pair of inputs, whatever their bytes are."""
    whole, scale = as_bytes(given)
    assert np.all(np.abs(whole * scale - given) <= 0.5001 * scale)
    assert np.all(scale <= np.maximum(2 * np.abs(given).max(axis=0) / 126, 1))  # and no coarser than twice the finest
    for half in (np.maximum(whole, 0), np.minimum(whole, 0)):
        pairs = 255 * np.add.reduceat(half.astype(np.int64), np.arange(0, len(half), 2), axis=0)
        assert pairs.min() >= LEAST_OF_16_BITS
        assert pairs.max() <= MOST_OF_16_BITS


def test_the_processor_cuts_off_no_product() -> None:
    """The worst there is: all inputs at their greatest, all weights alike. Without room for pairs AVX2 gives half."""
    graph = Graph([], {})
    weights_, inputs = np.full((64, 8), 0.7, np.float32), np.ones((1, 5, 64), np.float32)
    whole, scale = as_bytes(weights_)
    shape = scale.shape
    graph.add(
        "DynamicQuantizeMatMul", "x", whole, scale, np.zeros(shape, np.int8), np.zeros(shape, "f"), domain=MICROSOFT
    )
    assert np.allclose(_run(_model(graph), inputs), inputs @ weights_, rtol=0.01)


@pytest.fixture(scope="module")
def floats() -> Network:
    """The network that spells as it came, but for the characters that are left out and the colours."""
    model = onnx.load_model_from_string(weights._file(*weights._SPELLER))
    weights._narrowed(model)
    weights._grey(model)
    return Network(model)


@pytest.mark.parametrize("ink", [0, 150, 200], ids=["dark", "grey", "faint"])
def test_lines_are_spelt_as_by_floats(floats: Network, ink: int) -> None:
    nets = weights.networks()
    page = letter(200, LINE, 9).image.point(lambda tone: ink + tone * (255 - ink) // 255)
    lines = lines_on(page, 25, nets.finder)
    by_floats, by_bytes = (
        [word for line in spelt(page, lines, net, nets.characters, time.monotonic() + 60) for word in line]
        for net in (floats, nets.speller)
    )
    assert " ".join(word.text for word in by_bytes) == " ".join(word.text for word in by_floats)
    assert [word.chance for word in by_bytes] == pytest.approx([word.chance for word in by_floats], abs=0.02)
    if ink == 0:
        assert "".join(word.text for word in by_bytes) == LINE.replace(" ", "")


def test_every_block_is_rewritten_and_no_other_step() -> None:
    model = onnx.load_model_from_string(weights._file(*weights._SPELLER))
    graph = opened(model)
    before = [node.op_type for node in graph.nodes]
    quantised(graph)
    stored(graph, model)
    after = [node.op_type for node in model.graph.node]
    assert after.count("DynamicQuantizeMatMul") == 2 * BLOCKS
    assert after.count("Conv") == before.count("Conv") - 2 * BLOCKS + 1  # that of the stem is two
    assert "Erf" not in after
    onnx.checker.check_model(model)


def _model(graph: Graph) -> Any:
    """One that gives what the graph's last step gives, of "x"."""
    from onnx import TensorProto, helper

    output = str(graph.nodes[-1].output[0])
    values = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", output))
    taken, gives = ([value] for value in values)
    model = helper.make_model(helper.make_graph([], "test", taken, gives), opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    stored(graph, model)
    return model


def _run(model: Any, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": inputs})
    return np.asarray(found)
