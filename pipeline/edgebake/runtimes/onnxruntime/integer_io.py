"""Change the input or output of a graph in QDQ form to integers with a scale and a zero point."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgebake.errors import ConversionError
from edgebake.models.onnx.float_graph import PROBABILITIES
from edgebake.models.onnx.float_values import IMAGE
from edgebake.models.onnx.graph import add_initializer, initializers
from edgebake.recipe import DType

INTEGER_TYPES: dict[DType | None, int] = {
    DType.uint8: onnx.TensorProto.UINT8,
    DType.int8: onnx.TensorProto.INT8,
}
# Kernels compute on uint8; an int8 value is the uint8 value less 128, and so is its zero point.
SHIFT = 128
Bounds = tuple[float, float]  # low and high of real values


def refuse_integers(scheme: str, dtypes: Mapping[str, DType | None]) -> None:
    """Refuse integers at input or output of a file whose activations are floats.

    Args:
        scheme: of the file, for the message.
        dtypes: "input" and "output" -> dtype of the recipe; None: the runtime's default.

    Raises:
        ConversionError: input or output is an integer.
    """
    for end, dtype in dtypes.items():
        if dtype not in (None, DType.float32):
            raise ConversionError(
                f"convert.{end}: {dtype.value} has no scale where activations stay in float, "
                f"as in {scheme}; expected float32 or null"
            )


def convert_input(model: onnx.ModelProto, dtype: DType | None, bounds: Bounds) -> onnx.ModelProto:
    """Change the input of the graph to a dtype, in place; None leaves float32.

    Args:
        model: a graph in QDQ form with one input, image.
        dtype: float32, uint8 or int8.
        bounds: range of the preprocessed images.

    Raises:
        ConversionError: ONNX Runtime has no kernels for the dtype.
    """
    element_type = _element_type("input", dtype)
    if element_type is None:
        return model
    graph = model.graph
    quantizer = _image_quantizer(graph, bounds)
    if dtype is DType.uint8:
        graph.node.remove(quantizer)
        _rename_inputs(graph, quantizer.output[0], IMAGE)
    else:
        parameters = _add_signed_parameters(graph, quantizer)
        quantizer.input[0] = "image_signed"
        dequantize = helper.make_node(
            "DequantizeLinear", inputs=[IMAGE, *parameters], outputs=["image_signed"]
        )
        graph.node.insert(0, dequantize)
    tensor_type = graph.input[0].type.tensor_type
    tensor_type.elem_type = element_type
    return model


def convert_output(model: onnx.ModelProto, dtype: DType | None) -> onnx.ModelProto:
    """Change the output of the graph to a dtype, in place; None leaves float32.

    Raises:
        ConversionError: ONNX Runtime has no kernels for the dtype.
    """
    element_type = _element_type("output", dtype)
    if element_type is None:
        return model
    graph = model.graph
    dequantizer = _probabilities_dequantizer(graph)
    if dtype is DType.uint8:
        integers = dequantizer.input[0]
        graph.node.remove(dequantizer)
        _rename_inputs(graph, integers, PROBABILITIES)
        _rename_outputs(graph, integers, PROBABILITIES)
    else:
        dequantizer.output[0] = "probabilities_unsigned"
        parameters = _add_signed_parameters(graph, dequantizer)
        quantize = helper.make_node(
            "QuantizeLinear",
            inputs=["probabilities_unsigned", *parameters],
            outputs=[PROBABILITIES],
        )
        graph.node.append(quantize)
    tensor_type = graph.output[0].type.tensor_type
    tensor_type.elem_type = element_type
    return model


def _element_type(end: str, dtype: DType | None) -> int | None:
    """Return ONNX's number of an integer dtype; None for float32."""
    if dtype in (None, DType.float32):
        return None
    if dtype not in INTEGER_TYPES:
        raise ConversionError(
            f"convert.{end}: ONNX Runtime computes on uint8 and has no kernels for {dtype.value}; "
            "expected one of: float32, int8, uint8, null"
        )
    return INTEGER_TYPES[dtype]


