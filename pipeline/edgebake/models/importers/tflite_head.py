"""Append operators to the output of a .tflite graph, so that it answers a probability per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgebake.models.importers import heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.recipe import Output


def append_softmax(model: schema.ModelT, classes: int) -> schema.TensorT:
    """Append a softmax to the graph and return its output."""
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    operator = schema.OperatorT()
    operator.inputs = [model.subgraphs[0].outputs[0]]
    operator.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    operator.builtinOptions = options
    return _append(model, operator, schema.BuiltinOperator.SOFTMAX, classes)


def append_two_classes(model: schema.ModelT, kind: Output) -> schema.TensorT:
    """Append the two classes that one output [1, 1] stands for; return the tensor [1, 2]."""
    kernel, bias = heads.TWO_CLASSES[kind]
    transposed = np.array(kernel, np.float32).T  # LiteRT's weights are [outputs, inputs]
    inputs = [
        model.subgraphs[0].outputs[0],
        _add_constant(model, transposed, b"pair_kernel"),
        _add_constant(model, np.array(bias, np.float32), b"pair_bias"),
    ]
    operator = schema.OperatorT()
    operator.inputs = inputs
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    return _append(model, operator, schema.BuiltinOperator.FULLY_CONNECTED, classes=2)


def _add_constant(model: schema.ModelT, values: NDArray[np.float32], name: bytes) -> int:
    """Add a constant to the graph and return its index."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.shape = list(values.shape)
    tensor.type = schema.TensorType.FLOAT32
    tensor.buffer = len(model.buffers) - 1
    tensor.name = name
    tensors = model.subgraphs[0].tensors
    tensors.append(tensor)
    return len(tensors) - 1


def _append(
    model: schema.ModelT, operator: schema.OperatorT, builtin: int, classes: int
) -> schema.TensorT:
    """Append an operator whose output float32 [1, classes] is that of the graph; return it."""
    code = schema.OperatorCodeT()
    code.builtinCode = builtin
    code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    tensor = schema.TensorT()
    tensor.shape = [1, classes]
    tensor.type = schema.TensorType.FLOAT32
    tensor.buffer = 0
    tensor.name = b"appended"
    graph = model.subgraphs[0]
    index = len(graph.tensors)
    graph.tensors.append(tensor)
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.outputs = [index]
    graph.operators.append(operator)
    graph.outputs = [index]
    return tensor
