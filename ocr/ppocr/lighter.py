"""The finding network's graph, rewritten so that the same numbers cost less, and the memory it runs in.

Each step is an identity of algebra: chances differ by 3e-6, the rounding of sums in another order. Places
are found by what is computed and by whom it is used. The file is pinned by its digest: ValueError, where a place is not
as expected, is an error of ours.

onnxruntime keeps pictures in blocks of channels (NCHWc) as long as each operation knows that layout; around one that
does not, as a product with one number a channel, a picture is copied into rows and back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]
PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))  # row and column of a point in its square of two by two
EXCITED = 8  # places


class Finder:
    """Runs the rewritten network on the parts of a page, and gives back what it took after the last.

    An arena takes memory from the system once instead of at each operation, each time with page faults: in the sandbox,
    where what is large goes back at once, a third of the time.
    """

    def __init__(self, model: Any) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # one is kept for each size of picture, and pages differ
        self._emptied = onnxruntime.RunOptions()
        self._emptied.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def chances(self, picture: NDArray[np.float32], last: bool = True) -> NDArray[np.float32]:
        """Of a picture (1, 1, height, width), the chance that each point is inside a line of text, as large."""
        (chances,) = self._session.run(None, {"x": picture}, self._emptied if last else None)
        return np.asarray(chances)


@dataclass(slots=True)
class Graph:
    """A network that is changed by adding nodes; what its output no longer needs is left out when it is stored."""

    nodes: list[Any]
    constants: dict[str, Any]  # tensors of onnx
    added: int = 0

    def of(self, op: str) -> list[Any]:
        return [node for node in self.nodes if node.op_type == op]

    def users(self, name: str) -> list[Any]:
        return [node for node in self.nodes if name in node.input]

    def above(self, name: str, *ops: str) -> list[Any]:
        """The nodes above `name`, of kinds `ops`, along what each takes first that is no constant."""
        found = []
        for op in ops:
            found.append(_only((node for node in self.of(op) if name in node.output), f"{op} above {name}"))
            name = next(taken for taken in found[-1].input if taken not in self.constants)
        return found

    def constant(self, node: Any, place: int = 1) -> NDArray[Any]:
        """What a node takes at a place, a constant."""
        from onnx import numpy_helper

        return np.asarray(numpy_helper.to_array(self.constants[node.input[place]]))

    def add(self, op: str, *given: str | NDArray[Any], **attributes: Any) -> str:
        """A new node, which takes values by name and constants as arrays; the name of what it gives."""
        from onnx import helper, numpy_helper

        taken = []
        for value in given:
            taken.append(value if isinstance(value, str) else self._name())
            if not isinstance(value, str):
                self.constants[taken[-1]] = numpy_helper.from_array(np.ascontiguousarray(value), taken[-1])
        self.nodes.append(helper.make_node(op, taken, [self._name()], **attributes))
        return str(self.nodes[-1].output[0])

    def _name(self) -> str:
        self.added += 1
        return f"lighter.{self.added}"

    def replace(self, old: str, new: str) -> None:
        """Whoever takes `old` takes `new`, but for the node that makes `new`."""
        for node in self.nodes:
            if new not in node.output:
                node.input[:] = [new if name == old else name for name in node.input]


def lightened(model: Any) -> None:
    """Rewrite the finding network. Raises ValueError where it is not the one expected."""
    graph = _opened(model)
    _stem(graph)
    _excited(graph)
    _tail(graph, model.graph.output[0].name)
    _stored(graph, model)


def _opened(model: Any) -> Graph:
    """Its nodes without Identity, which the file puts around constants and sums."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    same: dict[str, str] = {}
    nodes = []
    for node in model.graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
        if node.op_type == "Identity":
            same[node.output[0]] = node.input[0]
        else:
            nodes.append(node)
    return Graph(nodes, constants)


def _stored(graph: Graph, model: Any) -> None:
    """The nodes that the output needs, each after what it takes."""
    makers = {name: node for node in graph.nodes for name in node.output}
    ordered: dict[str, Any] = {}
    waiting = [value.name for value in model.graph.output]
    while waiting:
        node = makers[waiting[-1]]
        needed = [name for name in node.input if name in makers and name not in ordered]
        if not needed:
            ordered[waiting.pop()] = node
        waiting += needed
    used = {name for node in ordered.values() for name in node.input}
    for tensor in list(model.graph.initializer):
        if graph.constants.pop(tensor.name).name not in used:
            model.graph.initializer.remove(tensor)
    model.graph.initializer.extend(tensor for name, tensor in graph.constants.items() if name in used)
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(ordered.values())


def _stem(graph: Graph) -> None:
    """W * [a, b] = W_a * a + W_b * b: a convolution without the concatenation, the largest picture of all."""
    joined = graph.of("Concat")[0]
    conv = _only(graph.users(joined.output[0]), "user of the stem")
    biased = _only(graph.users(conv.output[0]), "bias of the stem")
    first, second = np.split(graph.constant(conv), len(joined.input), axis=1)
    bias = graph.constant(biased).reshape(-1)
    one = graph.add("Conv", joined.input[0], first, bias, **_settings(conv))
    other = graph.add("Conv", joined.input[1], second, **_settings(conv))
    graph.replace(biased.output[0], graph.add("Add", one, other))


def _excited(graph: Graph) -> None:
    """c + c s = c (1 + s), where the sum is of single numbers; and c = W * x, by point: ((1 + s) W) * x.

    The second where x has fewer channels than c: x is then what is copied into rows. The convolution of a mean is the
    mean of the convolution.
    """
    excited = 0
    for gate in graph.of("HardSigmoid"):
        product = _only(graph.users(gate.output[0]), "user of an excitation")
        plain = _only((name for name in product.input if name != gate.output[0]), "excited")
        sums = [
            node for node in graph.users(product.output[0]) if sorted(node.input) == sorted((plain, product.output[0]))
        ]
        if not sums:
            continue
        (conv,) = graph.above(plain, "Conv")
        weights, settings = graph.constant(conv), _settings(conv)
        more = graph.add("Add", gate.output[0], np.ones((1, 1, 1, 1), np.float32))
        if weights.shape[0] < weights.shape[1]:
            graph.replace(sums[0].output[0], graph.add("Mul", plain, more))
        else:
            pool = _only((node for node in graph.users(plain) if node.op_type == "GlobalAveragePool"), "pool")
            mean = graph.add("GlobalAveragePool", conv.input[0])
            graph.replace(pool.output[0], graph.add("Conv", mean, weights, **settings))
            rows = graph.add("Reshape", more, np.array([-1, 1, 1, 1]))
            weighed = graph.add("Mul", weights, rows)
            graph.replace(sums[0].output[0], graph.add("Conv", conv.input[0], weighed, **settings))
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
    settings = _settings(resize)
    scale = graph.constant(resize, 2)
    if settings["mode"] != b"nearest" or scale[2] != scale[3] or scale[2] % 2:
        raise ValueError(f"{name} is not enlarged by an even number")
    if scale[2] == 2:
        return str(resize.input[0])
    return graph.add("Resize", resize.input[0], resize.input[1], scale / np.array([1, 1, 2, 2], np.float32), **settings)


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


def _settings(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _only(values: Iterable[Any], what: str) -> Any:
    found = list(values)
    if len(found) != 1:
        raise ValueError(f"{len(found)} instead of one {what}")
    return found[0]
