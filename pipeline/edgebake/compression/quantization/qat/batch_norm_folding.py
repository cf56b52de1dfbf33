"""Batch normalization folding: the arithmetic for one layer, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from edgebake.models.keras_graph import kind

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class BatchNorm:
    """Parameters of a batch normalization; every array is float32 [channels]."""

    gamma: Array
    beta: Array
    mean: Array
    variance: Array
    epsilon: float
    momentum: float


@dataclass(frozen=True)
class LayerWeights:
    """Weights of a layer, and of the batch normalization that follows it, if there is one."""

    kernel: Array  # [h, w, in, out], depthwise [h, w, channels, multiplier], dense [in, out]
    bias: Array | None  # [out]
    batch_norm: BatchNorm | None
    is_depthwise: bool

    @property
    def channels(self) -> int:
        """Return the number of output channels."""
        if self.is_depthwise:
            return int(self.kernel.shape[-1] * self.kernel.shape[-2])
        return int(self.kernel.shape[-1])


def from_layer(layer: keras.Layer, batch_norm: keras.Layer | None) -> LayerWeights:
    """Return the weights of a Keras layer with a kernel and of its batch normalization."""
    bias = None
    if layer.use_bias:
        bias = np.array(layer.bias)
    parameters = None
    if batch_norm is not None:
        parameters = _parameters(batch_norm)
    return LayerWeights(
        kernel=np.array(layer.kernel),
        bias=bias,
        batch_norm=parameters,
        is_depthwise=kind(layer) == "DepthwiseConv2D",
    )


def from_batch_norm(batch_norm: keras.Layer) -> LayerWeights:
    """Return a batch normalization that follows no layer as an identity depthwise convolution.

    The kernel is [1, 1, channels, 1] and all ones; folding scales it.
    """
    channels = batch_norm.moving_mean.shape[0]
    kernel = np.ones((1, 1, channels, 1), np.float32)
    return LayerWeights(kernel, None, _parameters(batch_norm), is_depthwise=True)


def fold(weights: LayerWeights) -> tuple[Array, Array]:
    """Fold batch normalization with moving statistics into a layer.

    Source: https://arxiv.org/abs/1712.05877, section 3.2.

    Returns:
        The kernel, of its former shape, and the bias [channels].
    """
    bias = weights.bias
    if bias is None:
        bias = np.zeros(weights.channels, np.float32)
    batch_norm = weights.batch_norm
    if batch_norm is None:
        return weights.kernel, bias
    scale = batch_norm.gamma / np.sqrt(batch_norm.variance + np.float32(batch_norm.epsilon))
    kernel_scale = scale
    if weights.is_depthwise:
        kernel_scale = scale.reshape(weights.kernel.shape[2:])
    folded_bias = (bias - batch_norm.mean) * scale + batch_norm.beta
    return weights.kernel * kernel_scale, folded_bias


def _parameters(batch_norm: keras.Layer) -> BatchNorm:
    mean = np.array(batch_norm.moving_mean)
    gamma = np.ones_like(mean)
    beta = np.zeros_like(mean)
    if batch_norm.scale:
        gamma = np.array(batch_norm.gamma)
    if batch_norm.center:
        beta = np.array(batch_norm.beta)
    return BatchNorm(
        gamma=gamma,
        beta=beta,
        mean=mean,
        variance=np.array(batch_norm.moving_variance),
        epsilon=batch_norm.epsilon,
        momentum=batch_norm.momentum,
    )
