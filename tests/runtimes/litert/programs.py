"""Files of LiteRT made by hand, of any operators, small enough to know every answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgebake.runtimes.litert import FILE

Constant = NDArray[Any]


@dataclass(frozen=True)
class Op:
    """One operator; `words` are the fields of its options, as the schema names them."""

    kind: str  # CONV_2D
    inputs: Sequence[str]
    output: str
    options: str = ""  # Conv2DOptions
    words: Mapping[str, Any] = field(default_factory=dict)


def files(
    operators: Sequence[Op],
    tensors: Mapping[str, tuple[str, Sequence[int]]],
    constants: Mapping[str, Constant],
) -> dict[str, bytes]:
    """Return a file from `image` to the last operator's output; `tensors`: dtype and shape."""
    names = [*tensors, *constants]
    graph, model = schema.SubGraphT(), schema.ModelT()
    model.buffers = [schema.BufferT(), *map(_buffer, constants.values())]
    graph.tensors = [_tensor(name, *tensors[name], 0) for name in tensors]
    graph.tensors += [
        _tensor(name, value.dtype.name, value.shape, number + 1)
        for number, (name, value) in enumerate(constants.items())
    ]
    graph.inputs, graph.outputs = [names.index("image")], [names.index(operators[-1].output)]
    kinds = sorted({operator.kind for operator in operators})
    graph.operators = [_operator(operator, kinds, names) for operator in operators]
    model.version, model.operatorCodes, model.subgraphs = (
        3,
        [_code(kind) for kind in kinds],
        [graph],
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return {FILE: bytes(builder.Output())}


def _tensor(name: str, dtype: str, shape: Sequence[int], buffer: int) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, list(shape), buffer
    tensor.type = getattr(schema.TensorType, dtype.upper())
    return tensor


def _buffer(value: Constant) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    return buffer


def _code(kind: str) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 1
    return code


def _operator(one: Op, kinds: list[str], names: list[str]) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = kinds.index(one.kind)
    operator.inputs, operator.outputs = (
        [names.index(name) for name in one.inputs],
        [names.index(one.output)],
    )
    if one.options:
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, one.options)
        operator.builtinOptions = getattr(schema, f"{one.options}T")()
        for name, value in one.words.items():
            setattr(operator.builtinOptions, name, value)
    return operator
