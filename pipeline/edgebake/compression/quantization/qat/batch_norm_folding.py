"""The numbers of a weighted layer and of the batch normalization behind it, and how they fold into one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from edgebake.models.keras_graph import kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class BatchNorm:
    """A batch normalization, one number per channel each."""

    gamma: Array
    beta: Array
    mean: Array
    variance: Array
    epsilon: float
    momentum: float


@dataclass(frozen=True)
class LayerWeights:
    """A weighted layer as it was trained; a bias, or batch normalization behind it, may be missing."""

    kernel: Array  # [h, w, in, out], depthwise [h, w, channels, multiplier], dense [in, out]
    bias: Array | None
    norm: BatchNorm | None
    is_depthwise: bool

    @property
    def channels(self) -> int:
        """Return how many channels the layer has behind it."""
        return int(self.kernel.shape[-1] * (self.kernel.shape[-2] if self.is_depthwise else 1))


def of_layer(layer: Any, norm: Any) -> LayerWeights:
    """Return the part of a weighted Keras layer and, unless it is None, the batch normalization behind it."""
    return LayerWeights(
        kernel=np.array(layer.kernel),
        bias=np.array(layer.bias) if layer.use_bias else None,
        norm=None if norm is None else _numbers(norm),
        is_depthwise=kind(layer) == "DepthwiseConv2D",
    )


def of_norm(norm: Any) -> LayerWeights:
    """Return batch normalization that stands alone as what is behind a 1x1 depthwise convolution that does nothing."""
    kernel = np.ones((1, 1, norm.moving_mean.shape[0], 1), np.float32)
    return LayerWeights(kernel, None, _numbers(norm), is_depthwise=True)


def fold(part: LayerWeights) -> tuple[Array, Array]:
    """Return kernel and bias that compute the layer and its batch normalization as at inference.

    Source: https://arxiv.org/abs/1712.05877, section 3.2.
    """
    bias = np.zeros(part.channels, np.float32) if part.bias is None else part.bias
    if part.norm is None:
        return part.kernel, bias
    scale = part.norm.gamma / np.sqrt(part.norm.variance + np.float32(part.norm.epsilon))
    per_channel = scale.reshape(part.kernel.shape[2:]) if part.is_depthwise else scale
    return part.kernel * per_channel, (bias - part.norm.mean) * scale + part.norm.beta


def _numbers(norm: Any) -> BatchNorm:

    mean = np.array(norm.moving_mean)
    return BatchNorm(
        gamma=np.array(norm.gamma) if norm.scale else np.ones_like(mean),
        beta=np.array(norm.beta) if norm.center else np.zeros_like(mean),
        mean=mean,
        variance=np.array(norm.moving_variance),
        epsilon=norm.epsilon,
        momentum=norm.momentum,
    )
