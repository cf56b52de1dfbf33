"""Let a graph in QDQ form take its input, or give its output, as integers that stand for real numbers."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgebake.errors import ConversionError
from edgebake.models.onnx.float_graph import IMAGE, PROBABILITIES
from edgebake.recipe import DType

TYPES: dict[DType | None, int] = {
    DType.uint8: onnx.TensorProto.UINT8,
    DType.int8: onnx.TensorProto.INT8,
}
# Kernels compute on uint8; int8 is the same number less 128, and so is its zero point.
SHIFT = 128
Bounds = tuple[float, float]


def refuse_integers(scheme: str, wishes: Mapping[str, DType | None]) -> None:
    """Hold what a recipe wants of a file without quantized activations against what it can have.

    Raises:
        ConversionError: input or output are to be integers.
    """
    for end, wish in wishes.items():
        if wish not in (None, DType.float32):
            raise ConversionError(
                f"convert.{end}: {wish.value} has no scale where activations stay in float, as in {scheme}; "
                "expected float32 or null"
            )


def convert_input(model: onnx.ModelProto, wish: DType | None, bounds: Bounds) -> onnx.ModelProto:
    """Return the graph with the input that the recipe wants; `bounds` are the range of what is fed.

    Raises:
        ConversionError: ONNX Runtime has no kernels for the dtype.
    """
    dtype = _dtype("input", wish)
    if dtype is None:
        return model
    graph = model.graph
    quantizer = _first_quantizer(graph, bounds)
    if wish is DType.uint8:
        graph.node.remove(quantizer)
        _read(graph, quantizer.output[0], IMAGE)
    else:
        shifted = helper.make_node(
            "DequantizeLinear", [IMAGE, *_shifted(graph, quantizer)], ["image_signed"]
        )
        quantizer.input[0] = "image_signed"
        graph.node.insert(0, shifted)
    graph.input[0].type.tensor_type.elem_type = dtype
    return model


def convert_output(model: onnx.ModelProto, wish: DType | None) -> onnx.ModelProto:
    """Return the graph with the output that the recipe wants.

    Raises:
        ConversionError: ONNX Runtime has no kernels for the dtype.
    """
    dtype = _dtype("output", wish)
    if dtype is None:
        return model
    graph = model.graph
    dequantizer = _last_dequantizer(graph)
    if wish is DType.uint8:
        graph.node.remove(dequantizer)
        _read(graph, dequantizer.input[0], PROBABILITIES)
        _write(graph, dequantizer.input[0], PROBABILITIES)
    else:
        dequantizer.output[0] = "probabilities_unsigned"
        names = ["probabilities_unsigned", *_shifted(graph, dequantizer)]
        graph.node.append(helper.make_node("QuantizeLinear", names, [PROBABILITIES]))
    graph.output[0].type.tensor_type.elem_type = dtype
    return model


def _dtype(end: str, wish: DType | None) -> int | None:
    """Return ONNX's number of an integer dtype; none for float32."""
    if wish in (None, DType.float32):
        return None
    if wish not in TYPES:
        raise ConversionError(
            f"convert.{end}: ONNX Runtime computes on uint8 and has no kernels for {wish.value}; "
            "expected one of: float32, int8, uint8, null"
        )
    return TYPES[wish]


def _first_quantizer(graph: onnx.GraphProto, bounds: Bounds) -> onnx.NodeProto:
    """Return the node that quantizes the image; put one there if all of its readers were kept in float."""
    readers = [node for node in graph.node if IMAGE in node.input]
    found: onnx.NodeProto | None = next(
        (node for node in readers if node.op_type == "QuantizeLinear"), None
    )
    if found is None:
        step = _step(graph, "image", bounds)
        graph.node.insert(0, helper.make_node("QuantizeLinear", [IMAGE, *step], ["image_integers"]))
        found = _at(graph, 0)
    others = [node for node in readers if node.op_type != "QuantizeLinear"]
    if others:
        for node in others:
            node.input[:] = ["image_real" if name == IMAGE else name for name in node.input]
        graph.node.insert(
            1,
            helper.make_node(
                "DequantizeLinear", [found.output[0], *found.input[1:]], ["image_real"]
            ),
        )
    return found


def _last_dequantizer(graph: onnx.GraphProto) -> onnx.NodeProto:
    """Return the node that makes the answer real; put one there, and a quantizer, if its maker was kept in float."""
    maker: onnx.NodeProto = next(node for node in graph.node if PROBABILITIES in node.output)
    if maker.op_type == "DequantizeLinear":
        return maker
    step = _step(graph, "probabilities", (0.0, 1.0))
    maker.output[:] = [
        "probabilities_real" if name == PROBABILITIES else name for name in maker.output
    ]
    graph.node.append(
        helper.make_node(
            "QuantizeLinear", ["probabilities_real", *step], ["probabilities_integers"]
        )
    )
    graph.node.append(
        helper.make_node("DequantizeLinear", ["probabilities_integers", *step], [PROBABILITIES])
    )
    return _at(graph, -1)


def _at(graph: onnx.GraphProto, index: int) -> onnx.NodeProto:
    node: onnx.NodeProto = graph.node[index]  # what is inserted is a copy
    return node


def _step(graph: onnx.GraphProto, end: str, bounds: Bounds) -> list[str]:
    """Add scale and zero point of uint8 over a range to the graph; return their names."""
    low, high = min(bounds[0], 0.0), max(bounds[1], 0.0)
    scale = np.float32((high - low) / 255 or 1)
    zero = np.uint8(np.rint(-low / scale).clip(0, 255))
    return _added(graph, end, scale, zero)


def _shifted(graph: onnx.GraphProto, node: onnx.NodeProto) -> list[str]:
    """Add scale and zero point of int8 that stand for the same numbers as a node's; return their names."""
    found = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    scale, zero = (found[name] for name in node.input[1:3])
    return _added(graph, f"{node.op_type}_signed", np.float32(scale), np.int8(int(zero) - SHIFT))


def _added(
    graph: onnx.GraphProto, end: str, scale: np.float32, zero: np.uint8 | np.int8
) -> list[str]:
    names = [f"{end}_scale", f"{end}_zero_point"]
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value), name)
        for value, name in zip((scale, zero), names, strict=True)
    )
    return names


def _read(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]


def _write(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.output[:] = [new if name == old else name for name in node.output]
