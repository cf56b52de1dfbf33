"""Scale and zero point of an input or output of integers: out of a graph, into a file's metadata, and back.

ONNX has no place for them beside the type of an input, so they go by name into metadata_props.
"""

from collections.abc import Mapping
from typing import Any

from edgebake.runtimes.session import Tensor

LAYOUTS = {"input": "NHWC", "output": "NC"}
KEYS = tuple(f"{end}_{word}" for end in LAYOUTS for word in ("scale", "zero_point"))


def io_scales(graph: Any) -> dict[str, str]:
    """Return the properties of an onnx.GraphProto's ends; none for an end of real numbers."""
    readers = [
        node
        for node in graph.node
        if graph.input[0].name in node.input and node.op_type == "DequantizeLinear"
    ]
    makers = [
        node
        for node in graph.node
        if graph.output[0].name in node.output and node.op_type == "QuantizeLinear"
    ]
    return {**_properties(graph, "input", readers), **_properties(graph, "output", makers)}


def _properties(graph: Any, end: str, nodes: list[Any]) -> dict[str, str]:
    if not nodes:
        return {}
    from onnx import numpy_helper  # an app's way of running a file does without

    held = {item.name: item for item in graph.initializer}
    scale, zero = (numpy_helper.to_array(held[name]) for name in nodes[0].input[1:3])
    return {f"{end}_scale": repr(float(scale)), f"{end}_zero_point": str(int(zero))}


def describe_tensor(
    end: str, described: tuple[str, list[int], str], properties: Mapping[str, str]
) -> Tensor:
    """Return the input or output of a file, `described` by name, shape and dtype, with what its properties say."""
    name, shape, dtype = described
    scale, zero = properties.get(f"{end}_scale"), properties.get(f"{end}_zero_point")
    return Tensor(
        name=name,
        shape=shape,
        dtype=dtype,
        layout=LAYOUTS[end],
        scale=None if scale is None else float(scale),
        zero_point=None if zero is None else int(zero),
    )
