"""Build nodes of a TensorFlow graph that take the place of an operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.node_def_pb2 import NodeDef


class Nodes:
    """Nodes in float32 that take the place of one operation; the last computes its output."""

    def __init__(self, operation: tf.Operation) -> None:
        self._operation = operation
        self._nodes: list[NodeDef] = []

    def input(self, index: int) -> str:
        """Return the name of a tensor that the operation reads."""
        name: str = self._operation.inputs[index].name
        return name

    def number(self, value: float) -> str:
        """Add a float32 constant; return its name."""
        return self.constant(np.float32(value))

    def constant(self, array: NDArray[Any] | np.generic) -> str:
        """Add a constant of any shape; return its name."""
        import tensorflow

        tensor = tensorflow.make_tensor_proto(array)
        node = self._append("Const", [])
        node.attr["dtype"].type = tensor.dtype
        node.attr["value"].tensor.CopyFrom(tensor)
        return str(node.name)

    def add(self, operator: str, inputs: Iterable[str], copied: Iterable[str] = ()) -> str:
        """Add an operator; return the name of its output.

        Args:
            operator: of TensorFlow.
            inputs: names of the tensors that it reads.
            copied: attributes that it has from the operation.
        """
        node = self._append(operator, inputs)
        _set_types(node, T=np.float32)
        for name in copied:
            node.attr[name].CopyFrom(self._operation.node_def.attr[name])
        return str(node.name)

    def reshape(self, x: str, shape: tuple[int, ...]) -> str:
        """Add a change of shape; return the name of its output."""
        return self.add("Reshape", [x, self.constant(np.array(shape, np.int32))])

    def gather(self, x: str, indices: NDArray[np.int32], axis: int) -> str:
        """Add an operator that picks entries of an axis by indices [n]; return its output."""
        inputs = [x, self.constant(indices), self.constant(np.int32(axis))]
        node = self._append("GatherV2", inputs)
        _set_types(node, Tparams=np.float32, Tindices=np.int32, Taxis=np.int32)
        return str(node.name)

    def finish(self) -> list[NodeDef]:
        """Return all nodes, the last one under the operation's name."""
        self._nodes[-1].name = self._operation.name
        return self._nodes

    def _append(self, operator: str, inputs: Iterable[str]) -> NodeDef:
        import tensorflow

        name = f"{self._operation.name}/part_{len(self._nodes)}"
        node = tensorflow.compat.v1.NodeDef(op=operator, name=name, input=inputs)
        self._nodes.append(node)
        return node


def constant_value(tensor: tf.Tensor) -> NDArray[Any] | None:
    """Return the value of a tensor of a frozen graph; None if it depends on the image."""
    import tensorflow

    operation = tensor.op
    while operation.type == "Identity":
        operation = operation.inputs[0].op
    if operation.type == "Const":
        return np.asarray(tensorflow.make_ndarray(operation.get_attr("value")))
    if _depends_on_input(tensor):
        return None
    with tensorflow.compat.v1.Session(graph=tensor.graph) as session:
        return np.asarray(session.run(tensor))


def _depends_on_input(tensor: tf.Tensor) -> bool:
    pending = [tensor.op]
    known: set[str] = set()
    while pending:
        operation = pending.pop()
        if operation.type == "Placeholder":
            return True
        for source in operation.inputs:
            if source.op.name not in known:
                known.add(source.op.name)
                pending.append(source.op)
    return False


def _set_types(node: NodeDef, **types: type[np.generic]) -> None:
    import tensorflow

    for name, dtype in types.items():
        node.attr[name].type = tensorflow.as_dtype(dtype).as_datatype_enum
