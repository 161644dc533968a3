"""A network's nodes, to be changed in place before it is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MICROSOFT = "com.microsoft"
"""The domain of onnxruntime's own operations."""


@dataclass(slots=True)
class Graph:
    """A network that is changed by adding nodes; what its output no longer needs is left out when it is stored.

    Places that are not as expected raise ValueError: files are pinned by their digest, so that is an error of ours.
    """

    nodes: list[Any]
    constants: dict[str, Any]  # tensors of onnx: only those that change are copied, as the server keeps its memory
    added: int = 0

    def of(self, op: str) -> list[Any]:
        return [node for node in self.nodes if node.op_type == op]

    def users(self, name: str) -> list[Any]:
        return [node for node in self.nodes if name in node.input]

    def above(self, name: str, *ops: str) -> list[Any]:
        """The nodes above `name`, of kinds `ops`, along what each takes first that is no constant."""
        found = []
        for op in ops:
            found.append(only((node for node in self.of(op) if name in node.output), f"{op} above {name}"))
            name = next(taken for taken in found[-1].input if taken not in self.constants)
        return found

    def below(self, name: str, *ops: str) -> list[Any]:
        """The nodes below `name`, of kinds `ops`, each the only such one that takes what the one before gives."""
        found = []
        for op in ops:
            found.append(only((node for node in self.users(name) if node.op_type == op), f"{op} below {name}"))
            name = found[-1].output[0]
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
        return f"added.{self.added}"

    def replace(self, old: str, new: str) -> None:
        """Whoever takes `old` takes `new`, but for the node that makes `new`."""
        for node in self.nodes:
            if new not in node.output:
                node.input[:] = [new if name == old else name for name in node.input]


def opened(model: Any) -> Graph:
    """A model's nodes without Identity, which these files put around constants and sums."""
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


def stored(graph: Graph, model: Any) -> None:
    """Put into a model the nodes that its outputs need, each after what it takes."""
    from onnx import helper

    makers = {name: node for node in graph.nodes for name in node.output}
    ordered: dict[str, Any] = {}
    waiting = [value.name for value in model.graph.output]
    while waiting:
        node = makers[waiting[-1]]
        needed = [name for name in node.input if name in makers and name not in ordered]
        if not needed:
            ordered[waiting.pop()] = node
        waiting += needed
    nodes = list({id(node): node for node in ordered.values()}.values())
    used = {name for node in nodes for name in node.input}
    for tensor in list(model.graph.initializer):
        if graph.constants.pop(tensor.name).name not in used:
            model.graph.initializer.remove(tensor)
    model.graph.initializer.extend(tensor for name, tensor in graph.constants.items() if name in used)
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    if any(node.domain == MICROSOFT for node in nodes):
        model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))


def settings(node: Any) -> dict[str, Any]:
    """A node's attributes by name."""
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def only(values: Iterable[Any], what: str) -> Any:
    """The one value; ValueError when there is none or there are several."""
    found = list(values)
    if len(found) != 1:
        raise ValueError(f"{len(found)} instead of one {what}")
    return found[0]
