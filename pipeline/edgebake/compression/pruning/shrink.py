"""Removal of channels: build a smaller model and check that it computes the same.

It must compute what the larger model does with the removed channels set to zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.pruning import operation_kinds
from edgebake.compression.quantization.qat.fold_model import check_same_outputs, copy_statistics
from edgebake.models.keras_graph import kind, nodes

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from edgebake.compression.pruning.dependency_graph import Dependencies, GroupIds


def remove_channels(
    model: keras.Model, dependencies: Dependencies, removed: GroupIds
) -> keras.Model:
    """Return the model without the channels of some groups, [removed].

    Raises:
        ConversionError: it computes something else than the model in which they are zero.
    """
    import keras

    def copy_layer(layer: keras.Layer) -> keras.Layer:
        return _copy_narrower(layer, dependencies, removed)

    smaller = keras.models.clone_model(model, clone_function=copy_layer)
    for node in nodes(model):
        layer = node.operation
        if getattr(layer, "weights", None):
            smaller_layer = smaller.get_layer(layer.name)
            remaining = _remaining_weights(layer, dependencies, removed)
            smaller_layer.set_weights(remaining)
    copy_statistics(model, smaller)
    zeroed = with_zeroed_channels(model, dependencies, removed)
    check_same_outputs(zeroed, smaller)
    return smaller


def with_zeroed_channels(
    model: keras.Model, dependencies: Dependencies, removed: GroupIds
) -> keras.Model:
    """Return the model, sharing its layers, with the channels of groups [removed] set to zero."""
    import keras

    def share_layer(layer: keras.Layer) -> keras.Layer:
        return layer

    def call_layer(
        layer: keras.Layer, *arguments: keras.KerasTensor, **options: keras.KerasTensor
    ) -> keras.KerasTensor:
        outputs = layer(*arguments, **options)
        channels = dependencies.channels[layer.name]
        is_kept = _is_kept(channels.outputs, removed)
        if is_kept.all():
            return outputs
        # A layer, as it can be named: the name of an operation may be taken by one of the model.
        name = f"{layer.name}_zeroed"
        zeroing = keras.layers.Rescaling(is_kept.tolist(), name=name)
        return zeroing(outputs)

    return keras.models.clone_model(model, clone_function=share_layer, call_function=call_layer)


def _is_kept(groups: GroupIds, removed: GroupIds) -> NDArray[np.bool_]:
    return ~np.isin(groups, removed)


def _copy_narrower(
    layer: keras.Layer, dependencies: Dependencies, removed: GroupIds
) -> keras.Layer:
    """Return a new layer of the same configuration but for its number of output channels."""
    config = layer.get_config()
    channels = dependencies.channels[layer.name]
    is_kept = _is_kept(channels.outputs, removed)
    count = int(is_kept.sum())
    if kind(layer) == "Dense":
        config["units"] = count
    elif kind(layer) in operation_kinds.MIXING:
        config["filters"] = count
    elif kind(layer) == "Reshape":
        *outer_shape, last_size = config["target_shape"]
        if last_size != -1:
            config["target_shape"] = (*outer_shape, count)
    config.pop("build_config", None)
    return layer.__class__.from_config(config)


def _remaining_weights(
    layer: keras.Layer, dependencies: Dependencies, removed: GroupIds
) -> list[NDArray[np.float32]]:
    """Return the weights of a layer without those of removed channels."""
    channels = dependencies.channels[layer.name]
    keeps_input = _is_kept(channels.inputs, removed)
    keeps_output = _is_kept(channels.outputs, removed)
    is_narrower = not (keeps_input.all() and keeps_output.all())
    remaining = []
    for variable in layer.weights:
        weight = np.array(variable)
        if is_narrower and variable.name == "kernel":
            weight = weight[..., keeps_input, :]
            if kind(layer) != "DepthwiseConv2D":
                weight = weight[..., keeps_output]
        elif is_narrower and not _is_shared(weight, len(keeps_output)):
            weight = weight[..., keeps_output]
        remaining.append(weight)
    return remaining


def _is_shared(weight: NDArray[np.float32], channels: int) -> bool:
    """Return whether all channels share a weight, as they may share the slope of a PReLU."""
    size = weight.shape[-1]
    return size == 1 and channels > 1
