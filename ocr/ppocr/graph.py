"""A network's steps, to be changed in place before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass(slots=True)
class Graph:
    """Steps (ONNX nodes) and constants by name. New steps are added at the end; what nothing uses is not stored."""

    nodes: list[Any]
    constants: dict[str, NDArray[Any]]
    made: int = field(default=0)

    def maker(self, name: str, op: str) -> Any:
        """The step of kind `op` that gives `name`. Raises ValueError where there is none."""
        for node in self.nodes:
            if name in node.output and node.op_type == op:
                return node
        raise ValueError(f"{name} is not made by {op}")

    def up(self, name: str, *ops: str) -> list[Any]:
        """The steps above `name`, of kinds `ops`, along what each takes first that is no constant."""
        found = []
        for op in ops:
            found.append(self.maker(name, op))
            name = self.taken(found[-1])
        return found

    def down(self, name: str, *ops: str) -> list[Any]:
        """The steps below `name`, of kinds `ops`, each the only one that takes what the one before gives."""
        found = []
        for op in ops:
            (node,) = (node for node in self.users(name) if node.op_type == op)
            found.append(node)
            name = str(node.output[0])
        return found

    def taken(self, node: Any) -> str:
        return next(str(name) for name in node.input if name not in self.constants)

    def constant(self, node: Any) -> NDArray[Any]:
        """The only constant that a step takes."""
        (value,) = (self.constants[name] for name in node.input if name in self.constants)
        return value

    def add(self, op: str, *taken: str | NDArray[Any], **attributes: Any) -> str:
        """A new step; the name of what it gives."""
        from onnx import helper

        inputs = [name if isinstance(name, str) else self._kept(name) for name in taken]
        self.made += 1
        self.nodes.append(helper.make_node(op, inputs, [f"made_{self.made}"], **attributes))
        return str(self.nodes[-1].output[0])

    def _kept(self, value: NDArray[Any]) -> str:
        self.made += 1
        name = f"made_{self.made}"
        self.constants[name] = value
        return name

    def replace(self, old: str, new: str) -> None:
        """Whoever takes `old` takes `new`, but for what makes `new`."""
        for node in self.nodes:
            if new not in node.output:
                node.input[:] = [new if name == old else name for name in node.input]

    def users(self, name: str) -> list[Any]:
        return [node for node in self.nodes if name in node.input]


def opened(model: Any) -> Graph:
    """A model's steps without Identity, which these files put around constants and sums."""
    from onnx import numpy_helper

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    known: dict[str, str] = {}
    nodes = []
    for node in model.graph.node:
        node.input[:] = [known.get(name, name) for name in node.input]
        if node.op_type == "Identity":
            known[node.output[0]] = node.input[0]
        else:
            nodes.append(node)
    return Graph(nodes, constants)


def stored(graph: Graph, model: Any) -> None:
    """Put back into a model the steps that its outputs need, each after what it takes."""
    from onnx import helper, numpy_helper

    makers = {name: node for node in graph.nodes for name in node.output}
    ordered: dict[str, Any] = {}
    waiting = [str(value.name) for value in model.graph.output]
    while waiting:
        name = waiting[-1]
        needed = [before for before in makers[name].input if before in makers and before not in ordered]
        if needed:
            waiting += needed
        else:
            ordered[name] = makers[name]
            waiting.pop()
    nodes = list({id(node): node for node in ordered.values()}.values())
    used = {name for node in nodes for name in node.input}
    tensors = [numpy_helper.from_array(value, name) for name, value in graph.constants.items() if name in used]
    del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(tensors)
    if any(node.domain == "com.microsoft" for node in nodes):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
