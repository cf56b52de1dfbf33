"""Scale and zero point of integer inputs and outputs: read from a graph, and from metadata.

ONNX has no field for them in the type of an input, so they are stored in metadata_props.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from edgebake.runtimes.session import Tensor

if TYPE_CHECKING:
    import onnx

LAYOUTS = {"input": "NHWC", "output": "NC"}
KEYS = ("input_scale", "input_zero_point", "output_scale", "output_zero_point")


def io_scales(graph: onnx.GraphProto) -> dict[str, str]:
    """Return the properties of a graph's integer input and output; empty for floats."""
    image = graph.input[0].name
    probabilities = graph.output[0].name
    properties: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and image in node.input:
            properties |= _properties(graph, "input", node)
            break
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and probabilities in node.output:
            properties |= _properties(graph, "output", node)
            break
    return properties


def _properties(graph: onnx.GraphProto, end: str, node: onnx.NodeProto) -> dict[str, str]:
    from onnx import numpy_helper  # a session is loaded without the package onnx

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    _, scale_name, zero_point_name = node.input
    scale = numpy_helper.to_array(tensors[scale_name])
    zero_point = numpy_helper.to_array(tensors[zero_point_name])
    return {f"{end}_scale": repr(float(scale)), f"{end}_zero_point": str(int(zero_point))}


def describe_tensor(
    end: str, description: tuple[str, list[int], str], properties: Mapping[str, str]
) -> Tensor:
    """Return the description of the input or output of a file.

    Args:
        end: "input" or "output".
        description: name, shape and dtype.
        properties: the file's metadata_props, with scale and zero point of integers.
    """
    name, shape, dtype = description
    layout = LAYOUTS[end]
    tensor = Tensor(name, shape, dtype, layout)
    scale = properties.get(f"{end}_scale")
    zero_point = properties.get(f"{end}_zero_point")
    if scale is None or zero_point is None:
        return tensor
    return replace(tensor, scale=float(scale), zero_point=int(zero_point))
