"""The finding network as rewritten says what the file's says, point by point, and gives its memory back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from PIL import Image, ImageDraw, ImageFont

from ocr.ppocr import weights
from ocr.ppocr.find import MOST_POINTS, STEP, lines_on
from ocr.ppocr.graph import opened
from ocr.ppocr.lighter import PHASES, folded, lightened, spread
from ocr.ppocr.running import Network

Array = NDArray[np.float32]


def as_given() -> Any:
    """The network of the file, for one channel."""
    model = onnx.load_model_from_string(weights._file(*weights._FINDER))
    weights._grey(model)
    return model


@pytest.fixture(scope="module")
def plain() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(as_given().SerializeToString(), options, providers=["CPUExecutionProvider"])


def page(rows: int, columns: int) -> Array:
    """Lines of letters from edge to edge, grain under them."""
    picture = Image.new("L", (columns, rows), 235)
    draw = ImageDraw.Draw(picture)
    for top in range(-4, rows, 26):
        draw.text((-3, top), "Allergie : pénicilline, 0,45 mg/L  " * 40, fill=30, font=ImageFont.load_default(16))
    grain = np.random.default_rng(rows * columns).normal(0, 6, (rows, columns))
    values = (np.asarray(picture) + grain) / 127.5 - 1
    return values[None, None].astype(np.float32)


@pytest.mark.parametrize(
    "size", [(32, 32), (32, 1024), (1024, 32), (64, 256), (96, 352), (320, 480), (672, 1056)], ids=str
)
def test_it_says_what_the_network_of_the_file_says(plain: Any, size: tuple[int, int]) -> None:
    seen = page(*size)
    (expected,) = plain.run(None, {"x": seen})
    found = weights.networks().finder.chances(seen)
    assert expected.shape == found.shape == (1, 1, *size)
    assert np.abs(found - expected).max() < 2e-5  # 3e-6 here; another processor may round otherwise
    if min(size) > STEP:
        assert expected.max() > 0.9
        assert expected.min() < 0.1


def test_what_is_blank_or_black_is_said_alike(plain: Any) -> None:
    for tone in (-1.0, 1.0):
        seen = np.full((1, 1, 128, 160), tone, np.float32)
        (expected,) = plain.run(None, {"x": seen})
        assert np.abs(weights.networks().finder.chances(seen) - expected).max() < 2e-5


def test_a_convolution_over_a_picture_enlarged_twice_is_four_of_the_picture_itself() -> None:
    drawn = np.random.default_rng(1)
    small, kernel = drawn.normal(size=(1, 3, 3, 5)).astype("f"), drawn.normal(size=(2, 3, 3, 3)).astype("f")
    large = run([helper.make_node("Conv", ["x", "w"], ["y"], pads=[1] * 4)], small.repeat(2, 2).repeat(2, 3), w=kernel)
    for row, column in PHASES:
        summed = folded(folded(kernel, 2, row), 3, column)
        assert summed.shape == (2, 3, 2, 2)
        step = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1 - row, 1 - column, row, column])
        assert np.allclose(run([step], small, w=summed), large[:, :, row::2, column::2], atol=1e-5)


def test_two_transposed_convolutions_are_two_products_at_each_point() -> None:
    drawn = np.random.default_rng(2)
    given = drawn.normal(size=(1, 5, 3, 4)).astype("f")
    first, second = drawn.normal(size=(5, 6, 2, 2)).astype("f"), drawn.normal(size=(6, 1, 2, 2)).astype("f")
    steps = [
        helper.make_node("ConvTranspose", ["x", "a"], ["s"], strides=[2, 2]),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("ConvTranspose", ["r", "b"], ["y"], strides=[2, 2]),
    ]
    expected = run(steps, given, a=first, b=second)
    wide, narrow = spread(first, second)
    between = np.maximum(np.einsum("oc,nchw->nohw", wide[:, :, 0, 0], given), 0)
    points = np.einsum("oc,nchw->nohw", narrow[:, :, 0, 0], between)
    square = points.reshape(4, 4, 3, 4).transpose(2, 0, 3, 1).reshape(1, 1, 12, 16)
    assert np.allclose(square, expected, atol=1e-5)


def run(steps: list[Any], given: Array, **constants: Array) -> Array:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        steps,
        "small",
        [value("x", TensorProto.FLOAT, given.shape)],
        [value("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)])
    return np.asarray(ReferenceEvaluator(model).run(None, {"x": given})[0])


@pytest.mark.parametrize(
    ("kind", "other"), [("HardSigmoid", "Sigmoid"), ("ConvTranspose", "Conv"), ("Concat", "Sum"), ("Sigmoid", "Relu")]
)
def test_another_network_is_not_rewritten(kind: str, other: str) -> None:
    model = as_given()
    next(node for node in reversed(model.graph.node) if node.op_type == kind).op_type = other
    with pytest.raises(ValueError, match=r" instead of one | excitations"):
        lightened(opened(model))


MEASURED = """
import sys
import numpy as np
from ocr.ppocr import weights
def kept(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name)) / 1e3
chances = weights.networks().finder.chances
chances(np.zeros((1, 1, 64, 64), np.float32))
before, data = kept("VmRSS"), kept("VmData")
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")
sizes = [(992, 992), (320, 992), (64, 64), (992, 544), (1184, 832), (32, 480)]
for rows, columns in sizes:
    chances(np.zeros((1, 1, rows, columns), np.float32), last=(rows, columns) == sizes[-1])
print(kept("VmHWM") - before, kept("VmRSS") - before, kept("VmData") - data)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is told by Linux")
def test_what_a_page_took_is_given_back() -> None:
    """As the sandbox runs it. In megabytes: most at once, resident and asked for at the end."""
    large = str(16 << 20)
    told = subprocess.run(
        [sys.executable, "-c", MEASURED],
        env={"MALLOC_MMAP_THRESHOLD_": large, "MALLOC_TRIM_THRESHOLD_": large, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    most, resident, asked = map(float, told.stdout.split())
    assert most < 160 * MOST_POINTS / 1e6
    assert resident < 40
    assert asked < 40


def test_it_is_given_back_after_the_last_part_of_a_page() -> None:
    asked = []

    class Noting(Network):
        def chances(self, picture: Array, *, last: bool = True) -> Array:
            asked.append(last)
            return np.zeros_like(picture)

    tones = np.full((1536, 1024), 255, np.uint8)
    tones[100:600, 100:900:4] = tones[900:1400, 100:900:4] = 0
    lines_on(Image.fromarray(tones), 16.0, Noting(as_given()))
    assert asked == [False, True]
