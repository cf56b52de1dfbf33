"""A model of any inputs: a softmax over weighted sums of all their elements."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgebake.runtimes.session import Tensor


def render(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> bytes:
    """Return an .onnx with a softmax over three weighted sums of all elements of all inputs."""
    rng = np.random.default_rng(1)
    constants: dict[str, Any] = {}
    nodes = []
    for tensor in inputs:
        name = tensor.name
        size = int(np.prod(tensor.shape))
        spread = 4 / np.sqrt(size) / (128 if tensor.dtype == "int32" else 1)
        constants[f"{name}_weights"] = rng.normal(0, spread, (size, 3)).astype(np.float32)
        nodes.append(_to_float(tensor, constants))
        nodes.append(helper.make_node("Flatten", [f"{name}_real"], [f"{name}_flat"]))
        ends = [f"{name}_flat", f"{name}_weights"]
        nodes.append(helper.make_node("MatMul", ends, [f"{name}_sums"]))
    sums = [f"{tensor.name}_sums" for tensor in inputs]
    nodes.append(helper.make_node("Sum", sums, ["sums"]))
    probabilities = outputs[-1]
    is_integer = probabilities.scale is not None
    nodes.append(helper.make_node("Softmax", ["sums"], ["real" if is_integer else "probabilities"]))
    if is_integer:
        constants |= {"out_scale": np.float32(1 / 256), "out_zero": np.int8(-128)}
        ends = ["real", "out_scale", "out_zero"]
        nodes.append(helper.make_node("QuantizeLinear", ends, ["probabilities"]))
    graph = helper.make_graph(
        nodes,
        "main",
        [_value_info(tensor) for tensor in inputs],
        [_value_info(tensor) for tensor in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def _to_float(tensor: Tensor, constants: dict[str, Any]) -> onnx.NodeProto:
    """Return the node from an input to `<name>_real`, and add its constants."""
    name = tensor.name
    if tensor.scale is None:
        return helper.make_node("Cast", [name], [f"{name}_real"], to=onnx.TensorProto.FLOAT)
    constants |= {
        f"{name}_scale": np.float32(tensor.scale),
        f"{name}_zero": np.int8(tensor.zero_point or 0),
    }
    ends = [name, f"{name}_scale", f"{name}_zero"]
    return helper.make_node("DequantizeLinear", ends, [f"{name}_real"])


def _value_info(tensor: Tensor) -> onnx.ValueInfoProto:
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
    return helper.make_tensor_value_info(tensor.name, dtype, tensor.shape)
