"""Weighted layers that compute with weights of a grid, their batch normalization folded in while they train."""

from functools import cache
from typing import Any

from edgebake.compression.quantization.qat.batch_norm_folding import LayerWeights
from edgebake.compression.quantization.qat.fake_quant import WeightGrid, fake_quantize
from edgebake.models.keras_graph import kind


def make(layer: Any, part: LayerWeights, grid: WeightGrid) -> Any:
    """Return the trainable twin of a plain folded layer, its weights not yet made."""
    made = _class_of(layer.__class__).from_config(
        {**layer.get_config(), "use_bias": part.bias is not None}
    )
    made.grid, made.norm, made.channels = grid, part.norm, part.channels
    return made


def fill(layer: Any, part: LayerWeights) -> None:
    """Give a built twin the weights of its part."""
    layer.kernel.assign(part.kernel)
    if part.bias is not None:
        layer.bias.assign(part.bias)
    if part.norm is not None:
        layer.gamma.assign(part.norm.gamma)
        layer.beta.assign(part.norm.beta)
        layer.moving_mean.assign(part.norm.mean)
        layer.moving_variance.assign(part.norm.variance)


class WeightFakeQuant:
    """Fold batch normalization into weights, round them to a grid and correct for the statistics of the batch.

    Before `is_frozen`, weights are scaled by gamma / sigma of the moving statistics, so that the grid does not move
    with every batch, and the output is corrected to that of the batch's statistics. Afterwards, as at inference, only
    moving statistics count and they stay as they are.
    Source: https://arxiv.org/abs/1806.08342, the part on batch normalization of section 3.
    """

    grid: WeightGrid
    norm: Any  # Norm, or None
    channels: int
    is_frozen = False
    gamma: Any
    beta: Any
    moving_mean: Any
    moving_variance: Any
    add_weight: Any  # this and what follows come from Keras' layer
    kernel: Any
    bias: Any
    use_bias: bool
    activation: Any

    def build(self, shape: Any) -> None:
        """Make the weights of the layer and of its batch normalization."""
        super().build(shape)  # type: ignore[misc]
        if self.norm is None:
            return
        one_each = (self.channels,)
        self.gamma = self.add_weight(name="gamma", shape=one_each)
        self.beta = self.add_weight(name="beta", shape=one_each)
        self.moving_mean = self.add_weight(name="moving_mean", shape=one_each, trainable=False)
        self.moving_variance = self.add_weight(
            name="moving_variance", shape=one_each, trainable=False
        )

    def folded(self) -> tuple[Any, Any]:
        """Return the kernel on its grid and the bias, both as at inference."""
        kernel, bias = self.kernel, self.bias if self.use_bias else 0.0
        if self.norm is not None:
            scale = self.gamma / self._deviation(self.moving_variance)
            kernel = kernel * (_as_depthwise(scale, kernel) if _is_depthwise(self) else scale)
            bias = (bias - self.moving_mean) * scale + self.beta
        return fake_quantize(kernel, self.grid, self.channels), bias

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the activations of `inputs`."""
        kernel, bias = self.folded()
        outputs = _apply(self, inputs, kernel)
        if self.norm is not None and training and not self.is_frozen:
            correction, bias = self._of_batch(_apply(self, inputs, self.kernel))
            outputs = outputs * correction
        return self.activation(outputs + bias)

    def _of_batch(self, outputs: Any) -> tuple[Any, Any]:
        """Return the correction of the output and the bias by statistics of the batch, and learn from these."""
        import tensorflow as tf

        bias = self.bias if self.use_bias else 0.0
        mean, variance = tf.nn.moments(outputs, axes=list(range(len(outputs.shape) - 1)))
        deviation = self._deviation(variance)
        correction = self._deviation(self.moving_variance) / deviation
        self._learn(self.moving_mean, mean + bias)
        self._learn(self.moving_variance, variance)
        return correction, self.beta - mean * self.gamma / deviation

    def _deviation(self, variance: Any) -> Any:
        import tensorflow as tf

        return tf.sqrt(variance + self.norm.epsilon)

    def _learn(self, moving: Any, found: Any) -> None:
        moving.assign(moving * self.norm.momentum + found * (1 - self.norm.momentum))


@cache
def _class_of(plain: Any) -> Any:
    """Return a class that is Keras' layer and folds; made here, since Keras is not imported when modules are."""
    return type(f"WeightFakeQuant{plain.__name__}", (WeightFakeQuant, plain), {})


def _is_depthwise(layer: Any) -> bool:
    return "DepthwiseConv2D" in kind(layer)


def _as_depthwise(vector: Any, kernel: Any) -> Any:
    import tensorflow as tf

    return tf.reshape(vector, kernel.shape[2:])


def _apply(layer: Any, inputs: Any, kernel: Any) -> Any:
    """Return what the layer computes with another kernel, before bias and activation."""
    import keras

    if isinstance(layer, keras.layers.Dense):
        return keras.ops.matmul(inputs, kernel)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return keras.ops.depthwise_conv(
            inputs,
            kernel,
            strides=layer.strides,
            padding=layer.padding,
            dilation_rate=layer.dilation_rate,
        )
    return layer.convolution_op(inputs, kernel)
