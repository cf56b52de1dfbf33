"""Converted files made by hand, whose predictions are known."""

import json
from dataclasses import asdict
from typing import Any

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.evaluation.float_reference import FloatReference

PIXELS = 32 * 32


def softmax_tflite() -> bytes:
    """Return a .tflite whose one operator is a softmax over two numbers."""
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0], [1]
    operator.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    operator.builtinOptions = schema.SoftmaxOptionsT()
    operator.builtinOptions.beta = 1.0
    tensors = [_tensor("image", [1, 2]), _tensor("Identity", [1, 2])]
    return _tflite(schema.BuiltinOperator.SOFTMAX, operator, tensors, [])


def constant_tflite(answer: int, probability: float = 1) -> bytes:
    """Return a .tflite for images [1, 32, 32, 1] that always predicts one of ten classes.

    `probability` is that of the class.
    """
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    tensors = [
        _tensor("image", [1, 32, 32, 1]),
        _tensor("weights", [10, PIXELS], buffer=1),
        _tensor("bias", [10], buffer=2),
        _tensor("Identity", [1, 10]),
    ]
    constants = [np.zeros((10, PIXELS), np.float32), _one_hot(answer, probability)]
    return _tflite(schema.BuiltinOperator.FULLY_CONNECTED, operator, tensors, constants)


def tflite_without_weights() -> bytes:
    """Return a .tflite without the weights of its dense layer: XNNPACK reads other memory."""
    model = schema.ModelT.InitFromPackedBuf(constant_tflite(0), 0)
    model.subgraphs[0].operators[0].inputs = [0, -1, 2]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def constant_onnx(answer: int, probability: float = 1) -> bytes:
    """Return an .onnx for images [1, 32, 32, 1] that always predicts one of ten classes."""
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["probabilities"], name="dense"),
    ]
    constants = {
        "weights": np.zeros((PIXELS, 10), np.float32),
        "bias": _one_hot(answer, probability),
    }
    return _onnx(nodes, [1, 32, 32, 1], [1, 10], constants)


def softmax_onnx() -> bytes:
    """Return an .onnx whose one operator is a softmax over two numbers."""
    return _onnx(
        [helper.make_node("Softmax", ["image"], ["probabilities"], name="softmax")],
        [1, 2],
        [1, 2],
        {},
    )


def _one_hot(answer: int, probability: float) -> NDArray[np.float32]:
    row = np.zeros(10, np.float32)
    row[answer] = probability
    return row


def _tensor(name: str, shape: list[int], buffer: int = 0) -> Any:
    tensor = schema.TensorT()
    tensor.name = name
    tensor.shape = shape
    tensor.type = schema.TensorType.FLOAT32
    tensor.buffer = buffer
    return tensor


def _buffer(content: NDArray[np.float32]) -> Any:
    buffer = schema.BufferT()
    buffer.data = list(content.tobytes())
    return buffer


def _tflite(
    code_number: int, operator: Any, tensors: list[Any], constants: list[NDArray[np.float32]]
) -> bytes:
    """Return a file of one operator, from its first tensor to its last.

    Buffer 0 is the empty buffer.
    """
    code, graph, model = schema.OperatorCodeT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = code_number
    code.version = 1
    graph.tensors, graph.operators = tensors, [operator]
    graph.inputs, graph.outputs = [0], [len(tensors) - 1]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT(), *map(_buffer, constants)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _onnx(
    nodes: list[onnx.NodeProto],
    input_shape: list[int],
    output_shape: list[int],
    constants: dict[str, NDArray[np.float32]],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "main",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, output_shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def float_reference(answer: int, probability: float = 1) -> dict[str, bytes]:
    """Return what train leaves of a float reference that always predicts one class."""
    tools = {"ai-edge-litert": "2"}
    reference = FloatReference("Keras", "litert", "model.tflite", tools, examples=180)
    return {
        "float/model.tflite": constant_tflite(answer, probability),
        "float/reference.json": json.dumps(asdict(reference)).encode(),
    }
