"""A model and the groups of channels that go in, a smaller model that computes the same as if they were zero out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.compression.pruning import channel_coupling
from edgebake.compression.quantization.qat.fold_model import check_same_outputs, copy_statistics
from edgebake.models.keras_graph import kind, nodes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.compression.pruning.dependency_graph import Dependencies

    Groups = NDArray[np.int64]


def remove_channels(model: Any, found: Dependencies, dropped: Groups) -> Any:
    """Return the model without some groups, after comparing it with the model in which they are zero.

    Raises:
        ConversionError: it computes something else.
    """
    import keras

    made = keras.models.clone_model(
        model, clone_function=lambda layer: _narrowed(layer, found, dropped)
    )
    for layer in (node.operation for node in nodes(model)):
        if getattr(layer, "weights", None):
            made.get_layer(layer.name).set_weights(_sliced(layer, found, dropped))
    copy_statistics(model, made)
    check_same_outputs(zeroed(model, found, dropped), made)
    return made


def zeroed(model: Any, found: Dependencies, dropped: Groups) -> Any:
    """Return the model in which the channels of these groups are zero wherever they are read; weights are shared."""
    import keras

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        returned = layer(*arguments, **options)
        kept = _kept(found.channels[layer.name].outputs, dropped)
        # A layer, for its name: an operation takes one that the model may have already.
        return (
            returned
            if kept.all()
            else keras.layers.Rescaling(kept.tolist(), name=f"{layer.name}_zeroed")(returned)
        )

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def _kept(groups: Groups, dropped: Groups) -> NDArray[np.bool_]:

    return ~np.isin(groups, dropped)


def _narrowed(layer: Any, found: Dependencies, dropped: Groups) -> Any:
    """Return a new layer of the same settings but for the number of channels that it returns."""
    config = layer.get_config()
    count = int(_kept(found.channels[layer.name].outputs, dropped).sum())
    if kind(layer) in channel_coupling.MIXING:
        config["units" if kind(layer) == "Dense" else "filters"] = count
    if kind(layer) == "Reshape" and config["target_shape"][-1] != -1:
        config["target_shape"] = (*config["target_shape"][:-1], count)
    config.pop("build_config", None)
    return layer.__class__.from_config(config)


def _sliced(layer: Any, found: Dependencies, dropped: Groups) -> list[NDArray[np.float32]]:
    """Return the weights of a layer less those of the channels that go."""
    channels = found.channels[layer.name]
    inputs, outputs = _kept(channels.inputs, dropped), _kept(channels.outputs, dropped)
    weights = [np.array(variable) for variable in layer.weights]
    if inputs.all() and outputs.all():
        return weights
    is_depthwise = kind(layer) == "DepthwiseConv2D"
    names = [variable.name for variable in layer.weights]
    return [
        _of_kernel(weight, inputs, None if is_depthwise else outputs)
        if name == "kernel"
        else _of_last(weight, outputs)
        for name, weight in zip(names, weights, strict=True)
    ]


def _of_kernel(kernel: Any, inputs: NDArray[np.bool_], outputs: NDArray[np.bool_] | None) -> Any:
    kernel = kernel[..., inputs, :]
    return kernel if outputs is None else kernel[..., outputs]


def _of_last(weight: Any, outputs: NDArray[np.bool_]) -> Any:
    """A slope of PReLU may be shared by all channels."""
    return weight if weight.shape[-1] == 1 < len(outputs) else weight[..., outputs]
