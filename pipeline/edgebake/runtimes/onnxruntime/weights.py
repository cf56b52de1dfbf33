"""A float graph in, the same with smaller weights out, which are made float again when the program runs."""

from collections.abc import Collection

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

# The first opset whose DequantizeLinear knows int4 and blocks, and the first IR that may name it
# (https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html).
INT4_OPSET, INT4_IR = 21, 10
LIMITS = {onnx.TensorProto.INT4: 7, onnx.TensorProto.INT8: 127}  # symmetric: no -8 and no -128
WEIGHTED = ("Conv", "Gemm", "MatMul")


def quantize_int4(model: onnx.ModelProto, block_size: int | None) -> onnx.ModelProto:
    """Return the graph with int4 weights, a scale for each block of input channels or else for each output channel.

    Blocks are for the sizes that they divide. Depthwise convolutions, where a channel has but a few weights, get int8.
    """
    if all(entry.version < INT4_OPSET for entry in model.opset_import):
        model = onnx.version_converter.convert_version(model, INT4_OPSET)
    model.ir_version = INT4_IR
    found = {item.name: item for item in model.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    done: set[str] = set()
    for node in model.graph.node:
        name = node.input[1] if node.op_type in WEIGHTED else ""
        if name in found and numpy_helper.to_array(found[name]).ndim >= 2:
            if name not in done:
                nodes.append(_packed(model.graph, found[name], node, block_size))
                done.add(name)
            node.input[1] = f"{name}_float"
        nodes.append(node)
    _replace(model.graph, nodes, done)
    return model


def store_float16(model: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """Return the graph with the weights of the named nodes stored as float16."""
    found = {
        item.name: item
        for item in model.graph.initializer
        if item.data_type == onnx.TensorProto.FLOAT
    }
    wanted = [node for node in model.graph.node if node.name in names and node.op_type in WEIGHTED]
    weights = list(dict.fromkeys(node.input[1] for node in wanted if node.input[1] in found))
    casts = []
    for name in weights:
        half = numpy_helper.to_array(found[name]).astype(np.float16)
        model.graph.initializer.append(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(
            helper.make_node("Cast", [f"{name}_half"], [f"{name}_float"], to=onnx.TensorProto.FLOAT)
        )
    for node in model.graph.node:
        node.input[:] = [f"{name}_float" if name in weights else name for name in node.input]
    _replace(model.graph, [*casts, *model.graph.node], weights)
    return model


def _replace(graph: onnx.GraphProto, nodes: list[onnx.NodeProto], unread: Collection[str]) -> None:
    kept = [item for item in graph.initializer if item.name not in unread]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(copies)
    graph.initializer.extend(kept)


def _packed(
    graph: onnx.GraphProto, item: onnx.TensorProto, node: onnx.NodeProto, block_size: int | None
) -> onnx.NodeProto:
    """Add integers and scales of a weight to the graph; return the node that makes floats of them."""
    values = numpy_helper.to_array(item)
    inputs, outputs = _axes(node)
    bits = onnx.TensorProto.INT8 if _is_depthwise(node, values) else onnx.TensorProto.INT4
    blocked = (
        bits == onnx.TensorProto.INT4 and block_size and values.shape[inputs] % block_size == 0
    )
    words: dict[str, int] = (
        {"axis": inputs, "block_size": block_size or 0} if blocked else {"axis": outputs}
    )
    integers, scales = round_weights(values, LIMITS[bits], words)
    graph.initializer.append(
        helper.make_tensor(f"{item.name}_integers", bits, values.shape, integers.reshape(-1))
    )
    graph.initializer.append(numpy_helper.from_array(scales, f"{item.name}_scales"))
    names = [f"{item.name}_integers", f"{item.name}_scales"]
    node = helper.make_node("DequantizeLinear", names, [f"{item.name}_float"])
    node.attribute.extend(helper.make_attribute(key, value) for key, value in words.items())
    return node


def round_weights(
    values: NDArray[np.float32], limit: int, words: dict[str, int]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return integers and scales of weights, by the words of DequantizeLinear: `axis` and, if any, `block_size`."""
    axis, size = words["axis"], words.get("block_size")
    if size:
        split = (*values.shape[:axis], values.shape[axis] // size, size, *values.shape[axis + 1 :])
        peaks = np.abs(values.reshape(split)).max(axis=axis + 1)
        spread = (peaks / limit).repeat(size, axis=axis)
    else:
        others = tuple(number for number in range(values.ndim) if number != axis)
        peaks = np.abs(values).max(axis=others)
        spread = np.expand_dims(peaks / limit, others)
    scales = np.where(peaks > 0, peaks / limit, 1).astype(np.float32)
    steps = np.rint(values / np.where(spread > 0, spread, 1)).clip(-limit, limit)
    return steps.astype(np.int8), scales


def _axes(node: onnx.NodeProto) -> tuple[int, int]:
    """Return the axes of a weight that count input and output channels."""
    if node.op_type == "Conv":
        return 1, 0  # [out, in, h, w]
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return (1, 0) if transposed else (0, 1)


def _is_depthwise(node: onnx.NodeProto, values: NDArray[np.float32]) -> bool:
    grouped = any(attribute.name == "group" and attribute.i > 1 for attribute in node.attribute)
    return node.op_type == "Conv" and grouped and values.shape[1] == 1
