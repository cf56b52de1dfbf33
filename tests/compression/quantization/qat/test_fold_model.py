"""A folded model computes the same; unsupported layers are refused by name."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgebake.compression.quantization.qat import fold_model as folding
from edgebake.compression.quantization.qat.fold_model import fold_batch_norms
from edgebake.errors import ConversionError


def randomise(model: Any) -> Any:
    """Set parameters of batch normalization as after training, so that folding has an effect."""
    draw = np.random.default_rng(1)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights(
                [draw.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()]
            )
    return model


def _kinds(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_batch_normalization_goes_and_softmax_gets_a_layer_of_its_own(small: Any) -> None:
    folded = fold_batch_norms(randomise(small))
    names = [layer.name for layer in folded.model.layers]
    expected = [
        "image",
        "conv",
        "relu",
        "depthwise",
        "relu6",
        "average",
        "probabilities",
        "probabilities_softmax",
    ]
    assert names == expected
    assert sorted(folded.original_weights) == ["conv", "depthwise", "probabilities"]


def test_the_folded_model_computes_the_same(small: Any) -> None:
    images = np.random.default_rng(0).normal(size=(16, 8, 8, 1)).astype(np.float32)
    folded = fold_batch_norms(randomise(small)).model
    np.testing.assert_allclose(
        np.array(folded(images)), np.array(small(images, training=False)), atol=1e-6
    )


def _scaled_pixels(keras: Any, x: Any) -> Any:
    normal = keras.layers.Normalization(name="normal")
    normal.adapt(np.random.default_rng(2).normal(3.0, 2.0, (32, 8, 8, 2)))
    return keras.layers.Conv2D(3, 3)(normal(keras.layers.Rescaling(2.0, 0.5)(x)))


def _called_by_name(keras: Any, x: Any) -> Any:
    return keras.layers.BatchNormalization()(inputs=keras.layers.Conv2D(3, 3)(inputs=x))


def _norm_alone(keras: Any, x: Any) -> Any:
    return keras.layers.Conv2D(3, 3, activation="relu")(
        keras.layers.BatchNormalization(scale=False, name="alone")(x)
    )


def _norm_behind_relu(keras: Any, x: Any) -> Any:
    return keras.layers.BatchNormalization()(keras.layers.Conv2D(3, 3, activation="relu")(x))


def _norm_beside_another_reader(keras: Any, x: Any) -> Any:
    x = keras.layers.Conv2D(3, 3)(x)
    return keras.layers.Add()([x, keras.layers.BatchNormalization()(x)])


def _branches(keras: Any, x: Any) -> Any:
    left = keras.layers.BatchNormalization(center=False)(
        keras.layers.Conv2D(4, 1, groups=2, strides=2)(x)
    )
    right = keras.layers.BatchNormalization()(
        keras.layers.DepthwiseConv2D(1, strides=2, depth_multiplier=2)(x)
    )
    return keras.layers.Concatenate()([left, right])


def _operations(keras: Any, x: Any) -> Any:
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(x))
    return keras.ops.concatenate([keras.ops.relu(x) * 2.0 + 1.0, keras.ops.sigmoid(x)], axis=-1)


def _dense_with_norm(keras: Any, x: Any) -> Any:
    return keras.layers.BatchNormalization()(keras.layers.Dense(5)(keras.layers.Flatten()(x)))


BODIES = [
    *(
        _scaled_pixels,
        _norm_alone,
        _norm_behind_relu,
        _norm_beside_another_reader,
        _branches,
        _operations,
    ),
    *(_dense_with_norm, _called_by_name),
]


@pytest.mark.parametrize("body", BODIES)
def test_models_of_many_shapes_compute_the_same(
    keras: Any, body: Callable[[Any, Any], Any]
) -> None:
    image = keras.Input((8, 8, 2), name="image")
    model = randomise(keras.Model(image, body(keras, image)))
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 2)).astype(np.float32)
    folded = fold_batch_norms(model).model
    assert "BatchNormalization" not in _kinds(folded)
    np.testing.assert_allclose(
        np.array(folded(images)), np.array(model(images, training=False)), atol=2e-6
    )


def test_a_sequential_model_is_folded_too(keras: Any) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.BatchNormalization(), layers.ReLU()]
    )
    assert _kinds(fold_batch_norms(randomise(model)).model) == ["InputLayer", "Conv2D", "ReLU"]


def test_models_that_compute_something_else_are_told_apart(keras: Any) -> None:
    image = keras.Input((4, 4, 1), name="image")
    model = keras.Model(image, keras.layers.Rescaling(1.0)(image))
    scaled = keras.Model(image, keras.layers.Rescaling(1.5)(image))
    expected = "the rewritten model differs by 0.5 of the largest value; expected at most 0.0001"
    with pytest.raises(ConversionError, match=re.escape(expected)):
        folding.check_same_outputs(model, scaled)


def test_a_wrong_fold_is_found_behind_a_softmax(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "edgebake.compression.quantization.qat.batch_norm_folding.fold",
        lambda weights: (weights.kernel, np.zeros(weights.channels)),
    )
    with pytest.raises(ConversionError, match="the rewritten model differs by"):
        fold_batch_norms(randomise(small))


def _nested(keras: Any, x: Any) -> Any:
    return keras.Sequential([keras.layers.Conv2D(2, 3)], name="inner")(x)


def _shared(keras: Any, x: Any) -> Any:
    conv = keras.layers.Conv2D(2, 3, padding="same", name="twice")
    return conv(conv(x))


def _unknown(keras: Any, x: Any) -> Any:
    return keras.layers.SeparableConv2D(2, 3, name="separable")(x)


def _norm_of_numbers(keras: Any, x: Any) -> Any:
    return keras.layers.BatchNormalization(name="norm")(keras.layers.Flatten()(x))


def _norm_of_rows(keras: Any, x: Any) -> Any:
    return keras.layers.BatchNormalization(axis=1, name="rows")(keras.layers.Conv2D(2, 3)(x))


def _channels_first(keras: Any, x: Any) -> Any:
    return keras.layers.GlobalAveragePooling2D(data_format="channels_first", name="first")(x)


KINDS = "BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Embedding, Normalization"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (_nested, "layer 'inner': is a nested model; expected layers only"),
        (_shared, "layer 'twice': is used 2 times; expected each to be used once"),
        (
            _unknown,
            "layer 'separable': SeparableConv2D has weights that cannot be fake-quantized; "
            f"expected weights in {KINDS} alone",
        ),
        (
            _norm_of_numbers,
            "layer 'norm': batch normalization of 2 axes has no linear layer in front to fold "
            "into; expected one, or images [n, h, w, c]",
        ),
        (_norm_of_rows, "layer 'rows': normalizes axis 1; expected the last one, the channels"),
        (_channels_first, "layer 'first': has channels first; expected channels last"),
    ],
)
def test_what_cannot_be_rewritten_is_named(
    keras: Any, body: Callable[[Any, Any], Any], message: str
) -> None:
    image = keras.Input((8, 8, 2), name="image")
    with pytest.raises(ConversionError) as error:
        fold_batch_norms(keras.Model(image, body(keras, image)))
    assert str(error.value) == message


def test_two_inputs_are_refused(keras: Any) -> None:
    first, second = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
    with pytest.raises(ConversionError) as error:
        fold_batch_norms(
            keras.Model([first, second], keras.layers.Add()([first, second]), name="two")
        )
    assert str(error.value) == "model 'two': has 2 inputs and 1 outputs; expected one of each"
