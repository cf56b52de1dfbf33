"""Inspect ONNX files by their graph and metadata. Weights in other files are not read."""

from __future__ import annotations

import ast
import json
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import ModelError
from edgebake.models.inspection import affine
from edgebake.models.inspection.affine import AffineStep
from edgebake.models.inspection.model_info import LOGITS, ModelInfo, TensorInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

LABEL_KEYS = ("labels", "names", "classes", "class_names")  # of the metadata
# Operators between the final activation and the output.
VALUE_PRESERVING = (
    "Identity",
    "Cast",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Dropout",
    "DequantizeLinear",
    "QuantizeLinear",
)
# Final activation by the operator that computes the output.
FINAL_ACTIVATIONS = {
    "Softmax": "softmax",
    "Sigmoid": "sigmoid",
    "LogSoftmax": "log_softmax",
    "Gemm": LOGITS,
    "MatMul": LOGITS,
    "Add": LOGITS,
    "Conv": LOGITS,
    "GlobalAveragePool": LOGITS,
    "ReduceMean": LOGITS,
}
OPERATIONS = {"Div": "divide", "Mul": "multiply", "Add": "add", "Sub": "subtract"}
QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger")
STANDARD_DOMAINS = ("", "ai.onnx")
SUPPORTED_DOMAINS = (*STANDARD_DOMAINS, "ai.onnx.ml", "com.microsoft")  # of ONNX Runtime
MAX_CHANNELS = 4  # a constant of more numbers is no preprocessing

Weights = dict[str, "onnx.TensorProto"]  # by name


def read(path: Path) -> ModelInfo:
    """Inspect an ONNX model.

    Raises:
        ModelError: it is damaged.
    """
    model = _load(path)
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    operators = [node.op_type for node in graph.node]
    operator_counts = Counter(operators)
    steps = _first_steps(graph, weights)
    is_quantized = any(operator_counts[operator] for operator in QUANTIZED)
    producer = f"{model.producer_name} {model.producer_version}".strip()
    inputs = [_tensor_info(value) for value in graph.input if value.name not in weights]
    outputs = [_tensor_info(value) for value in graph.output]
    sizes = [math.prod(tensor.dims) for tensor in weights.values()]
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
        final_activation=_final_activation(graph),
        parameters=sum(sizes),
        operator_counts=operator_counts,
        precision=_precision(is_quantized, weights),
        is_quantized=is_quantized,
        preprocessing=tuple(str(step) for step in steps),
        unsupported=_unsupported(graph),
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


def _unsupported(graph: onnx.GraphProto) -> str | None:
    custom: set[str] = set()
    for node in graph.node:
        if node.domain not in SUPPORTED_DOMAINS:
            custom.add(node.op_type)
    if not custom:
        return None
    names = ", ".join(sorted(custom))
    return f"it holds custom operators: {names}"


def _tensor_info(value: onnx.ValueInfoProto) -> TensorInfo:
    import onnx

    tensor = value.type.tensor_type
    shape = tuple(_dimension(dimension) for dimension in tensor.shape.dim)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    return TensorInfo(value.name, shape, str(dtype.name))


def _dimension(dimension: onnx.TensorShapeProto.Dimension) -> int | None:
    """Return a fixed size; None for an open or named one."""
    if not dimension.HasField("dim_value"):
        return None
    return int(dimension.dim_value)


def _final_activation(graph: onnx.GraphProto) -> str | None:
    producers: dict[str, onnx.NodeProto] = {}
    for node in graph.node:
        for name in node.output:
            producers[name] = node
    last = producers.get(graph.output[0].name)
    while last is not None and last.op_type in VALUE_PRESERVING:
        last = producers.get(last.input[0])
    if last is None:
        return None
    return FINAL_ACTIVATIONS.get(last.op_type)


def _first_steps(graph: onnx.GraphProto, weights: Weights) -> list[AffineStep]:
    """Return the arithmetic on the image before the first other operator."""
    constants: Weights = {}
    for node in graph.node:
        if _is_constant(node):
            constants[node.output[0]] = node.attribute[0].t
    constants |= weights
    image_names = [value.name for value in graph.input if value.name not in weights]
    tensor = next(iter(image_names), "")
    steps: list[AffineStep] = []
    while True:
        readers = [node for node in graph.node if tensor in node.input]
        if len(readers) != 1:
            return steps
        reader = readers[0]
        step = _affine_step(reader, tensor, constants)
        if step is not None:
            steps.append(step)
        elif reader.op_type not in ("Identity", "Cast", "Transpose"):
            return steps
        tensor = reader.output[0]


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
    if is_external or math.prod(tensor.dims) > MAX_CHANNELS:
        return ()
    array = onnx.numpy_helper.to_array(tensor)
    return tuple(float(value) for value in array.reshape(-1))


def _precision(is_quantized: bool, weights: Weights) -> str:
    import onnx

    if is_quantized:
        return "int8, at least in part: it is quantized already"
    data_types = {tensor.data_type for tensor in weights.values()}
    if onnx.TensorProto.FLOAT16 in data_types:
        return "float16 weights"
    return "float32"


def _labels(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the class names in the metadata: a list or a mapping, as JSON or Python literal."""
    for key in LABEL_KEYS:
        text = metadata.get(key, "")
        for parse in (json.loads, ast.literal_eval):
            try:
                value = parse(text)
            except (ValueError, SyntaxError):
                continue
            if isinstance(value, dict):
                value = list(value.values())
            if isinstance(value, list) and value and _are_texts(value):
                return tuple(value)
    return ()


def _are_texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)
