"""A .tflite file in, what its tables and metadata say out."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from edgebake.models.inspection import affine, tflite_metadata
from edgebake.models.inspection.affine import Step
from edgebake.models.inspection.model_info import LOGITS, ModelInfo, PixelScaling, TensorInfo

PASSING = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE")
ENDINGS = {
    "SOFTMAX": "softmax",
    "LOGISTIC": "sigmoid",
    "LOG_SOFTMAX": "log_softmax",
    **dict.fromkeys(("FULLY_CONNECTED", "CONV_2D", "ADD", "MEAN", "AVERAGE_POOL_2D"), LOGITS),
}
INTEGERS = ("int8", "uint8", "int16")
SMALLEST = {"uint8": 0, "int8": -128}  # what a black pixel is where pixels go in as they are


def read(path: Path) -> ModelInfo:
    """Return what a TFLite model says."""
    return _found(path.read_bytes())


def _found(content: bytes) -> ModelInfo:
    from edgebake.models.tflite import tables

    model = tables.parse(content)
    graph = model.subgraphs[0]
    metadata = tflite_metadata.read(content, model)
    kinds = Counter(_name(model, item) for part in model.subgraphs for item in part.operators)
    custom = sorted(kind for kind in kinds if kind.startswith("CUSTOM"))
    steps = _steps(model, graph)
    ends = [_end(graph.tensors[index]) for index in graph.inputs]
    return ModelInfo(
        format="tflite",
        container="TFLite",
        producer=_text(model.description) or "nobody that it names",
        file_size=len(content),
        inputs=tuple(ends),
        outputs=tuple(_end(graph.tensors[index]) for index in graph.outputs),
        final_activation=_last(model, graph),
        parameters=sum(
            _size(tensor)
            for part in model.subgraphs
            for tensor in part.tensors
            if _weight(model, tensor)
        ),
        operator_counts=kinds,
        precision=_numbers(model, graph),
        preprocessing=tuple(map(str, steps)),
        unsupported=f"it holds {', '.join(custom)}, which LiteRT does not have" if custom else None,
        pixel_scaling=metadata.pixels or affine.pixels(steps) or _as_they_are(graph),
        color=metadata.color,
        labels=metadata.labels,
        metadata=metadata.said,
    )


def _name(model: Any, item: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    names = {
        number: name
        for name, number in vars(schema.BuiltinOperator).items()
        if isinstance(number, int)
    }
    code = model.operatorCodes[item.opcodeIndex]
    name = str(names[max(code.builtinCode, code.deprecatedBuiltinCode)])
    return f"CUSTOM {_text(code.customCode)}" if name == "CUSTOM" else name


def _dtype(tensor: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    names = {
        number: name.lower()
        for name, number in vars(schema.TensorType).items()
        if isinstance(number, int)
    }
    return str(names[tensor.type])


def _end(tensor: Any) -> TensorInfo:
    signature = tensor.shapeSignature
    shape = tensor.shape if signature is None or not len(signature) else signature
    return TensorInfo(
        _text(tensor.name), tuple(None if size < 0 else int(size) for size in shape), _dtype(tensor)
    )


def _constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _weight(model: Any, tensor: Any) -> bool:
    """Return whether it is a constant that was learned; int64 are shapes and axes, as int32 without a scale are."""
    scales = tensor.quantization.scale if tensor.quantization is not None else None
    is_scaled = scales is not None and len(scales) > 0
    dtype = _dtype(tensor)
    return _constant(model, tensor) and (
        dtype.startswith("float") or (is_scaled and dtype != "int64")
    )


def _size(tensor: Any) -> int:
    total = 1
    for size in tensor.shape if tensor.shape is not None else ():
        total *= int(size)
    return total


def _numbers(model: Any, graph: Any) -> str:
    weights = {_dtype(tensor) for tensor in graph.tensors if _weight(model, tensor)}
    live = {_dtype(tensor) for tensor in graph.tensors if not _constant(model, tensor)}
    small = sorted(weights & {*INTEGERS, "int4", "int2"})
    if small and live & set(INTEGERS):
        return f"{', '.join(small)}: it is quantized already, weights and activations"
    if small:
        return f"{', '.join(small)} weights: it is quantized already, activations are float"
    return "float16 weights" if "float16" in weights else "float32"


def _last(model: Any, graph: Any) -> str | None:
    makers = {index: item for item in graph.operators for index in item.outputs}
    item = makers.get(graph.outputs[0])
    while item is not None and _name(model, item) in PASSING:
        item = makers.get(item.inputs[0])
    if item is None:
        return None
    fused = getattr(item.builtinOptions, "fusedActivationFunction", 0)
    return ENDINGS.get(_name(model, item)) if not fused else None


def _steps(model: Any, graph: Any) -> list[Step]:
    """Return the arithmetic that comes first."""
    found: list[Step] = []
    index = graph.inputs[0]
    while True:
        users = [item for item in graph.operators if index in item.inputs]
        step = _step(model, graph, users[0], index) if len(users) == 1 else None
        if step is None:
            return found
        found.append(step)
        index = users[0].outputs[0]


def _step(model: Any, graph: Any, item: Any, index: int) -> Step | None:

    name = _name(model, item)
    others = [graph.tensors[other] for other in item.inputs if other != index]
    if (
        len(others) != 1
        or not _constant(model, others[0])
        or _dtype(others[0]) != "float32"
        or _size(others[0]) > 4
    ):
        return None
    data = np.asarray(model.buffers[others[0].buffer].data, np.uint8).tobytes()
    values = tuple(float(value) for value in np.frombuffer(data, np.float32))
    if name == "DIV" and item.inputs[0] == index:
        return affine.divided(values, name)
    if name == "MUL":
        return Step(values, name=name)
    if name == "ADD" or (name == "SUB" and item.inputs[0] == index):
        sign = 1 if name == "ADD" else -1
        return Step(offset=tuple(sign * value for value in values), name=name)
    return None


def _as_they_are(graph: Any) -> PixelScaling | None:
    """Return what an input of 8 bits stands for, if pixels go into it as they are."""
    tensor = graph.tensors[graph.inputs[0]]
    words, dtype = tensor.quantization, _dtype(tensor)
    if dtype not in SMALLEST or words is None or words.scale is None or not len(words.scale):
        return None
    mean = float(words.zeroPoint[0] - SMALLEST[dtype])
    return PixelScaling(
        (mean,), (float(words.scale[0]),), f"as its {dtype} input says, if pixels go in as they are"
    )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
