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
    if weights_name not in tensors or any(name not in tensors for name in biases):
        return None
    weights = numpy_helper.to_array(tensors[weights_name])
    geometry = _geometry(node, graph, weights.shape)
    if geometry is None:
        return None
    output = node.output[0]
    kernel = add_initializer(graph, f"{output}_kernel", _kernel(weights, geometry))
    inputs = [x, kernel]
    if biases and biases[0]:
        bias = numpy_helper.to_array(tensors[biases[0]])
        repeated = np.repeat(bias, geometry.stride**2)
        inputs.append(add_initializer(graph, f"{output}_kernel_bias", repeated))
    return [*_convolution(geometry, inputs, output), _crop(geometry, graph, output)]


def _convolution(geometry: Geometry, inputs: list[str], output: str) -> list[onnx.NodeProto]:
    rows, columns = geometry.taps
    channels = f"{output}_channels"
    convolution = helper.make_node(
        "Conv",
        inputs=inputs,
        outputs=[channels],
        name=f"{channels}_conv",
        kernel_shape=[rows, columns],
        pads=[rows - 1, columns - 1, rows - 1, columns - 1],
    )
    pixels = helper.make_node(
        "DepthToSpace",
        inputs=[channels],
        outputs=[f"{output}_pixels"],
        name=f"{output}_pixels_node",
        blocksize=geometry.stride,
        mode="CRD",
    )
    return [convolution, pixels]


def _crop(geometry: Geometry, graph: onnx.GraphProto, output: str) -> onnx.NodeProto:
    begins = np.array(geometry.crops, np.int64)
    ends = begins + np.array(geometry.size, np.int64)
    inputs = [
        f"{output}_pixels",
        add_initializer(graph, f"{output}_begins", begins),
        add_initializer(graph, f"{output}_ends", ends),
        add_initializer(graph, f"{output}_crop_axes", np.array([2, 3], np.int64)),
    ]
    return helper.make_node("Slice", inputs=inputs, outputs=[output], name=f"{output}_crop")


def _kernel(weights: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """Return [out * stride^2, in, taps, taps] of weights [in, out, height, width]."""
    stride = geometry.stride
    rows, columns = geometry.taps
    inputs, outputs, height, width = weights.shape
    padding = ((0, 0), (0, 0), (0, rows * stride - height), (0, columns * stride - width))
    padded = np.pad(weights, padding)
    # A tap of a transposed convolution counts from the input, one of a convolution from the output.
    split = padded.reshape(inputs, outputs, rows, stride, columns, stride)
    flipped = split[:, :, ::-1, :, ::-1, :]
    ordered = flipped.transpose(1, 3, 5, 0, 2, 4)
    return np.ascontiguousarray(ordered).reshape(outputs * stride**2, inputs, rows, columns)


def _geometry(
    node: onnx.NodeProto, graph: onnx.GraphProto, weights_shape: tuple[int, ...]
) -> Geometry | None:
    attributes = attribute_values(node)
    output_shape = shapes(graph).get(node.output[0])
    strides = set(attributes.get("strides", [1, 1]))
    is_plain = attributes.get("group", 1) == 1 and set(attributes.get("dilations", [1])) == {1}
    auto_pad = attributes.get("auto_pad", b"NOTSET")
    has_size = "output_shape" in attributes or auto_pad != b"NOTSET"
    if output_shape is None or len(weights_shape) != 4 or len(strides) != 1:
        return None
    if not is_plain or has_size:
        return None
    stride = strides.pop()
    _, _, height, width = weights_shape
    pads = attributes.get("pads", [0, 0, 0, 0])
    return Geometry(
        stride=stride,
        taps=(-(-height // stride), -(-width // stride)),
        crops=(pads[0], pads[1]),
        size=(output_shape[2], output_shape[3]),
    )