def _image_quantizer(graph: onnx.GraphProto, bounds: Bounds) -> onnx.NodeProto:
    """Return the node that quantizes the image; insert one if all of its readers compute in float.

    Readers that compute in float then read the dequantized image.
    """
    quantizers: list[onnx.NodeProto] = []
    float_readers: list[onnx.NodeProto] = []
    for node in graph.node:
        if IMAGE not in node.input:
            continue
        if node.op_type == "QuantizeLinear":
            quantizers.append(node)
        else:
            float_readers.append(node)
    if not quantizers:
        parameters = _add_unsigned_parameters(graph, "image", bounds)
        quantize = helper.make_node(
            "QuantizeLinear", inputs=[IMAGE, *parameters], outputs=["image_integers"]
        )
        graph.node.insert(0, quantize)
        quantizers = [graph.node[0]]  # the inserted node is a copy
    quantizer = quantizers[0]
    if float_readers:
        for node in float_readers:
            _rename_inputs_of(node, IMAGE, "image_real")
        _, *parameters = quantizer.input
        dequantize = helper.make_node(
            "DequantizeLinear", inputs=[quantizer.output[0], *parameters], outputs=["image_real"]
        )
        graph.node.insert(1, dequantize)
    return quantizer


def _probabilities_dequantizer(graph: onnx.GraphProto) -> onnx.NodeProto:
    """Return the node that dequantizes the output; append one if the output is a float."""
    producers = [node for node in graph.node if PROBABILITIES in node.output]
    producer: onnx.NodeProto = producers[0]
    if producer.op_type == "DequantizeLinear":
        return producer
    parameters = _add_unsigned_parameters(graph, "probabilities", (0.0, 1.0))
    _rename_outputs_of(producer, PROBABILITIES, "probabilities_real")
    integers = "probabilities_integers"
    quantize = helper.make_node(
        "QuantizeLinear", inputs=["probabilities_real", *parameters], outputs=[integers]
    )
    dequantize = helper.make_node(
        "DequantizeLinear", inputs=[integers, *parameters], outputs=[PROBABILITIES]
    )
    graph.node.extend([quantize, dequantize])
    appended: onnx.NodeProto = graph.node[-1]  # a copy
    return appended


def _add_unsigned_parameters(graph: onnx.GraphProto, end: str, bounds: Bounds) -> list[str]:
    """Add scale and zero point of uint8 over a range to the graph; return their names."""
    low, high = bounds
    low = min(low, 0.0)
    high = max(high, 0.0)
    scale = np.float32((high - low) / 255 or 1)
    zero_step = np.rint(-low / scale)
    zero_point = np.uint8(zero_step.clip(0, 255))
    return _add_parameters(graph, end, scale, zero_point)


def _add_signed_parameters(graph: onnx.GraphProto, node: onnx.NodeProto) -> list[str]:
    """Add scale and zero point of int8 to the graph that represent the same values as a node's."""
    tensors = initializers(graph)
    _, scale_name, zero_point_name = node.input
    scale = numpy_helper.to_array(tensors[scale_name])
    zero_point = numpy_helper.to_array(tensors[zero_point_name])
    return _add_parameters(
        graph,
        prefix=f"{node.op_type}_signed",
        scale=np.float32(scale),
        zero_point=np.int8(int(zero_point) - SHIFT),
    )


def _add_parameters(
    graph: onnx.GraphProto, prefix: str, scale: np.float32, zero_point: np.uint8 | np.int8
) -> list[str]:
    return [
        add_initializer(graph, f"{prefix}_scale", scale),
        add_initializer(graph, f"{prefix}_zero_point", zero_point),
    ]


def _rename_inputs(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        _rename_inputs_of(node, old, new)


def _rename_outputs(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        _rename_outputs_of(node, old, new)


def _rename_inputs_of(node: onnx.NodeProto, old: str, new: str) -> None:
    for index, name in enumerate(node.input):
        if name == old:
            node.input[index] = new


def _rename_outputs_of(node: onnx.NodeProto, old: str, new: str) -> None:
    for index, name in enumerate(node.output):
        if name == old:
            node.output[index] = new
