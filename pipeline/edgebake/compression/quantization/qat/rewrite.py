"""A folded model in, its trainable twin with fake-quantized layers out, and back to plain layers."""

from typing import Any

from edgebake.compression.quantization.qat import (
    activation_quantizer,
    fold_model,
    graph,
    stored_outputs,
    weight_quantizer,
)
from edgebake.compression.quantization.qat.fake_quant import WeightGrid
from edgebake.compression.quantization.qat.fold_model import FoldedModel
from edgebake.compression.quantization.qat.settings import QatSettings
from edgebake.errors import ConversionError
from edgebake.models.keras_graph import activation

SUFFIX = "_range"  # of the layer that rounds what another one returns
DEPTHWISE_BITS = 8  # no runtime stores depthwise weights in int4


def trainable(folded: FoldedModel, settings: QatSettings) -> Any:
    """Return a model that computes with rounded weights and, if wished, activations, and trains the float ones.

    Raises:
        ConversionError: a layer whose output is to be rounded returns several tensors.
    """
    import keras

    found = graph.read(folded.model)
    image = folded.model.inputs[0]
    entry = keras.Input(batch_shape=image.shape, dtype=image.dtype, name=image.name)
    rounded = (
        _rounder(settings.ranges)(entry, image.name, "linear") if settings.activations else entry
    )

    def twin(layer: Any) -> Any:
        part = folded.parts.get(layer.name)
        return (
            fold_model.clone(layer)
            if part is None
            else weight_quantizer.make(layer, part, _grid(part.is_depthwise, settings))
        )

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        given, named = keras.tree.map_structure(
            lambda one: rounded if one is entry else one, (arguments, options)
        )
        returned = layer(*given, **named)
        if not settings.activations or not stored_outputs.is_stored(layer.name, found):
            return returned
        return _rounder(settings.ranges)(returned, layer.name, activation(layer))

    model = keras.models.clone_model(folded.model, entry, clone_function=twin, call_function=call)
    for name, part in folded.parts.items():
        weight_quantizer.fill(model.get_layer(name), part)
    fold_model.copy_statistics(folded.model, model)
    return model


def plain(model: Any, folded: FoldedModel) -> Any:
    """Return the folded model with the trained weights, each the float value of a point of its grid."""
    import keras

    made = keras.models.clone_model(folded.model, clone_function=fold_model.clone)
    for name in folded.parts:
        kernel, bias = model.get_layer(name).folded()
        made.get_layer(name).kernel.assign(kernel)
        made.get_layer(name).bias.assign(bias)
    fold_model.copy_statistics(folded.model, made)
    return made


def trained_ranges(model: Any) -> dict[str, tuple[float, float]]:
    """Return the range of each rounded output by the name of the plain layer that returns it, the input among them."""
    ends = {
        layer.name: layer.ends()
        for layer in model.layers
        if isinstance(layer, activation_quantizer.ActivationFakeQuant)
    }
    return {
        name.removesuffix(SUFFIX): (float(low), float(high)) for name, (low, high) in ends.items()
    }


def _grid(is_depthwise: bool, settings: QatSettings) -> WeightGrid:
    return WeightGrid(DEPTHWISE_BITS if is_depthwise else settings.weight_bits, settings.per_tensor)


def _rounder(way: str) -> Any:
    """Return a function that rounds (tensor, name of the layer, its activation) if it holds floats."""

    def rounded(tensor: Any, name: str, function: str) -> Any:
        if isinstance(tensor, (list, tuple)):
            raise ConversionError(f"layer {name!r}: returns {len(tensor)} tensors; expected one")
        is_float = str(tensor.dtype).startswith("float")
        return (
            activation_quantizer.make(f"{name}{SUFFIX}", way, function)(tensor)
            if is_float
            else tensor
        )

    return rounded
