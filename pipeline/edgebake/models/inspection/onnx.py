"""Inspect ONNX files by their graph and metadata. Weights in other files are not read."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import ModelError, listed
from edgebake.models.inspection import affine, label_text
from edgebake.models.inspection.affine import AffineStep
from edgebake.models.inspection.model_info import ModelInfo, TensorInfo
from edgebake.models.onnx import final_activation, functions, structure_check
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

LABEL_KEYS = ("labels", "names", "classes", "class_names")  # of the metadata
OPERATIONS = {"Div": "divide", "Mul": "multiply", "Add": "add", "Sub": "subtract"}
QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger")
STANDARD_DOMAINS = ("", "ai.onnx")
SUPPORTED_DOMAINS = (*STANDARD_DOMAINS, "ai.onnx.ml", "com.microsoft")  # of ONNX Runtime
MAX_CHANNELS = 4  # a constant of more numbers is no preprocessing
NUMBERS = (1, 6, 7, 10, 11)  # TensorProto.DataType: float, int32, int64, float16, double

Weights = dict[str, "onnx.TensorProto"]  # by name


def read(path: Path) -> ModelInfo:
    """Inspect an ONNX model.

    Raises:
        ModelError: it is no ONNX model.
        ValueError: its graph is not one; the message says why, without the name of the file.
    """
    model = _load(path)
    graph = model.graph
    structure_check.check(graph)
    functions.check(model)
    weights = {tensor.name: tensor for tensor in graph.initializer}
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    operators = [node.op_type for node in graph.node]
    operator_counts = Counter(operators)
    steps = _first_steps(graph, weights)
    is_quantized = any(operator_counts[operator] for operator in QUANTIZED)
    producer = f"{model.producer_name} {model.producer_version}".strip()
    inputs = [_tensor_info(value) for value in graph.input if value.name not in weights]
    outputs = [_tensor_info(value) for value in graph.output]
    sizes = [structure_check.size(tensor) for tensor in weights.values()]
    other_metadata = dict(metadata)
    for key in LABEL_KEYS:
        other_metadata.pop(key, None)
    return ModelInfo(
        format="onnx",
        container=f"ONNX, opset {_opset(model)}",
        producer=producer or "an unknown program",
        file_size=path.stat().st_size,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        final_activation=final_activation.of_graph(graph),
        parameters=sum(sizes),
        operator_counts=operator_counts,
        precision=_precision(is_quantized, weights),
        is_quantized=is_quantized,
        preprocessing=tuple(str(step) for step in steps),
        unsupported=_unsupported(model),
        pixel_scaling=affine.infer_pixel_scaling(steps),
        labels=_labels(metadata),
        metadata=other_metadata,
    )


def _load(path: Path) -> onnx.ModelProto:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError:
        model = onnx.ModelProto()
    if not model.graph.node or not model.graph.output:
        raise ModelError(
            f"{path}: is damaged, or no ONNX model; copy it again, or export it again: "
            "torch.onnx.export"
        )
    return model


def _opset(model: onnx.ModelProto) -> int:
    for entry in model.opset_import:
        if entry.domain in STANDARD_DOMAINS:
            return int(entry.version)
    return 0


def _unsupported(model: onnx.ModelProto) -> str | None:
    own_functions = functions.keys(model)
    custom: set[str] = set()
    for node in functions.all_nodes(model.graph.node):
        is_own = functions.called_function(node) in own_functions
        if node.domain not in SUPPORTED_DOMAINS and not is_own:
            custom.add(printable(node.op_type))
    if not custom:
        return None
    return f"it holds custom operators: {listed(custom)}"


def _tensor_info(value: onnx.ValueInfoProto) -> TensorInfo:
    import onnx

    kind = value.type.WhichOneof("value") or "none"
    if kind != "tensor_type":
        raise ValueError(
            f"{printable(value.name)!r} has the type {kind.removesuffix('_type')}; "
            "expected a tensor"
        )
    tensor = value.type.tensor_type
    if tensor.elem_type not in onnx.TensorProto.DataType.values()[1:]:
        raise ValueError(f"{printable(value.name)!r} has the unknown dtype {tensor.elem_type}")
    shape = tuple(_dimension(dimension) for dimension in tensor.shape.dim)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    return TensorInfo(value.name, shape, str(dtype.name))


def _dimension(dimension: onnx.TensorShapeProto.Dimension) -> int | None:
    """Return a fixed size; None for an open or named one."""
    if not dimension.HasField("dim_value"):
        return None
    return int(dimension.dim_value)


def _first_steps(graph: onnx.GraphProto, weights: Weights) -> list[AffineStep]:
    """Return the arithmetic on the image before the first other operator."""
    constants: Weights = {}
    for node in graph.node:
        if _is_constant(node) and node.output:
            constants[node.output[0]] = node.attribute[0].t
    constants |= weights
    image_names = [value.name for value in graph.input if value.name not in weights]
    tensor = next(iter(image_names), "")
    readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in set(node.input):
            readers[name].append(node)
    steps: list[AffineStep] = []
    while len(readers[tensor]) == 1:
        (reader,) = readers[tensor]
        step = _affine_step(reader, tensor, constants)
        if step is not None:
            steps.append(step)
        elif reader.op_type not in ("Identity", "Cast", "Transpose"):
            break
        tensor = _first(reader.output)
    return steps


def _first(names: Sequence[str]) -> str:
    return names[0] if names else ""


def _is_constant(node: onnx.NodeProto) -> bool:
    if node.op_type != "Constant" or len(node.attribute) != 1:
        return False
    return bool(node.attribute[0].name == "value")


def _affine_step(node: onnx.NodeProto, tensor: str, constants: Weights) -> AffineStep | None:
    """Return the arithmetic of a node; None if it has none, or its constants are not known."""
    operands = [name for name in node.input if name != tensor]
    if len(operands) != 1:
        return None
    constant = constants.get(operands[0])
    if constant is None:
        return None
    values = _values(constant)
    if not values or node.op_type not in OPERATIONS:
        return None
    operation = OPERATIONS[node.op_type]
    constant_first = node.input[0] != tensor
    return affine.arithmetic(operation, values, node.op_type, constant_first)


def _values(tensor: onnx.TensorProto) -> tuple[float, ...]:
    """Return a constant of one number, or of one per channel; nothing for any other."""
    import onnx

    is_external = tensor.data_location == onnx.TensorProto.EXTERNAL
    if is_external or structure_check.size(tensor) > MAX_CHANNELS:
        return ()
    if tensor.data_type not in NUMBERS:
        return ()
    try:
        array = onnx.numpy_helper.to_array(tensor)
    except ValueError:
        raise ValueError(
            f"its weight {printable(tensor.name)!r} has other bytes than its shape; expected those"
        ) from None
    return tuple(float(value) for value in array.reshape(-1))


def _precision(is_quantized: bool, weights: Weights) -> str:
    import onnx

    if is_quantized:
        return "int8, at least in part"
    data_types = {tensor.data_type for tensor in weights.values()}
    if onnx.TensorProto.FLOAT16 in data_types:
        return "float16 weights"
    return "float32"


def _labels(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the class names in the metadata: a list or a mapping, as JSON or Python literal."""
    for key in LABEL_KEYS:
        labels = label_text.parse(metadata.get(key, ""))
        if labels:
            return labels
    return ()
