"""The finding network's graph, rewritten so that the same numbers cost less (docs/decisions/099).

Each step is an identity of algebra: chances differ by 3e-6, the rounding of sums in another order. Places are found by
what is computed and by whom it is used.

onnxruntime keeps pictures in blocks of channels (NCHWc) as long as each operation knows that layout; around one that
does not, as a product with one number a channel, a picture is copied into rows and back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ocr.ppocr.graph import Graph, only, settings

Weights = NDArray[np.float32]
PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))  # row and column of a point in its square of two by two
EXCITED = 8  # places


def lightened(graph: Graph) -> None:
    """Rewrite the finding network, whose last node gives its output."""
    output = graph.nodes[-1].output[0]
    stem(graph)
    _excited(graph)
    _tail(graph, output)


def stem(graph: Graph) -> None:
    """W * [a, b] = W_a * a + W_b * b: a convolution without the concatenation, the largest picture of all."""
    joined = graph.of("Concat")[0]
    conv = only(graph.users(joined.output[0]), "user of the stem")
    biased = only(graph.users(conv.output[0]), "bias of the stem")
    first, second = np.split(graph.constant(conv), len(joined.input), axis=1)
    bias = graph.constant(biased).reshape(-1)
    one = graph.add("Conv", joined.input[0], first, bias, **settings(conv))
    other = graph.add("Conv", joined.input[1], second, **settings(conv))
    graph.replace(biased.output[0], graph.add("Add", one, other))


def _excited(graph: Graph) -> None:
    """c + c s = c (1 + s), where the sum is of single numbers; and c = W * x, by point: ((1 + s) W) * x.

    The second where x has fewer channels than c: x is then what is copied into rows. The convolution of a mean is the
    mean of the convolution.
    """
    excited = 0
    for gate in graph.of("HardSigmoid"):
        product = only(graph.users(gate.output[0]), "user of an excitation")
        plain = only((name for name in product.input if name != gate.output[0]), "excited")
        sums = [
            node for node in graph.users(product.output[0]) if sorted(node.input) == sorted((plain, product.output[0]))
        ]
        if not sums:
            continue
        (conv,) = graph.above(plain, "Conv")
        weights, given = graph.constant(conv), settings(conv)
        more = graph.add("Add", gate.output[0], np.ones((1, 1, 1, 1), np.float32))
        if weights.shape[0] < weights.shape[1]:
            graph.replace(sums[0].output[0], graph.add("Mul", plain, more))
        else:
            pool = only((node for node in graph.users(plain) if node.op_type == "GlobalAveragePool"), "pool")
            mean = graph.add("GlobalAveragePool", conv.input[0])
            graph.replace(pool.output[0], graph.add("Conv", mean, weights, **given))
            rows = graph.add("Reshape", more, np.array([-1, 1, 1, 1]))
            weighed = graph.add("Mul", weights, rows)
            graph.replace(sums[0].output[0], graph.add("Conv", conv.input[0], weighed, **given))
        excited += 1
    if excited != EXCITED:
        raise ValueError(f"{excited} excitations in the neck")


def _tail(graph: Graph, output: str) -> None:
    """From four pictures to chances, for each point of a square of two by two alone, at half the size."""
    sigmoid, *second, _, bias, first, _, biased, conv, joined = graph.above(
        output, "Sigmoid", "Add", "ConvTranspose", "Relu", "Add", "ConvTranspose", "Relu", "Add", "Conv", "Concat"
    )
    *smaller, whole = joined.input
    halved = graph.add("Concat", *(_halved(graph, name) for name in smaller), axis=1)
    weights, offset = graph.constant(conv), graph.constant(biased).reshape(-1)
    coarse, fine = np.split(weights, [-(weights.shape[1] // len(joined.input))], axis=1)
    seen = []
    for row, column in PHASES:
        around = [1 - row, 1 - column, row, column]
        summed = folded(folded(coarse, 2, row), 3, column)
        one = graph.add("Conv", halved, summed, kernel_shape=[2, 2], pads=around)
        strided = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": around}
        other = graph.add("Conv", whole, fine, offset, **strided)
        seen.append(graph.add("Relu", graph.add("Add", one, other)))
    wide, narrow = spread(graph.constant(first), graph.constant(second[1]))
    wide_bias = np.tile(graph.constant(bias).reshape(-1), 4)
    narrow_bias = np.full(16, graph.constant(second[0]).item(), np.float32)
    points = []
    for name in seen:
        features = graph.add("Relu", graph.add("Conv", name, wide, wide_bias, kernel_shape=[1, 1]))
        points.append(graph.add("Sigmoid", graph.add("Conv", features, narrow, narrow_bias, kernel_shape=[1, 1])))
    _interleaved(graph, points, output)
    graph.nodes.remove(sigmoid)


def _halved(graph: Graph, name: str) -> str:
    """Of a picture enlarged by repeating each point, the one that is half as large."""
    (resize,) = graph.above(name, "Resize")
    given = settings(resize)
    scale = graph.constant(resize, 2)
    if given["mode"] != b"nearest" or scale[2] != scale[3] or scale[2] % 2:
        raise ValueError(f"{name} is not enlarged by an even number")
    if scale[2] == 2:
        return str(resize.input[0])
    return graph.add("Resize", resize.input[0], resize.input[1], scale / np.array([1, 1, 2, 2], np.float32), **given)


def folded(weights: Weights, axis: int, phase: int) -> Weights:
    """Of three weights along an axis, the two that see pairs of equal points, from the first or second of a pair.

    About point 2i stand points i - 1, i, i of the half as large picture; about 2i + 1 stand i, i, i + 1. Beyond an edge
    is zero in both.
    """
    a, b, c = np.split(weights, 3, axis=axis)
    return np.concatenate((a + b, c) if phase else (a, b + c), axis=axis)


def spread(first: Weights, second: Weights) -> tuple[Weights, Weights]:
    """Two transposed convolutions of 2 x 2 points each two apart, (in, out, 2, 2), the last to one channel, by point.

    No two of such points overlap: what they give is a matrix of channels by (row, column, channel), and from these to
    the 16 points of a square, as (row of the first, of the second, column of the first, of the second).
    """
    inner, between = first.shape[:2]
    if first.shape[2:] != (2, 2) or second.shape != (between, 1, 2, 2):
        raise ValueError("other transposed convolutions")
    narrow = np.zeros((2, 2, 2, 2, 2, 2, between), np.float32)
    for row, column in PHASES:
        narrow[row, :, column, :, row, column] = second[:, 0].transpose(1, 2, 0)
    wide = first.transpose(2, 3, 1, 0).reshape(4 * between, inner, 1, 1)
    return wide, narrow.reshape(16, 4 * between, 1, 1)


def _interleaved(graph: Graph, points: list[str], output: str) -> None:
    """From squares of 8 x 8 points as channels (row, column: first bits, then the two last of each) to a picture."""
    last = graph.add("Transpose", graph.add("Concat", *points, axis=1), perm=[0, 2, 3, 1])
    split = graph.add("Reshape", last, np.array([0, 0, 0, 2, 2, 4, 4]))
    moved = graph.add("Transpose", split, perm=[0, 1, 3, 5, 2, 4, 6])
    rows = graph.add("Reshape", moved, np.array([0, 0, 8, -1]))
    graph.add("Reshape", rows, np.array([1, 1, -1, 0]))
    graph.nodes[-1].output[0] = output
