"""Scale and zero point of integer inputs and outputs: read from a graph, and from metadata.

ONNX has no field for them in the type of an input, so they are stored in metadata_props: of a
single input or output as `input_scale`, of several as `<name>.scale`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edgebake.runtimes.session import Tensor, input_layout, output_layout

if TYPE_CHECKING:
    import onnx

SINGLE_KEYS = ("input_scale", "input_zero_point", "output_scale", "output_zero_point")
SUFFIXES = (".scale", ".zero_point")  # of the keys of several inputs or outputs

Description = tuple[str, list[int], str]  # name, shape and dtype of an input or output


def io_scales(graph: onnx.GraphProto) -> dict[str, str]:
    """Return the properties of a graph's integer inputs and outputs; empty for floats."""
    properties: dict[str, str] = {}
    for value in graph.input:
        for node in graph.node:
            if node.op_type == "DequantizeLinear" and value.name in node.input:
                prefix = _prefix("input", value.name, len(graph.input))
                properties |= _properties(graph, prefix, node)
                break
    for value in graph.output:
        for node in graph.node:
            if node.op_type == "QuantizeLinear" and value.name in node.output:
                prefix = _prefix("output", value.name, len(graph.output))
                properties |= _properties(graph, prefix, node)
                break
    return properties


def is_key(key: str) -> bool:
    """Return whether a property is a scale or a zero point."""
    return key in SINGLE_KEYS or key.endswith(SUFFIXES)


def _properties(graph: onnx.GraphProto, prefix: str, node: onnx.NodeProto) -> dict[str, str]:
    from onnx import numpy_helper  # a session is loaded without the package onnx

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    _, scale_name, zero_point_name = node.input
    scale = numpy_helper.to_array(tensors[scale_name])
    zero_point = numpy_helper.to_array(tensors[zero_point_name])
    return {f"{prefix}scale": repr(float(scale)), f"{prefix}zero_point": str(int(zero_point))}


def _prefix(end: str, name: str, count: int) -> str:
    """Return how the keys of one of `count` inputs or outputs begin."""
    if count == 1:
        return f"{end}_"
    return f"{name}."


def describe_tensors(
    end: str, descriptions: Sequence[Description], properties: Mapping[str, str]
) -> list[Tensor]:
    """Return the inputs or the outputs of a file.

    Args:
        end: "input" or "output".
        descriptions: of all of them.
        properties: the file's metadata_props, with scale and zero point of integers.
    """
    tensors = []
    for name, shape, dtype in descriptions:
        layout = input_layout(name) if end == "input" else output_layout(shape)
        tensor = Tensor(name, shape, dtype, layout)
        prefix = _prefix(end, name, len(descriptions))
        scale = properties.get(f"{prefix}scale")
        zero_point = properties.get(f"{prefix}zero_point")
        if scale is not None and zero_point is not None:
            tensor = replace(tensor, scale=float(scale), zero_point=int(zero_point))
        tensors.append(tensor)
    return tensors
