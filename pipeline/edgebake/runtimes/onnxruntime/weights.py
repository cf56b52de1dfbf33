"""Store weights in fewer bits; they become floats again when the graph runs."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models.onnx.graph import (
    add_initializer,
    attribute_values,
    initializers,
    replace_nodes,
)

# The first opset whose DequantizeLinear supports int4 and blocks, and the first IR version with it
# (https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html).
INT4_OPSET = 21
INT4_IR = 10
LIMITS = {onnx.TensorProto.INT4: 7, onnx.TensorProto.INT8: 127}  # symmetric: no -8 and no -128
WEIGHTED = ("Conv", "Gemm", "MatMul")


class ScaleLayout(NamedTuple):
    """The scales of a weight: one per index of an axis, or one per block of indices."""

    axis: int
    block_size: int | None = None

    def attributes(self) -> dict[str, int]:
        """Return the attributes of DequantizeLinear."""
        if self.block_size is None:
            return {"axis": self.axis}
        return {"axis": self.axis, "block_size": self.block_size}


def quantize_int4(model: onnx.ModelProto, block_size: int | None) -> onnx.ModelProto:
    """Return the graph with int4 weights, with a scale per block of input channels.

    Without a block size, or if the input channels are no multiple of it, there is a scale per
    output channel. Depthwise convolutions, with only a few weights per channel, get int8.
    """
    if all(entry.version < INT4_OPSET for entry in model.opset_import):
        model = onnx.version_converter.convert_version(model, INT4_OPSET)
    model.ir_version = INT4_IR
    graph = model.graph
    tensors = initializers(graph)
    nodes: list[onnx.NodeProto] = []
    quantized: set[str] = set()
    for node in graph.node:
        weight = _stored_weight(node, tensors)
        if weight is not None and len(weight.dims) >= 2:
            name = weight.name
            if name not in quantized:
                dequantize = _quantize_weight(graph, weight, node, block_size)
                nodes.append(dequantize)
                quantized.add(name)
            node.input[1] = f"{name}_float"
        nodes.append(node)
    replace_nodes(graph, nodes)
    _remove_initializers(graph, quantized)
    return model


def store_float16(model: onnx.ModelProto, node_names: Collection[str]) -> onnx.ModelProto:
    """Store the weights of some nodes as float16, in place; they still compute in float32."""
    graph = model.graph
    tensors = initializers(graph)
    weights: dict[str, None] = {}  # an ordered set
    for node in graph.node:
        if node.name not in node_names:
            continue
        weight = _stored_weight(node, tensors)
        if weight is not None and weight.data_type == onnx.TensorProto.FLOAT:
            weights[weight.name] = None
    casts = []
    for name in weights:
        values = numpy_helper.to_array(tensors[name])
        half = values.astype(np.float16)
        stored = add_initializer(graph, f"{name}_half", half)
        cast = helper.make_node(
            "Cast", inputs=[stored], outputs=[f"{name}_float"], to=onnx.TensorProto.FLOAT
        )
        casts.append(cast)
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name in weights:
                node.input[index] = f"{name}_float"
    replace_nodes(graph, [*casts, *graph.node])
    _remove_initializers(graph, weights)
    return model


def _stored_weight(
    node: onnx.NodeProto, tensors: Mapping[str, onnx.TensorProto]
) -> onnx.TensorProto | None:
    """Return the initializer that a node multiplies by; None if there is none."""
    if node.op_type not in WEIGHTED:
        return None
    name = node.input[1]
    return tensors.get(name)


def _remove_initializers(graph: onnx.GraphProto, names: Iterable[str]) -> None:
    removed = set(names)
    tensors = graph.initializer
    for index in reversed(range(len(tensors))):
        if tensors[index].name in removed:
            del tensors[index]


def _quantize_weight(
    graph: onnx.GraphProto, tensor: onnx.TensorProto, reader: onnx.NodeProto, block_size: int | None
) -> onnx.NodeProto:
    """Add integers and scales of a weight to the graph; return the node that dequantizes them."""
    values = numpy_helper.to_array(tensor)
    input_axis, output_axis = _channel_axes(reader)
    input_channels = values.shape[input_axis]
    dtype = onnx.TensorProto.INT4
    layout = ScaleLayout(output_axis)
    if _is_depthwise(reader, values):
        dtype = onnx.TensorProto.INT8
    elif block_size and input_channels % block_size == 0:
        layout = ScaleLayout(input_axis, block_size)
    integers, scales = round_weights(values, LIMITS[dtype], layout)
    stored = helper.make_tensor(
        f"{tensor.name}_integers", dtype, dims=values.shape, vals=integers.reshape(-1)
    )
    graph.initializer.append(stored)
    scales_name = add_initializer(graph, f"{tensor.name}_scales", scales)
    node = helper.make_node(
        "DequantizeLinear", inputs=[stored.name, scales_name], outputs=[f"{tensor.name}_float"]
    )
    for name, value in layout.attributes().items():
        attribute = helper.make_attribute(name, value)
        node.attribute.append(attribute)
    return node


def round_weights(
    values: NDArray[np.float32], limit: int, layout: ScaleLayout
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantize weights symmetrically.

    Args:
        values: weights of any shape, e.g. [out, in, h, w].
        limit: largest integer.
        layout: axis of the scales, and the size of a block on it.

    Returns:
        Integers [*values.shape], and scales [values.shape[axis]] or, with blocks,
        [..., values.shape[axis] // block_size, ...].
    """
    magnitudes = np.abs(values)
    axis = layout.axis
    if layout.block_size:
        peaks = _block_peaks(magnitudes, axis, layout.block_size)
        steps = peaks / limit
        divisors = steps.repeat(layout.block_size, axis=axis)
    else:
        axes = list(range(values.ndim))
        axes.remove(axis)
        reduced_axes = tuple(axes)
        peaks = magnitudes.max(axis=reduced_axes)
        steps = peaks / limit
        divisors = np.expand_dims(steps, reduced_axes)
    # Where a step is zero, all of its weights are.
    scales = np.where(peaks > 0, steps, 1)
    divisors = np.where(divisors > 0, divisors, 1)
    integers = np.rint(values / divisors)
    clipped = integers.clip(-limit, limit)
    return clipped.astype(np.int8), scales.astype(np.float32)


def _block_peaks(
    magnitudes: NDArray[np.float32], axis: int, block_size: int
) -> NDArray[np.float32]:
    """Return the maximum of each block on an axis, [..., size // block_size, ...]."""
    shape = magnitudes.shape
    leading = shape[:axis]
    trailing = shape[axis + 1 :]
    blocks = shape[axis] // block_size
    by_block = magnitudes.reshape(*leading, blocks, block_size, *trailing)
    peaks: NDArray[np.float32] = by_block.max(axis=axis + 1)
    return peaks


def _channel_axes(node: onnx.NodeProto) -> tuple[int, int]:
    """Return the axes of a weight that count input and output channels."""
    if node.op_type == "Conv":
        return 1, 0  # [out, in, h, w]
    if attribute_values(node).get("transB"):
        return 1, 0
    return 0, 1


def _is_depthwise(node: onnx.NodeProto, values: NDArray[np.float32]) -> bool:
    if node.op_type != "Conv":
        return False
    groups: int = attribute_values(node).get("group", 1)
    channels_per_group = values.shape[1]
    return groups > 1 and channels_per_group == 1
