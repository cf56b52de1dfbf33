"""Rewrite a folded model for quantization-aware training, and the trained model to plain layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from edgebake.compression.quantization.qat import (
    activation_quantizer,
    fold_model,
    graph,
    stored_outputs,
    weight_quantizer,
)
from edgebake.compression.quantization.qat.activation_quantizer import ActivationFakeQuant
from edgebake.compression.quantization.qat.batch_norm_folding import LayerWeights
from edgebake.compression.quantization.qat.fake_quant import WeightGrid
from edgebake.compression.quantization.qat.fold_model import FoldedModel
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.errors import ConversionError
from edgebake.models.keras_graph import activation

if TYPE_CHECKING:
    import keras

    Tensors: TypeAlias = keras.KerasTensor | list[keras.KerasTensor]

SUFFIX = "_range"  # of the layer that quantizes the output of the layer of that name
DEPTHWISE_BITS = 8  # no runtime stores depthwise weights in int4


def to_trainable(folded: FoldedModel, settings: QatSettings) -> keras.Model:
    """Return a model that trains float weights but computes with quantized ones.

    If the settings say so, its input and the outputs that a runtime stores are quantized, too.

    Raises:
        ConversionError: a layer whose output is quantized returns several tensors, or a table of
            a model is trained whose activations stay in float.
    """
    if not settings.quantize_activations:
        _refuse_tables(folded.model)
    model = _TrainableCopy(folded, settings).build()
    for name, weights in folded.original_weights.items():
        weight_quantizer.set_weights(model.get_layer(name), weights)
    fold_model.copy_statistics(folded.model, model)
    fold_model.copy_tables(folded.model, model)
    return model


def to_plain(model: keras.Model, folded: FoldedModel) -> keras.Model:
    """Return the folded model with the trained weights, which are float values on their grid."""
    import keras

    plain = keras.models.clone_model(folded.model, clone_function=fold_model.clone)
    for name in folded.original_weights:
        kernel, bias = model.get_layer(name).folded_weights()
        plain.get_layer(name).kernel.assign(kernel)
        plain.get_layer(name).bias.assign(bias)
    fold_model.copy_statistics(folded.model, plain)
    fold_model.copy_tables(model, plain)
    return plain


def trained_ranges(model: keras.Model) -> dict[str, tuple[float, float]]:
    """Return the range (low, high) of each quantized output and input, by name of its layer."""
    trained = {}
    for layer in model.layers:
        if isinstance(layer, ActivationFakeQuant):
            low, high = layer.bounds()
            trained[layer.name.removesuffix(SUFFIX)] = (float(low), float(high))
    return trained


def _refuse_tables(model: keras.Model) -> None:
    """Refuse a table whose weights alone would be quantized: only what it returns is."""
    for table in fold_model.tables(model):
        raise ConversionError(
            f"layer {table.name!r}: {graph.TABLE} has weights that cannot be fake-quantized alone; "
            "expected a scheme with integer activations: int8"
        )


class _TrainableCopy:
    """Copies a folded model with quantizing layers; weights are set later."""

    def __init__(self, folded: FoldedModel, settings: QatSettings) -> None:
        import keras

        self._folded = folded
        self._settings = settings
        self._graph = graph.read(folded.model)
        image = folded.model.inputs[0]
        self._input = keras.Input(batch_shape=image.shape, dtype=image.dtype, name=image.name)
        self._quantized_input = self._input
        if settings.quantize_activations:
            self._quantized_input = _quantize_output(
                self._input, settings.ranges, image.name, "linear"
            )

    def build(self) -> keras.Model:
        """Return the copy."""
        import keras

        return keras.models.clone_model(
            self._folded.model,
            self._input,
            clone_function=self._copy_layer,
            call_function=self._call_layer,
        )

    def _copy_layer(self, layer: keras.Layer) -> keras.Layer:
        weights = self._folded.original_weights.get(layer.name)
        if weights is None:
            return fold_model.clone(layer)
        grid = _weight_grid(weights, self._settings)
        return weight_quantizer.build_layer(layer, weights, grid)

    def _call_layer(self, layer: keras.Layer, *arguments: Tensors, **options: Tensors) -> Tensors:
        import keras

        arguments, options = keras.tree.map_structure(
            self._with_quantized_input, (arguments, options)
        )
        outputs = layer(*arguments, **options)
        settings = self._settings
        if settings.quantize_activations and stored_outputs.is_stored(layer.name, self._graph):
            return _quantize_output(outputs, settings.ranges, layer.name, activation(layer))
        return outputs

    def _with_quantized_input(self, tensor: keras.KerasTensor) -> keras.KerasTensor:
        if tensor is self._input:
            return self._quantized_input
        return tensor


def _weight_grid(weights: LayerWeights, settings: QatSettings) -> WeightGrid:
    bits = settings.weight_bits
    if weights.is_depthwise:
        bits = DEPTHWISE_BITS
    return WeightGrid(bits, settings.per_tensor)


def _quantize_output(tensor: Tensors, mode: str, name: str, function: str) -> keras.KerasTensor:
    """Return the output of layer `name` quantized, or as it is if it holds integers."""
    if isinstance(tensor, (list, tuple)):
        raise ConversionError(f"layer {name!r}: returns {len(tensor)} tensors; expected one")
    if not str(tensor.dtype).startswith("float"):
        return tensor
    quantizer = activation_quantizer.build_layer(f"{name}{SUFFIX}", mode, function)
    return quantizer(tensor)
