"""An .onnx file in, what its graph and metadata say out. Weights that lie in other files are not read."""

from __future__ import annotations

import ast
import json
import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebake.errors import ModelError
from edgebake.models.inspection import affine
from edgebake.models.inspection.affine import Step
from edgebake.models.inspection.model_info import LOGITS, ModelInfo, TensorInfo

if TYPE_CHECKING:
    import onnx

LABELS = ("labels", "names", "classes", "class_names")
PASSING = (
    "Identity",
    "Cast",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Dropout",
    "DequantizeLinear",
    "QuantizeLinear",
)
ENDINGS = {
    "Softmax": "softmax",
    "Sigmoid": "sigmoid",
    "LogSoftmax": "log_softmax",
    **dict.fromkeys(("Gemm", "MatMul", "Add", "Conv", "GlobalAveragePool", "ReduceMean"), LOGITS),
}
QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger")
OWN = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")  # sets of operators that ONNX Runtime has


def read(path: Path) -> ModelInfo:
    """Return what an ONNX model says.

    Raises:
        ModelError: it is damaged.
    """
    model = _model(path)
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    steps = _steps(graph, weights)
    kinds = Counter(node.op_type for node in graph.node)
    foreign = sorted({node.op_type for node in graph.node if node.domain not in OWN})
    said = {entry.key: entry.value for entry in model.metadata_props}
    opset = next((entry.version for entry in model.opset_import if entry.domain in OWN[:2]), 0)
    return ModelInfo(
        format="onnx",
        container=f"ONNX, opset {opset}",
        producer=" ".join(filter(None, (model.producer_name, model.producer_version)))
        or "nobody that it names",
        file_size=path.stat().st_size,
        inputs=tuple(_end(value) for value in graph.input if value.name not in weights),
        outputs=tuple(_end(value) for value in graph.output),
        final_activation=_last(graph),
        parameters=sum(math.prod(tensor.dims) for tensor in weights.values()),
        operator_counts=kinds,
        precision=_numbers_of(kinds, weights),
        preprocessing=tuple(map(str, steps)),
        unsupported=f"it holds operators of its own: {', '.join(foreign)}" if foreign else None,
        pixel_scaling=affine.pixels(steps),
        labels=_labels(said),
        metadata={key: value for key, value in said.items() if key not in LABELS},
    )


def _model(path: Path) -> onnx.ModelProto:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError:
        model = onnx.ModelProto()
    if not model.graph.node or not model.graph.output:
        raise ModelError(
            f"{path}: is damaged, or no ONNX model; copy it again, or export it again: torch.onnx.export"
        )
    return model


def _end(value: Any) -> TensorInfo:
    import onnx

    tensor = value.type.tensor_type
    shape = tuple(
        int(dim.dim_value) if dim.HasField("dim_value") else None for dim in tensor.shape.dim
    )
    return TensorInfo(
        value.name, shape, str(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name)
    )


def _last(graph: Any) -> str | None:
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(graph.output[0].name)
    while node is not None and node.op_type in PASSING:
        node = makers.get(node.input[0])
    return ENDINGS.get(node.op_type) if node is not None else None


def _steps(graph: Any, weights: dict[str, Any]) -> list[Step]:
    """Return the arithmetic that comes first."""
    constants = {
        node.output[0]: node.attribute[0].t for node in graph.node if _is_constant(node)
    } | weights
    tensor = next((value.name for value in graph.input if value.name not in weights), "")
    found: list[Step] = []
    while True:
        users = [node for node in graph.node if tensor in node.input]
        if len(users) != 1:
            return found
        step = _step(users[0], tensor, constants)
        if step is None and users[0].op_type not in ("Identity", "Cast", "Transpose"):
            return found
        found += [step] if step else []
        tensor = users[0].output[0]


def _is_constant(node: Any) -> bool:
    return (
        node.op_type == "Constant"
        and len(node.attribute) == 1
        and node.attribute[0].name == "value"
    )


def _step(node: Any, tensor: str, constants: dict[str, Any]) -> Step | None:
    others = [name for name in node.input if name != tensor]
    if len(others) != 1 or others[0] not in constants:
        return None
    values = _values(constants[others[0]])
    if not values:
        return None
    if node.op_type == "Div" and node.input[0] == tensor:
        return affine.divided(values, "Div")
    if node.op_type == "Mul":
        return Step(values, name="Mul")
    if node.op_type == "Add" or (node.op_type == "Sub" and node.input[0] == tensor):
        sign = 1 if node.op_type == "Add" else -1
        return Step(offset=tuple(sign * value for value in values), name=str(node.op_type))
    return None


def _values(tensor: Any) -> tuple[float, ...]:
    """Return a constant of one number, or of one for each channel; nothing for any other."""
    import onnx

    if math.prod(tensor.dims) > 4 or tensor.data_location == onnx.TensorProto.EXTERNAL:
        return ()
    return tuple(float(value) for value in onnx.numpy_helper.to_array(tensor).reshape(-1))


def _numbers_of(kinds: Counter[str], weights: dict[str, Any]) -> str:
    import onnx

    if any(kinds[kind] for kind in QUANTIZED):
        return "int8, at least in part: it is quantized already"
    halves = [tensor for tensor in weights.values() if tensor.data_type == onnx.TensorProto.FLOAT16]
    return "float16 weights" if halves else "float32"


def _labels(said: dict[str, str]) -> tuple[str, ...]:
    """Return the classes that the metadata name, as a list or as numbers with names."""
    for key in LABELS:
        for parse in (json.loads, ast.literal_eval):
            try:
                value = parse(said.get(key, ""))
            except (ValueError, SyntaxError):
                continue
            names = list(value.values()) if isinstance(value, dict) else value
            if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
                return tuple(names)
    return ()
