"""Convert layers of Keras 2 to layers of Keras 3 that compute the same at inference.

A class of one name may compute something else in Keras 3, or in another version of Keras 2. So a
class is read only if it is in a table below; every other is refused by its name. The tables were
made by running each class in Keras 2.15 and in Keras 3, and by reading Keras 2.2 to 2.15.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgebake.errors import ModelError
from edgebake.models.importers import keras2_activations, keras3_layers, keras_layer_lists
from edgebake.models.importers.keras_source import Source
from edgebake.models.importers.safety import Config
from edgebake.terminal.printable import printable

SAVED_MODEL_INSTEAD = (
    "import the model as a SavedModel instead: model.save('folder', save_format='tf') in Keras 2"
)

# Layers outside keras.layers.
MODULES = {
    "LayerScale": "keras.src.applications.convnext",
    "StochasticDepth": "keras.src.applications.convnext",
}
RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
ANY = object()
RECURRENT = {"time_major": (False,)}
DEPTHWISE = {
    "kernel_initializer": ANY,
    "kernel_regularizer": ANY,
    "kernel_constraint": ANY,
    "groups": (1,),
}
# Arguments that Keras 3 does not have, with the values for which it computes the same.
DROPPED: dict[str, dict[str, Any]] = {
    "Attention": {"causal": (False,)},
    "AdditiveAttention": {"causal": (False,)},
    "BatchNormalization": {
        "renorm": ANY,
        "renorm_clipping": ANY,
        "renorm_momentum": ANY,
        "fused": ANY,
        "virtual_batch_size": ANY,
        "adjustment": (None,),
    },
    "Conv1DTranspose": {"groups": (1,)},
    "Conv2DTranspose": {"groups": (1,)},
    "Conv3DTranspose": {"groups": (1,)},
    "DepthwiseConv1D": DEPTHWISE,
    "DepthwiseConv2D": DEPTHWISE,
    "GRU": RECURRENT,
    "LSTM": RECURRENT,
    "MultiHeadAttention": {
        "query_shape": ANY,
        "key_shape": ANY,
        "value_shape": ANY,
        "softmax_robust_masking": ANY,
    },
    "RNN": RECURRENT,
    "SeparableConv1D": DEPTHWISE,
    "SeparableConv2D": DEPTHWISE,
    "SimpleRNN": RECURRENT,
    "SpatialDropout1D": {"trainable": ANY, "noise_shape": ANY},
    "SpatialDropout2D": {"trainable": ANY, "noise_shape": ANY},
    "SpatialDropout3D": {"trainable": ANY, "noise_shape": ANY},
}
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5")


def convert(class_name: str, config: Config, source: Source) -> tuple[str, Config]:
    """Return the class and the arguments of a layer in Keras 3.

    Raises:
        ModelError: Keras 3 has no layer that computes the same; the message names the layer.
    """
    class_name = RENAMED.get(class_name, class_name)
    layer = f"layer {printable(config.get('name'))!r}"
    if class_name in keras_layer_lists.classes("inert", 2):
        return "Identity", {}
    known = keras_layer_lists.classes("same", 2) | DROPPED.keys() | RULES.keys()
    if class_name not in known:
        raise ModelError(
            f"{source.file}: {layer} is a layer of Keras {source.version} that Keras 3 does not "
            f"have: {printable(class_name)}; {SAVED_MODEL_INSTEAD}"
        )
    arguments = {}
    dropped = DROPPED.get(class_name, {})
    for key, value in config.items():
        if key not in dropped:
            arguments[key] = value
        elif dropped[key] is not ANY and value not in dropped[key]:
            raise ModelError(
                f"{source.file}: {layer}, {class_name}, has {key}: {printable(value)}, which "
                f"Keras 3 does not compute; {SAVED_MODEL_INSTEAD}"
            )
    problem = None
    if class_name in RULES:
        problem = RULES[class_name](arguments, source)
    if problem is not None:
        raise ModelError(f"{source.file}: {layer}, {class_name}, {problem}; {SAVED_MODEL_INSTEAD}")
    _refuse_steps(class_name, arguments, layer, source)
    return NEW_CLASSES.get(class_name, class_name), arguments


def refuse_wrapped(node: Config, layer: str, source: Source) -> None:
    """Refuse a layer inside another that only a layer of its own could replace.

    Raises:
        ModelError: it uses the hard_sigmoid of Keras 2.
    """
    activations = [node["config"].get(key) for key in ("activation", "recurrent_activation")]
    if keras2_activations.REDEFINED in activations:
        raise _redefined(layer, source)


def _refuse_steps(class_name: str, config: Config, layer: str, source: Source) -> None:
    """Refuse a layer that calls the hard_sigmoid of Keras 2 for each step of a sequence.

    That of other layers is restored when they are built.

    Raises:
        ModelError: it calls it.
    """
    activations = [config.get("recurrent_activation")]
    if class_name in CALLS_INSIDE:
        activations.append(config.get("activation"))
    if keras2_activations.REDEFINED in activations:
        raise _redefined(layer, source)


def _redefined(layer: str, source: Source) -> ModelError:
    return ModelError(
        f"{source.file}: {layer} uses hard_sigmoid, which is another function in Keras 3 than in "
        f"Keras 2; {SAVED_MODEL_INSTEAD}"
    )


# Each returns why the layer is refused, as words that follow its class, or changes its arguments.
Rule = Callable[[Config, Source], str | None]


def _batch_normalization(config: Config, _: Source) -> str | None:
    axis = config.get("axis")
    if isinstance(axis, list):
        if len(axis) != 1:
            return f"normalizes over the axes {axis}, and in Keras 3 over one"
        config["axis"] = axis[0]
    return None


def _random_crop(config: Config, source: Source) -> str | None:
    # Later versions crop first and resize then, as Resizing does.
    if source.is_before(2, 7):
        return f"resizes at inference and crops then in Keras {source.version}, and not in Keras 3"
    arguments = keras3_layers.resizing(config)
    config.clear()
    config.update(arguments)
    return None


def _up_sampling(config: Config, source: Source) -> str | None:
    interpolation = config.get("interpolation", "nearest")
    if interpolation not in INTERPOLATIONS:
        return f"has the interpolation {printable(interpolation)}, which Keras 3 does not have"
    # TensorFlow 1 took the corners of pixels, not their centers; 2.2.4-tf is of TensorFlow 1 and 2.
    if interpolation != "nearest" and source.is_before(2, 4):
        return f"is {interpolation} of Keras {source.version}, which may align other points"
    return None


def _resizing(config: Config, _: Source) -> str | None:
    interpolation = str(config.get("interpolation", "bilinear")).lower()
    if interpolation not in INTERPOLATIONS:
        return f"has the interpolation {printable(interpolation)}, which Keras 3 does not have"
    config["interpolation"] = interpolation
    return None


def _leaky_relu(config: Config, _: Source) -> str | None:
    if "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    return None


def _thresholded_relu(config: Config, _: Source) -> str | None:
    config["threshold"] = config.pop("theta", 1.0)
    return None


def _gated(config: Config, _: Source) -> str | None:
    if "recurrent_activation" not in config:
        return "has no recurrent_activation, whose default is another in Keras 3"
    return None


def _gru(config: Config, source: Source) -> str | None:
    config.setdefault("reset_after", False)
    return _gated(config, source)


RULES: dict[str, Rule] = {
    "BatchNormalization": _batch_normalization,
    "ConvLSTM1D": _gated,
    "ConvLSTM2D": _gated,
    "ConvLSTM3D": _gated,
    "GRU": _gru,
    "GRUCell": _gru,
    "LSTM": _gated,
    "LSTMCell": _gated,
    "LeakyReLU": _leaky_relu,
    "RandomCrop": _random_crop,
    "Resizing": _resizing,
    "ThresholdedReLU": _thresholded_relu,
    "UpSampling2D": _up_sampling,
}
NEW_CLASSES = {"RandomCrop": "Resizing", "ThresholdedReLU": "ReLU"}
# Layers that apply their activation function for each step of a sequence, not to their output.
CALLS_INSIDE = (
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "GRU",
    "GRUCell",
    "LSTM",
    "LSTMCell",
    "SimpleRNN",
    "SimpleRNNCell",
)
# Keys of a layer's config that hold other layers.
WRAPPED = ("layer", "backward_layer", "cell", "cells")
