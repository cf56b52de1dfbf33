"""Inspect .tflite files by their tables and metadata."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebake.errors import ModelError
from edgebake.models.inspection import affine, tflite_metadata
from edgebake.models.inspection.affine import AffineStep
from edgebake.models.inspection.model_info import ModelInfo, PixelScaling, TensorInfo
from edgebake.models.inspection.tflite_metadata import text

if TYPE_CHECKING:
    from ai_edge_litert import schema_py_generated as schema

OPERATIONS = {"DIV": "divide", "MUL": "multiply", "ADD": "add", "SUB": "subtract"}
INTEGERS = ("int8", "uint8", "int16")
QUANTIZED_WEIGHTS = {*INTEGERS, "int4", "int2"}
BLACK = {"uint8": 0, "int8": -128}  # value of a black pixel in an input that is not scaled
NO_TENSOR = -1
FLOAT_BYTES = 4
MAX_CHANNELS = 4  # a constant of more numbers is no preprocessing


def read(path: Path) -> ModelInfo:
    """Inspect a .tflite file.

    Raises:
        ValueError: it is damaged; the message says where, without the name of the file.
    """
    from edgebake.models.tflite import final_activation, structure_check, tables

    content = path.read_bytes()
    model = tables.parse(content)
    structure_check.check(model)
    graph = model.subgraphs[0]
    metadata = tflite_metadata.read(content, model)
    operator_counts = Counter(_operator_names(model))
    steps = _first_steps(model, graph)
    weights, activations = _dtypes(model, graph)
    scaling_of_model = affine.infer_pixel_scaling(steps) or _input_scaling(graph)
    inputs = [_tensor_info(graph.tensors[index]) for index in graph.inputs]
    outputs = [_tensor_info(graph.tensors[index]) for index in graph.outputs]
    return ModelInfo(
        format="tflite",
        container="TFLite",
        producer=text(model.description) or "an unknown program",
        file_size=len(content),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        final_activation=final_activation.of_graph(model),
        parameters=_count_parameters(model),
        operator_counts=operator_counts,
        precision=_precision(weights, activations),
        is_quantized=bool(weights & QUANTIZED_WEIGHTS),
        preprocessing=tuple(str(step) for step in steps),
        unsupported=_refusal(model, path),
        pixel_scaling=metadata.pixel_scaling or scaling_of_model,
        color=metadata.color,
        labels=metadata.labels,
        metadata=metadata.texts,
    )


def _refusal(model: schema.ModelT, path: Path) -> str | None:
    """Return why an import would be refused; None if it would not."""
    from edgebake.models.importers import lite_operators

    try:
        lite_operators.refuse_unlisted(model, str(path))
    except ModelError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


def _operator_names(model: schema.ModelT) -> Iterator[str]:
    for graph in model.subgraphs:
        for operator in graph.operators:
            yield _operator_name(model, operator)


def _operator_name(model: schema.ModelT, operator: schema.OperatorT) -> str:
    from edgebake.models.tflite import tables

    code = model.operatorCodes[operator.opcodeIndex]
    name = tables.builtin_name(code)
    if name == "CUSTOM":
        return f"CUSTOM {text(code.customCode)}"
    return name


def _dtype(tensor: schema.TensorT) -> str:
    from edgebake.models.tflite import tables

    return tables.DTYPES[tensor.type]


def _tensor_info(tensor: schema.TensorT) -> TensorInfo:
    shape = tensor.shapeSignature
    if shape is None or not len(shape):
        shape = tensor.shape
    sizes: list[int | None] = []
    for size in shape:
        is_open = size < 0
        sizes.append(None if is_open else int(size))
    name = text(tensor.name)
    return TensorInfo(name, tuple(sizes), _dtype(tensor))


def _is_constant(model: schema.ModelT, tensor: schema.TensorT) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _is_weight(model: schema.ModelT, tensor: schema.TensorT) -> bool:
    """Return whether a tensor is a trained constant: float, or integer with a scale.

    int64, and int32 without a scale, are shapes and axes.
    """
    if not _is_constant(model, tensor):
        return False
    dtype = _dtype(tensor)
    return dtype.startswith("float") or (_has_scale(tensor) and dtype != "int64")


def _has_scale(tensor: schema.TensorT) -> bool:
    if tensor.quantization is None:
        return False
    scale = tensor.quantization.scale
    return scale is not None and len(scale) > 0


def _size(tensor: schema.TensorT) -> int:
    if tensor.shape is None:
        return 1
    return math.prod(int(size) for size in tensor.shape)


def _count_parameters(model: schema.ModelT) -> int:
    parameters = 0
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if _is_weight(model, tensor):
                parameters += _size(tensor)
    return parameters


def _dtypes(model: schema.ModelT, graph: schema.SubGraphT) -> tuple[set[str], set[str]]:
    """Return the dtypes of weights and of activations."""
    weights = set()
    activations = set()
    for tensor in graph.tensors:
        if _is_weight(model, tensor):
            weights.add(_dtype(tensor))
        elif not _is_constant(model, tensor):
            activations.add(_dtype(tensor))
    return weights, activations


def _precision(weights: set[str], activations: set[str]) -> str:
    integers = ", ".join(sorted(weights & QUANTIZED_WEIGHTS))
    has_integer_activations = not activations.isdisjoint(INTEGERS)
    if integers and has_integer_activations:
        return f"{integers} weights and activations"
    if integers:
        return f"{integers} weights, activations are float"
    if "float16" in weights:
        return "float16 weights"
    return "float32"


def _first_steps(model: schema.ModelT, graph: schema.SubGraphT) -> list[AffineStep]:
    """Return the arithmetic on the image before the first other operator."""
    readers: dict[int, list[schema.OperatorT]] = defaultdict(list)
    for operator in graph.operators:
        for read_index in set(operator.inputs):
            readers[read_index].append(operator)
    steps: list[AffineStep] = []
    index = _first(graph.inputs)
    while len(readers[index]) == 1:
        (reader,) = readers[index]
        step = _affine_step(model, graph, reader, index)
        if step is None:
            break
        steps.append(step)
        index = _first(reader.outputs)
    return steps


def _first(indices: Sequence[int]) -> int:
    return indices[0] if len(indices) else NO_TENSOR


def _affine_step(
    model: schema.ModelT, graph: schema.SubGraphT, operator: schema.OperatorT, index: int
) -> AffineStep | None:
    """Return the arithmetic of an operator on tensor `index`; None if it has none."""
    name = _operator_name(model, operator)
    operands = [operand for operand in operator.inputs if operand != index]
    if len(operands) != 1 or name not in OPERATIONS:
        return None
    constant = graph.tensors[operands[0]]
    values = _values(model, constant)
    if not values:
        return None
    operation = OPERATIONS[name]
    constant_first = operator.inputs[0] != index
    return affine.arithmetic(operation, values, name, constant_first)


def _values(model: schema.ModelT, tensor: schema.TensorT) -> tuple[float, ...]:
    """Return a float constant of one number, or of one per channel; nothing for any other."""
    if not _is_constant(model, tensor) or _dtype(tensor) != "float32":
        return ()
    buffer = model.buffers[tensor.buffer]
    if len(buffer.data) > MAX_CHANNELS * FLOAT_BYTES or len(buffer.data) % FLOAT_BYTES:
        return ()
    data = np.asarray(buffer.data, np.uint8).tobytes()
    values = np.frombuffer(data, np.float32)
    return tuple(float(value) for value in values)


def _input_scaling(graph: schema.SubGraphT) -> PixelScaling | None:
    """Return the scaling of an 8-bit input, assuming that unscaled pixels are written to it."""
    if not len(graph.inputs):
        return None
    tensor = graph.tensors[graph.inputs[0]]
    dtype = _dtype(tensor)
    quantization = tensor.quantization
    if dtype not in BLACK or not _has_scale(tensor) or quantization.zeroPoint is None:
        return None
    if not len(quantization.zeroPoint):
        return None
    mean = float(quantization.zeroPoint[0] - BLACK[dtype])
    scale = float(quantization.scale[0])
    reason = f"as its {dtype} input says, if pixels go in as they are"
    return PixelScaling((mean,), (scale,), reason)
