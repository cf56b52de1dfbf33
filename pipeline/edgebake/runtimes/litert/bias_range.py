"""Keep the biases of a .tflite within the range of their integers.

An integer bias has the scale of the input times the scale of the weights of its channel. Where all
weights of a channel are zero or nearly so, as weight decay leaves them, this scale is so small that
the bias does not fit its integers, and LiteRT's quantizer clips it to almost zero without an error.
TFLiteConverter and ONNX Runtime raise the scale. Here the largest weight of the channel is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgebake.models.tflite import tables

WEIGHT_LIMIT = 127  # largest integer of a weight
# Largest integer of a bias: int32, and the sum of the products is added to it. With int16
# activations, biases are stored as int64, but quantizers clip them to int32.
BIAS_LIMIT = 2**30


@dataclass(frozen=True)
class BiasedOperator:
    """A kind of operator: position of its live input and bias, and the axis of its channels."""

    image: int
    bias: int
    axis: int


WEIGHTS = 1  # position of the weights
BIASED = {
    "CONV_2D": BiasedOperator(image=0, bias=2, axis=0),
    "DEPTHWISE_CONV_2D": BiasedOperator(image=0, bias=2, axis=3),
    "FULLY_CONNECTED": BiasedOperator(image=0, bias=2, axis=0),
    "TRANSPOSE_CONV": BiasedOperator(image=2, bias=3, axis=0),
}


def fit_biases(model: bytes, bounds: Mapping[str, tuple[float, float]], activations: str) -> bytes:
    """Return the .tflite with the weights raised whose bias would not fit its integers.

    Args:
        model: a float .tflite.
        bounds: low and high of each computed tensor, by name.
        activations: int8 or int16.
    """
    parsed = tables.parse(model)
    graph = parsed.subgraphs[0]
    changed = False
    for operator, kind in _biased_operators(parsed, graph):
        image_tensor = graph.tensors[operator.inputs[kind.image]]
        image = image_tensor.name.decode()
        image_bounds = bounds.get(image, (0.0, 0.0))
        scale = input_scale(image_bounds, activations)
        weights_tensor = graph.tensors[operator.inputs[WEIGHTS]]
        weights = _values(parsed, weights_tensor)
        bias_tensor = graph.tensors[operator.inputs[kind.bias]]
        bias = _values(parsed, bias_tensor)
        if scale == 0 or weights is None or bias is None:
            continue
        channels_first = np.moveaxis(weights, kind.axis, 0)
        raised = weights_that_fit_bias(channels_first, bias, scale)
        if raised is not None:
            channels_back = np.moveaxis(raised, 0, kind.axis)
            content = np.ascontiguousarray(channels_back).reshape(-1)
            buffer = parsed.buffers[weights_tensor.buffer]
            buffer.data = content.view(np.uint8)
            changed = True
    if not changed:
        return model
    return tables.serialize(parsed)


def weights_that_fit_bias(
    weights: NDArray[np.float32], bias: NDArray[np.float32], input_scale: float
) -> NDArray[np.float32] | None:
    """Raise the largest weight of each channel whose bias would not fit its integers.

    This changes the channel by at most 1/30,000 of its bias with 8-bit activations, and 1/250 with
    16 bits.

    Args:
        weights: of any shape with the output channels first, [channels, ...].
        bias: [channels].
        input_scale: quantization step of the input.

    Returns:
        Weights of the same shape; None if all biases fit.
    """
    channels = len(weights)
    by_channel = weights.reshape(channels, -1)
    magnitudes = np.abs(by_channel)
    peaks = magnitudes.max(axis=1)
    limit = input_scale * BIAS_LIMIT
    required = np.abs(bias) * WEIGHT_LIMIT / limit
    overflowing = np.flatnonzero(peaks < required)
    if len(overflowing) == 0:
        return None
    raised = by_channel.copy()
    for channel in overflowing:
        position = magnitudes[channel].argmax()
        sign = 1
        if by_channel[channel, position] < 0:
            sign = -1
        raised[channel, position] = sign * required[channel]
    return raised.reshape(weights.shape)


def input_scale(bounds: tuple[float, float], activations: str) -> float:
    """Return the quantization step of a range: asymmetric int8, or symmetric int16."""
    low, high = bounds
    if activations == "int16":
        largest = max(abs(low), abs(high))
        return largest / 32767
    width = high - low
    return width / 255


def _biased_operators(
    model: schema.ModelT, graph: schema.SubGraphT
) -> Iterator[tuple[schema.OperatorT, BiasedOperator]]:
    """Yield each operator that adds a bias, with the facts of its kind."""
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        name = tables.builtin_name(code)
        kind = BIASED.get(name)
        if kind is None:
            continue
        if len(operator.inputs) <= kind.bias:
            continue
        has_bias = operator.inputs[kind.bias] >= 0
        if has_bias:
            yield operator, kind


def _values(model: schema.ModelT, tensor: schema.TensorT) -> NDArray[np.float32] | None:
    """Return the float32 values of a constant tensor; None if it is no such tensor."""
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) == 0:
        return None
    if tensor.type != schema.TensorType.FLOAT32:
        return None
    content = np.asarray(data, np.uint8)
    values = content.view(np.float32)
    shape = tuple(tensor.shape)
    return values.reshape(shape)
