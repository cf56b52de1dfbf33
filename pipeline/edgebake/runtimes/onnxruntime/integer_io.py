"""Change inputs or outputs of a graph in QDQ form to integers with a scale and a zero point."""

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgebake.errors import ConversionError
from edgebake.models.onnx import float_values
from edgebake.models.onnx.graph import add_initializer, initializers
from edgebake.recipe import DType
from edgebake.tasks.tensors import PROBABILITIES

INTEGER_TYPES: dict[DType | None, int] = {
    DType.uint8: onnx.TensorProto.UINT8,
    DType.int8: onnx.TensorProto.INT8,
}
# Kernels compute on uint8; an int8 value is the uint8 value less 128, and so is its zero point.
SHIFT = 128
Bounds = tuple[float, float]  # low and high of real values
UNIT_RANGE: Bounds = (0.0, 1.0)


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


def convert_inputs(
    model: onnx.ModelProto, dtype: DType | None, bounds: Mapping[str, Bounds]
) -> onnx.ModelProto:
    """Change the float inputs of the graph to a dtype, in place; None leaves float32.

    Inputs that are integers, such as numbers of letters, stay as they are.

    Args:
        model: a graph in QDQ form.
        dtype: float32, uint8 or int8.
        bounds: range of each float input, by its name.

    Raises:
        ConversionError: ONNX Runtime has no kernels for the dtype.
    """
    element_type = _element_type("input", dtype)
    if element_type is None:
        return model
    graph = model.graph
    for name in float_values.float_inputs(model):
        quantizer = _input_quantizer(graph, name, bounds[name])
        if dtype is DType.uint8:
            graph.node.remove(quantizer)
            _rename_inputs(graph, quantizer.output[0], name)
        else:
            parameters = _add_signed_parameters(graph, quantizer, name)
            quantizer.input[0] = f"{name}_signed"
            dequantize = helper.make_node(
                "DequantizeLinear", inputs=[name, *parameters], outputs=[f"{name}_signed"]
            )
            graph.node.insert(0, dequantize)
        _set_type(graph.input, name, element_type)
    return model


def convert_outputs(
    model: onnx.ModelProto, dtype: DType | None, bounds: Mapping[str, Bounds]
) -> onnx.ModelProto:
    """Change the outputs of the graph to a dtype, in place; None leaves float32.

    Args:
        model: a graph in QDQ form.
        dtype: float32, uint8 or int8.
        bounds: range of each output, by its name; probabilities may have any from 0 to 1.

    Raises:
        ConversionError: ONNX Runtime has no kernels for the dtype.
    """
    element_type = _element_type("output", dtype)
    if element_type is None:
        return model
    graph = model.graph
    for name in [value.name for value in graph.output]:
        limits = UNIT_RANGE if name == PROBABILITIES else bounds[name]
        dequantizer = _output_dequantizer(graph, name, limits)
        if dtype is DType.uint8:
            integers = dequantizer.input[0]
            graph.node.remove(dequantizer)
            _rename_inputs(graph, integers, name)
            _rename_outputs(graph, integers, name)
        else:
            dequantizer.output[0] = f"{name}_unsigned"
            parameters = _add_signed_parameters(graph, dequantizer, name)
            quantize = helper.make_node(
                "QuantizeLinear", inputs=[f"{name}_unsigned", *parameters], outputs=[name]
            )
            graph.node.append(quantize)
        _set_type(graph.output, name, element_type)
    return model


def _set_type(values: Iterable[onnx.ValueInfoProto], name: str, element_type: int) -> None:
    for value in values:
        if value.name == name:
            value.type.tensor_type.elem_type = element_type


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


def _input_quantizer(graph: onnx.GraphProto, name: str, bounds: Bounds) -> onnx.NodeProto:
    """Return the node that quantizes an input; insert one if all of its readers compute in float.

    Readers that compute in float then read the dequantized input.
    """
    quantizers: list[onnx.NodeProto] = []
    float_readers: list[onnx.NodeProto] = []
    for node in graph.node:
        if name not in node.input:
            continue
        if node.op_type == "QuantizeLinear":
            quantizers.append(node)
        else:
            float_readers.append(node)
    if not quantizers:
        parameters = _add_unsigned_parameters(graph, name, bounds)
        quantize = helper.make_node(
            "QuantizeLinear", inputs=[name, *parameters], outputs=[f"{name}_integers"]
        )
        graph.node.insert(0, quantize)
        quantizers = [graph.node[0]]  # the inserted node is a copy
    quantizer = quantizers[0]
    if float_readers:
        for node in float_readers:
            _rename_inputs_of(node, name, f"{name}_real")
        _, *parameters = quantizer.input
        dequantize = helper.make_node(
            "DequantizeLinear", inputs=[quantizer.output[0], *parameters], outputs=[f"{name}_real"]
        )
        graph.node.insert(1, dequantize)
    return quantizer


def _output_dequantizer(graph: onnx.GraphProto, name: str, bounds: Bounds) -> onnx.NodeProto:
    """Return the node that dequantizes an output; append one if the output is a float."""
    producers = [node for node in graph.node if name in node.output]
    producer: onnx.NodeProto = producers[0]
    if producer.op_type == "DequantizeLinear":
        return producer
    parameters = _add_unsigned_parameters(graph, name, bounds)
    _rename_outputs_of(producer, name, f"{name}_real")
    _rename_inputs(graph, name, f"{name}_real")
    integers = f"{name}_integers"
    quantize = helper.make_node(
        "QuantizeLinear", inputs=[f"{name}_real", *parameters], outputs=[integers]
    )
    dequantize = helper.make_node(
        "DequantizeLinear", inputs=[integers, *parameters], outputs=[name]
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


def _add_signed_parameters(graph: onnx.GraphProto, node: onnx.NodeProto, end: str) -> list[str]:
    """Add scale and zero point of int8 to the graph that represent the same values as a node's."""
    tensors = initializers(graph)
    _, scale_name, zero_point_name = node.input
    scale = numpy_helper.to_array(tensors[scale_name])
    zero_point = numpy_helper.to_array(tensors[zero_point_name])
    return _add_parameters(
        graph,
        prefix=f"{end}_signed",
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
