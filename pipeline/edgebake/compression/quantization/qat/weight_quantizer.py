"""Layers that train with quantized weights and with batch normalization folded into them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from edgebake.compression.quantization.qat.batch_norm_folding import BatchNorm, LayerWeights
from edgebake.compression.quantization.qat.fake_quant import WeightGrid, fake_quantize
from edgebake.models.keras_graph import kind

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    import tensorflow as tf


def build_layer(layer: keras.Layer, weights: LayerWeights, grid: WeightGrid) -> keras.Layer:
    """Return a layer with quantized weights for a folded layer; its variables are built later."""
    config = layer.get_config()
    config["use_bias"] = weights.bias is not None
    quantized_class = _layer_class(layer.__class__)
    quantized = quantized_class.from_config(config)
    quantized.grid = grid
    quantized.batch_norm = weights.batch_norm
    quantized.channels = weights.channels
    return quantized


def set_weights(layer: keras.Layer, weights: LayerWeights) -> None:
    """Initialize a built layer with the trained weights of the original one."""
    layer.kernel.assign(weights.kernel)
    if weights.bias is not None:
        layer.bias.assign(weights.bias)
    batch_norm = weights.batch_norm
    if batch_norm is not None:
        layer.gamma.assign(batch_norm.gamma)
        layer.beta.assign(batch_norm.beta)
        layer.moving_mean.assign(batch_norm.mean)
        layer.moving_variance.assign(batch_norm.variance)


class WeightFakeQuant:
    """Fold batch normalization into the weights, quantize them, and correct for batch statistics.

    Until `is_frozen`, weights are scaled by gamma / sigma of the moving statistics, so that the
    grid does not change with every batch, and the output is corrected to the statistics of the
    batch. Afterwards, as at inference, moving statistics are used and no longer updated.
    Source: https://arxiv.org/abs/1806.08342, section 3, batch normalization.
    """

    grid: WeightGrid
    batch_norm: BatchNorm | None
    channels: int
    is_frozen = False
    gamma: keras.Variable
    beta: keras.Variable
    moving_mean: keras.Variable
    moving_variance: keras.Variable
    # Attributes of keras.Layer and of the layer that is quantized.
    add_weight: Callable[..., keras.Variable]
    kernel: keras.Variable
    bias: keras.Variable
    use_bias: bool
    activation: Callable[[tf.Tensor], tf.Tensor]

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the variables of the layer and of its batch normalization."""
        super().build(shape)  # type: ignore[misc]
        if self.batch_norm is None:
            return
        size = (self.channels,)
        self.gamma = self.add_weight(name="gamma", shape=size)
        self.beta = self.add_weight(name="beta", shape=size)
        self.moving_mean = self.add_weight(name="moving_mean", shape=size, trainable=False)
        self.moving_variance = self.add_weight(name="moving_variance", shape=size, trainable=False)

    def folded_weights(self) -> tuple[tf.Tensor, tf.Tensor | float]:
        """Return the quantized kernel and the bias [channels], both as at inference."""
        kernel = self.kernel
        bias = self._bias()
        if self.batch_norm is not None:
            epsilon = self.batch_norm.epsilon
            scale = self.gamma / _deviation(self.moving_variance, epsilon)
            kernel = kernel * self._kernel_scale(scale)
            centered_bias = bias - self.moving_mean
            bias = centered_bias * scale + self.beta
        quantized_kernel = fake_quantize(kernel, self.grid, self.channels)
        return quantized_kernel, bias

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Return the activations for inputs [n, h, w, c] or [n, c]."""
        kernel, bias = self.folded_weights()
        outputs = _apply_kernel(self, inputs, kernel)
        batch_norm = self.batch_norm
        uses_batch_statistics = training and not self.is_frozen
        if batch_norm is not None and uses_batch_statistics:
            float_outputs = _apply_kernel(self, inputs, self.kernel)
            correction, bias = self._batch_correction(float_outputs, batch_norm)
            outputs = outputs * correction
        return self.activation(outputs + bias)

    def _batch_correction(
        self, outputs: tf.Tensor, batch_norm: BatchNorm
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Update the moving statistics from float outputs [n, ..., channels].

        Returns:
            The factor that corrects outputs to the statistics of the batch, and the bias for these
            statistics; both [channels].
        """
        import tensorflow as tf

        epsilon = batch_norm.epsilon
        momentum = batch_norm.momentum
        *axes, _ = range(len(outputs.shape))
        mean, variance = tf.nn.moments(outputs, axes=axes)
        deviation = _deviation(variance, epsilon)
        moving_deviation = _deviation(self.moving_variance, epsilon)
        correction = moving_deviation / deviation
        mean_with_bias = mean + self._bias()
        _update_average(self.moving_mean, mean_with_bias, momentum)
        _update_average(self.moving_variance, variance, momentum)
        bias = self.beta - mean * self.gamma / deviation
        return correction, bias

    def _bias(self) -> tf.Tensor | float:
        if self.use_bias:
            return self.bias
        return 0.0

    def _kernel_scale(self, scale: tf.Tensor) -> tf.Tensor:
        """Return a scale [channels] in a shape that multiplies the kernel."""
        import tensorflow as tf

        if "DepthwiseConv2D" in kind(self):
            return tf.reshape(scale, self.kernel.shape[2:])
        return scale


@cache
def _layer_class(base: type[keras.Layer]) -> type[keras.Layer]:
    """Return the quantized subclass of a Keras layer.

    It is created late, as modules do not import Keras.
    """
    return type(f"Quantized{base.__name__}", (WeightFakeQuant, base), {})


def _apply_kernel(layer: keras.Layer, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Return the outputs of a layer with another kernel, without bias and activation."""
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


def _deviation(variance: tf.Tensor, epsilon: float) -> tf.Tensor:
    import tensorflow as tf

    return tf.sqrt(variance + epsilon)


def _update_average(average: keras.Variable, value: tf.Tensor, momentum: float) -> None:
    previous_share = average * momentum
    new_share = value * (1 - momentum)
    average.assign(previous_share + new_share)
