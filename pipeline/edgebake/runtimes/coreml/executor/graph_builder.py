"""An ONNX graph in the making.

Float16 and float32 travel as float32, every integer as int32, bool as bool.
"""

from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgebake.runtimes.coreml.executor.mil import FLOATS, UnsupportedError, ValueType

OPSET = 18
IR_VERSION = 9
CARRIERS: dict[int, Any] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.INT32: np.int32,
    TensorProto.INT64: np.int64,
    TensorProto.BOOL: np.bool_,
}


def carrier(dtype: str) -> int:
    """Return the ONNX type in which values of a dtype travel.

    Raises:
        Uncovered: none can hold them.
    """
    if dtype in FLOATS:
        return TensorProto.FLOAT
    if dtype == "bool":
        return TensorProto.BOOL
    if dtype.startswith(("int", "uint")) and dtype not in ("int64", "uint64", "uint32"):
        return TensorProto.INT32
    raise UnsupportedError(f"the dtype {dtype}")


class GraphBuilder:
    """Nodes and constants, in the order in which they were added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self._makers: dict[str, onnx.NodeProto] = {}
        self._count = 0

    def input(self, name: str, kind: ValueType) -> str:
        """Add an input of the whole graph."""
        self.inputs.append(helper.make_tensor_value_info(name, carrier(kind.dtype), kind.sizes))
        return name

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> list[str]:
        """Add a node and return the names of its outputs."""
        names = [self._fresh(kind) for _ in range(outputs)]
        self._append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def constant(self, value: NDArray[Any], carried: int) -> str:
        """Add a constant and return its name."""
        name = self._fresh("constant")
        array = np.ascontiguousarray(value, CARRIERS[carried]).reshape(value.shape)
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def name(self, tensor: str, name: str) -> None:
        """Let a tensor be read under a name of the program too."""
        self._append(helper.make_node("Identity", [tensor], [name]))

    def model(self, outputs: dict[str, int]) -> onnx.ModelProto:
        """Return the whole graph; `outputs` maps names to carriers."""
        infos = [
            helper.make_tensor_value_info(name, carried, None) for name, carried in outputs.items()
        ]
        return _model(self.nodes, self.inputs, infos, list(self.constants.values()))

    def evaluated(self, tensor: str) -> NDArray[Any]:
        """Return the value of a tensor that no input of the graph leads to.

        Raises:
            Uncovered: it depends on an input.
        """
        nodes, constants = self._upstream(tensor)
        if tensor in self.constants:
            return numpy_helper.to_array(self.constants[tensor])
        info = onnx.ValueInfoProto(name=tensor)
        session = onnxruntime.InferenceSession(
            _model(nodes, [], [info], constants).SerializeToString(),
            providers=["CPUExecutionProvider"],
        )
        found: NDArray[Any] = session.run([tensor], {})[0]
        return found

    def shape_of(
        self, tensor: str, known: dict[str, ValueType], start: int
    ) -> tuple[int | None, ...] | None:
        """Return the shape that the nodes from number `start` on give a tensor, as far as ONNX can infer it."""
        nodes = self.nodes[start:]
        made = {name for node in nodes for name in node.output}
        read = {name for node in nodes for name in node.input} - made
        inputs = [
            helper.make_tensor_value_info(name, carrier(known[name].dtype), known[name].shape)
            for name in sorted(read)
            if name in known
        ]
        constants = [self.constants[name] for name in sorted(read) if name in self.constants]
        model = _model(nodes, inputs, [onnx.ValueInfoProto(name=tensor)], constants)
        found = (
            onnx.shape_inference.infer_shapes(model, data_prop=True)
            .graph.output[0]
            .type.tensor_type
        )
        if not found.HasField("shape"):
            return None
        return tuple(
            one.dim_value if one.HasField("dim_value") else None for one in found.shape.dim
        )

    def _fresh(self, kind: str) -> str:
        self._count += 1
        return f"{kind}#{self._count}"

    def _append(self, node: onnx.NodeProto) -> None:
        self.nodes.append(node)
        self._makers |= dict.fromkeys(node.output, node)

    def _upstream(self, tensor: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
        needed, waiting, constants = set(), [tensor], {}
        while waiting:
            name = waiting.pop()
            if name in self.constants:
                constants[name] = self.constants[name]
            elif name not in self._makers:
                raise UnsupportedError("a parameter that is not constant")
            elif name not in needed:
                needed.add(name)
                waiting.extend(self._makers[name].input)
        return [node for node in self.nodes if needed & set(node.output)], list(constants.values())


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: list[onnx.TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "main", inputs, outputs, constants)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
