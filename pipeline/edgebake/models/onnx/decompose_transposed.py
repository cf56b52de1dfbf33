"""Write a transposed convolution as a convolution whose channels become pixels.

With stride s, each of the s * s positions of an output pixel modulo s has a convolution of its own;
DepthToSpace interleaves their results. Kernels are padded to multiples of s.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgebake.models.onnx.graph import add_initializer, attribute_values, initializers, shapes


@dataclass(frozen=True)
class Geometry:
    """Sizes of a transposed convolution: a square stride, and what is cut off at each begin."""

    stride: int
    taps: tuple[int, int]  # of each convolution, over height and width
    crops: tuple[int, int]  # rows and columns before the output
    size: tuple[int, int]  # height and width of the output


def transposed_convolution(
    node: onnx.NodeProto, graph: onnx.GraphProto
) -> list[onnx.NodeProto] | None:
    """Return the nodes of the convolution; None for groups, dilations or uneven strides."""
    tensors = initializers(graph)
    x, weights_name, *biases = node.input
    constants = [weights_name, *biases]
    if any(name not in tensors for name in constants):
        return None
    weights = numpy_helper.to_array(tensors[weights_name])
    geometry = _geometry(node, graph, weights.shape)
    if geometry is None:
        return None
    output = node.output[0]
    flipped_weights = _kernel(weights, geometry)
    kernel = add_initializer(graph, f"{output}_kernel", flipped_weights)
    inputs = [x, kernel]
    if biases and biases[0]:
        bias = numpy_helper.to_array(tensors[biases[0]])
        copies = geometry.stride**2
        repeated = np.repeat(bias, copies)
        bias_name = add_initializer(graph, f"{output}_kernel_bias", repeated)
        inputs.append(bias_name)
    convolution = _convolution(geometry, inputs, output)
    crop = _crop(geometry, graph, output)
    return [*convolution, crop]


def _convolution(geometry: Geometry, inputs: list[str], output: str) -> list[onnx.NodeProto]:
    rows, columns = geometry.taps
    row_pad = rows - 1
    column_pad = columns - 1
    channels = f"{output}_channels"
    convolution = helper.make_node(
        "Conv",
        inputs=inputs,
        outputs=[channels],
        name=f"{channels}_conv",
        kernel_shape=[rows, columns],
        pads=[row_pad, column_pad, row_pad, column_pad],
    )
    pixels = f"{output}_pixels"
    rearrangement = helper.make_node(
        "DepthToSpace",
        inputs=[channels],
        outputs=[pixels],
        name=f"{pixels}_node",
        blocksize=geometry.stride,
        mode="CRD",
    )
    return [convolution, rearrangement]


def _crop(geometry: Geometry, graph: onnx.GraphProto, output: str) -> onnx.NodeProto:
    begins = np.array(geometry.crops, np.int64)
    size = np.array(geometry.size, np.int64)
    ends = begins + size
    axes = np.array([2, 3], np.int64)
    begins_name = add_initializer(graph, f"{output}_begins", begins)
    ends_name = add_initializer(graph, f"{output}_ends", ends)
    axes_name = add_initializer(graph, f"{output}_crop_axes", axes)
    inputs = [f"{output}_pixels", begins_name, ends_name, axes_name]
    return helper.make_node("Slice", inputs=inputs, outputs=[output], name=f"{output}_crop")


def _kernel(weights: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """Return [out * stride^2, in, taps, taps] of weights [in, out, height, width]."""
    stride = geometry.stride
    rows, columns = geometry.taps
    inputs, outputs, height, width = weights.shape
    missing_rows = rows * stride - height
    missing_columns = columns * stride - width
    padding = ((0, 0), (0, 0), (0, missing_rows), (0, missing_columns))
    padded = np.pad(weights, padding)
    # A tap of a transposed convolution counts from the input, one of a convolution from the output.
    split = padded.reshape(inputs, outputs, rows, stride, columns, stride)
    flipped = split[:, :, ::-1, :, ::-1, :]
    ordered = flipped.transpose(1, 3, 5, 0, 2, 4)
    contiguous = np.ascontiguousarray(ordered)
    channels = outputs * stride**2
    return contiguous.reshape(channels, inputs, rows, columns)


def _geometry(
    node: onnx.NodeProto, graph: onnx.GraphProto, weights_shape: tuple[int, ...]
) -> Geometry | None:
    attributes = attribute_values(node)
    output_shape = shapes(graph).get(node.output[0])
    strides = set(attributes.get("strides", [1, 1]))
    groups = attributes.get("group", 1)
    dilations = set(attributes.get("dilations", [1]))
    is_plain = groups == 1 and dilations == {1}
    auto_pad = attributes.get("auto_pad", b"NOTSET")
    has_size = "output_shape" in attributes or auto_pad != b"NOTSET"
    if output_shape is None:
        return None
    if len(weights_shape) != 4 or len(strides) != 1:
        return None
    if not is_plain or has_size:
        return None
    stride = strides.pop()
    _, _, height, width = weights_shape
    pads = attributes.get("pads", [0, 0, 0, 0])
    row_taps = -(-height // stride)
    column_taps = -(-width // stride)
    return Geometry(
        stride=stride,
        taps=(row_taps, column_taps),
        crops=(pads[0], pads[1]),
        size=(output_shape[2], output_shape[3]),
    )
