"""Build an ONNX graph node by node.

Values of float16 and float32 are float32 in the graph, integers are int32, bools are bool.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from edgebake.runtimes.coreml.executor.mil import FLOATS, Array, UnsupportedError, ValueType

OPSET = 18
IR_VERSION = 9
# ONNX's element types of tensors. Inputs and outputs are FLOAT, INT32 or BOOL.
FLOAT = TensorProto.FLOAT
DOUBLE = TensorProto.DOUBLE
INT32 = TensorProto.INT32
INT64 = TensorProto.INT64
BOOL = TensorProto.BOOL
# Element type -> NumPy dtype of its constants.
CONSTANT_DTYPES: dict[int, type] = {
    FLOAT: np.float32,
    INT32: np.int32,
    INT64: np.int64,
    BOOL: np.bool_,
}
Attribute: TypeAlias = "str | float | Sequence[int] | Sequence[float] | Sequence[str]"


def onnx_type_of(dtype: str) -> int:
    """Return the ONNX element type that holds values of a MIL dtype.

    Raises:
        UnsupportedError: no type of the graph holds every value of the dtype.
    """
    if dtype in FLOATS:
        return FLOAT
    if dtype == "bool":
        return BOOL
    is_integer = dtype.startswith(("int", "uint"))
    if is_integer and dtype not in ("int64", "uint64", "uint32"):
        return INT32
    raise UnsupportedError(f"the dtype {dtype}")


class GraphBuilder:
    """Nodes, inputs and constants of the graph, in the order in which they were added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self._producers: dict[str, onnx.NodeProto] = {}
        self._name_count = 0

    def add_input(self, name: str, value_type: ValueType) -> str:
        """Add an input of the graph."""
        onnx_type = onnx_type_of(value_type.dtype)
        shape = value_type.static_shape
        info = helper.make_tensor_value_info(name, onnx_type, shape)
        self.inputs.append(info)
        return name

    def add_node(
        self, kind: str, *inputs: str, outputs: int = 1, **attributes: Attribute
    ) -> list[str]:
        """Add a node and return the names of its outputs."""
        names = [self._new_name(kind) for _ in range(outputs)]
        node = helper.make_node(kind, inputs, names)
        for name, value in sorted(attributes.items()):
            attribute = helper.make_attribute(name, value)
            node.attribute.append(attribute)
        self._append(node)
        return names

    def add_constant(self, value: Array, onnx_type: int) -> str:
        """Add a constant of the shape of `value` and return its name."""
        name = self._new_name("constant")
        dtype = CONSTANT_DTYPES[onnx_type]
        array: Array = np.ascontiguousarray(value, dtype)
        array = array.reshape(value.shape)  # NumPy has made a scalar an array of one axis
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def add_alias(self, tensor: str, name: str) -> None:
        """Make a tensor readable under a second name."""
        node = helper.make_node("Identity", [tensor], [name])
        self._append(node)

    def build_model(self, outputs: dict[str, int]) -> onnx.ModelProto:
        """Return the whole graph as a model; `outputs` maps names to ONNX element types."""
        infos = []
        for name, onnx_type in outputs.items():
            info = helper.make_tensor_value_info(name, onnx_type, None)
            infos.append(info)
        constants = list(self.constants.values())
        return _model(self.nodes, self.inputs, infos, constants)

    def evaluate(self, tensor: str) -> Array:
        """Compute the value of a tensor that depends on no input, in the tensor's shape.

        Raises:
            UnsupportedError: the tensor depends on an input.
        """
        nodes, constants = self._dependencies(tensor)
        if tensor in self.constants:
            return numpy_helper.to_array(self.constants[tensor])
        output = onnx.ValueInfoProto(name=tensor)
        model = _model(nodes, [], [output], constants)
        serialized = model.SerializeToString()
        providers = ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(serialized, providers=providers)
        results: list[Array] = session.run([tensor], {})
        return results[0]

    def infer_shape(
        self, tensor: str, known_types: dict[str, ValueType], first_node: int
    ) -> tuple[int | None, ...] | None:
        """Infer a tensor's shape from the nodes that were added from index `first_node` on.

        `known_types` are those of the tensors that the nodes may read. A size that ONNX cannot
        infer is None, and so is the shape if not even its rank is known.
        """
        nodes = self.nodes[first_node:]
        produced: set[str] = set()
        consumed: set[str] = set()
        for node in nodes:
            produced.update(node.output)
            consumed.update(node.input)
        inputs = []
        constants = []
        for name in sorted(consumed - produced):
            if name in known_types:
                inputs.append(_value_info(name, known_types[name]))
            if name in self.constants:
                constants.append(self.constants[name])
        output = onnx.ValueInfoProto(name=tensor)
        model = _model(nodes, inputs, [output], constants)
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
        inferred_output = inferred.graph.output[0]
        return _shape(inferred_output.type.tensor_type)

    def _new_name(self, kind: str) -> str:
        self._name_count += 1
        return f"{kind}#{self._name_count}"

    def _append(self, node: onnx.NodeProto) -> None:
        self.nodes.append(node)
        for name in node.output:
            self._producers[name] = node

    def _dependencies(self, tensor: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
        """Return the nodes and constants that a tensor is computed from."""
        computed: set[str] = set()
        constants: dict[str, onnx.TensorProto] = {}
        pending = [tensor]
        while pending:
            name = pending.pop()
            if name in self.constants:
                constants[name] = self.constants[name]
            elif name not in self._producers:
                raise UnsupportedError("a parameter that is not constant")
            elif name not in computed:
                producer = self._producers[name]
                computed.add(name)
                pending.extend(producer.input)
        nodes = []
        for node in self.nodes:
            if computed.intersection(node.output):
                nodes.append(node)
        return nodes, list(constants.values())


def _value_info(name: str, value_type: ValueType) -> onnx.ValueInfoProto:
    onnx_type = onnx_type_of(value_type.dtype)
    return helper.make_tensor_value_info(name, onnx_type, value_type.shape)


def _shape(tensor_type: onnx.TypeProto.Tensor) -> tuple[int | None, ...] | None:
    if not tensor_type.HasField("shape"):
        return None
    shape: list[int | None] = []
    for dimension in tensor_type.shape.dim:
        size = None
        if dimension.HasField("dim_value"):
            size = dimension.dim_value
        shape.append(size)
    return tuple(shape)


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: list[onnx.TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes, name="main", inputs=inputs, outputs=outputs, initializer=constants
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
