"""Small models, one for each kind of channel coupling, with their families and unpruned layers."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgebake.compression.pruning import dependency_graph
from edgebake.compression.pruning.dependency_graph import Dependencies
from edgebake.models import keras_session
from edgebake.training.loop import TrainingSplits

SHAPE = (8, 8, 2)
NONE = TrainingSplits(
    np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.int64)
)
SOFTMAX = "its softmax depends on all channels"


@dataclass(frozen=True)
class Graph:
    """A model: its layers, its families with their sizes, and why other layers are not pruned."""

    body: Callable[[Any, Any], Any]
    families: dict[tuple[str, ...], int]
    whole: dict[str, str] = field(default_factory=dict)


def build(name: str) -> Any:
    """Return a model of three classes with random numbers in every weight."""
    keras = keras_session.start(1)
    image = keras.Input(SHAPE, name="image")
    x = GRAPHS[name].body(keras.layers, image)
    while len(x.shape) > 2:
        pool = (
            keras.layers.GlobalAveragePooling2D
            if len(x.shape) == 4
            else keras.layers.GlobalAveragePooling1D
        )
        x = pool()(x)
    return randomise(
        keras.Model(image, keras.layers.Dense(3, activation="softmax", name="answer")(x))
    )


def randomise(model: Any) -> Any:
    """Replace weights that start as 0 or 1, so that a test notices if channels are mixed up."""
    random = np.random.default_rng(7)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance", "alpha"):
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
        if weight.name in ("beta", "bias", "moving_mean"):
            weight.assign(random.normal(0, 0.3, weight.shape))
    return model


def reasons(dependencies: Dependencies) -> dict[str, str]:
    """Return why layers are not pruned, without the numbers in default names of operations."""
    return {name: re.sub(r"(\w)_\d+'", r"\1'", why) for name, why in dependencies.unpruned.items()}


def read(name: str) -> tuple[Any, Dependencies]:
    model = build(name)
    return model, dependency_graph.read(model)


def _residual(layers: Any, x: Any) -> Any:
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", name="a")(x)))
    return layers.Add()([x, layers.Conv2D(4, 3, padding="same", name="b")(x)])


def _residual_chain(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(4, 1, name="a")(x)
    for name in ("b", "c"):
        y = layers.Conv2D(3, 1, activation="relu", name=f"{name}_inside")(x)
        x = layers.Average()([x, layers.Conv2D(4, 1, name=name)(y)])
    return layers.Maximum()([x, layers.Subtract()([x, layers.Conv2D(4, 1, name="d")(x)])])


def _concatenation_and_sum(layers: Any, x: Any) -> Any:
    both = layers.Concatenate()(
        [layers.Conv2D(3, 3, name="a")(x), layers.Conv2D(2, 3, name="b")(x)]
    )
    x = layers.Add()([both, layers.Conv2D(5, 3, name="c")(x)])
    return layers.Conv2D(4, 1, activation="relu", name="d")(layers.BatchNormalization()(x))


def _dense_net(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(3, 3, name="a")(x)
    for name in ("b", "c", "d"):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Concatenate()([x, layers.Conv2D(2, 3, padding="same", name=name)(y)])
    return layers.BatchNormalization()(x)


def _squeeze(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(4, 3, name="a")(x)
    y = layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = layers.Conv2D(2, 1, activation="relu", name="narrow")(y)
    return layers.Multiply()([x, layers.Conv2D(4, 1, activation="sigmoid", name="wide")(y)])


def _squeeze_of_numbers(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(4, 3, name="a")(x)
    y = layers.Dense(2, activation="silu", name="narrow")(layers.GlobalMaxPooling2D()(x))
    y = layers.Reshape((1, 1, 4))(layers.Dense(4, activation="hard_sigmoid", name="wide")(y))
    return layers.Multiply()([y, x])


def _flatten(layers: Any, x: Any) -> Any:
    x = layers.MaxPooling2D()(layers.Conv2D(3, 3, activation="relu", name="a")(x))
    return layers.Dense(5, activation="tanh", name="b")(layers.Flatten()(x))


def _rows(layers: Any, x: Any) -> Any:
    x = layers.Reshape((32, 6))(layers.Conv2D(3, 1, name="a")(x))
    x = layers.Conv1D(4, 1, name="b")(x)
    return layers.Reshape((-1, 2 * 4))(layers.MaxPooling1D()(layers.ReLU(6.0)(x)))


def _taken_apart(layers: Any, x: Any) -> Any:
    x = layers.Dense(8, name="a")(layers.Flatten()(layers.Conv2D(2, 3, name="before")(x)))
    return layers.Conv2D(3, 1, name="b")(layers.Reshape((2, 2, 2), name="square")(x))


def _multiplied(layers: Any, x: Any) -> Any:
    x = layers.DepthwiseConv2D(3, depth_multiplier=2)(layers.Conv2D(3, 1, name="a")(x))
    return layers.ReLU()(layers.BatchNormalization()(x))


def _multiplied_and_tied(layers: Any, x: Any) -> Any:
    two = layers.DepthwiseConv2D(3, depth_multiplier=2)(layers.Conv2D(3, 1, name="a")(x))
    return layers.Conv2D(2, 1, name="c")(layers.Add()([two, layers.Conv2D(6, 3, name="b")(x)]))


def _slopes(layers: Any, x: Any) -> Any:
    x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(3, 3, name="a")(x))
    x = layers.PReLU()(layers.Conv2D(4, 3, name="b")(x))
    return layers.PReLU(shared_axes=[1, 2, 3])(layers.Conv2D(3, 1, name="c")(x))


def _moved(layers: Any, x: Any) -> Any:
    x = layers.BatchNormalization(scale=False)(
        layers.ZeroPadding2D()(layers.Conv2D(3, 3, name="a")(x))
    )
    x = layers.Rescaling(2.0, 0.5)(layers.UpSampling2D()(layers.LeakyReLU()(x)))
    x = layers.Activation("hard_silu")(layers.Cropping2D()(layers.Dropout(0.5)(x)))
    x = layers.BatchNormalization(center=False)(layers.Conv2D(4, 3, use_bias=False, name="b")(x))
    return layers.Activation("gelu")(layers.AveragePooling2D(2)(layers.Resizing(6, 6)(x)))


def _twice_in_one(layers: Any, x: Any) -> Any:
    x = layers.Dense(3, name="a")(x)
    x = layers.Concatenate()([x, layers.Multiply()([x, x])])
    return layers.Conv2D(4, 1, name="b")(x)


def _rows_below_rows(layers: Any, x: Any) -> Any:
    x = layers.Concatenate(axis=1)(
        [layers.Conv2D(3, 1, name="a")(x), layers.Conv2D(3, 1, name="b")(x)]
    )
    x = layers.Concatenate(axis=-2)([x, layers.ReLU()(x)])
    return layers.Conv2D(2, 1, name="c")(x)


def _map(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(4, 1, name="a")(x)
    x = layers.Multiply()(
        [layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="map")(x), x]
    )
    return layers.Conv2D(3, 1, name="b")(x)


def _arithmetic(layers: Any, x: Any) -> Any:
    import keras

    x = 1 - layers.Conv2D(3, 3, name="a")(x) * 2.0
    x = keras.ops.relu6(x + 3.0) / 6.0 + keras.ops.sigmoid(x)
    x = layers.Conv2D(3, 1, name="b")(x) * np.array([1.0, 2.0, 3.0], np.float32)
    return layers.Conv2D(3, 1, name="c")(x)


def _constants(layers: Any, x: Any) -> Any:
    x = layers.Rescaling([1.0, 2.0, 3.0], name="scale")(layers.Conv2D(3, 3, name="a")(x))
    return layers.Conv2D(4, 1, name="b")(x)


def _grouped(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(4, 3, groups=2, name="grouped")(layers.Conv2D(4, 3, name="a")(x))
    return layers.Conv2D(3, 1, name="b")(x)


def _nested(layers: Any, x: Any) -> Any:
    import keras

    inner = keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization()], name="inner")
    return layers.Conv2D(3, 1, name="b")(inner(layers.Conv2D(3, 3, name="a")(x)))


def _shared(layers: Any, x: Any) -> Any:
    twice = layers.Conv2D(3, 3, padding="same", activation="relu", name="twice")
    x = twice(twice(layers.Conv2D(3, 3, name="a")(x)))
    return layers.Conv2D(4, 1, name="b")(x)


def _layer_norm(layers: Any, x: Any) -> Any:
    x = layers.LayerNormalization(name="norm")(layers.Conv2D(3, 3, name="a")(x))
    return layers.Conv2D(4, 1, name="b")(x)


def _attention(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(4, 1, name="a")(x)
    x = layers.Multiply()([x, layers.Conv2D(4, 1, activation="softmax", name="weights")(x)])
    x = layers.Activation("softmax", name="soft")(layers.Conv2D(3, 1, name="b")(x))
    x = layers.Softmax(name="softer")(layers.Conv2D(3, 1, name="c")(x))
    return layers.Conv2D(3, 1, name="d")(x)


def _beside_the_image(layers: Any, x: Any) -> Any:
    x = layers.Add()([x, layers.Conv2D(2, 1, name="a")(x)])
    return layers.Conv2D(3, 1, name="b")(x)


def _normalized(layers: Any, x: Any) -> Any:
    normal = layers.Normalization(name="normal")
    normal.adapt(np.random.default_rng(2).normal(3.0, 2.0, (32, *SHAPE)))
    return layers.Conv2D(4, 3, name="a")(normal(x))


def _unknown(layers: Any, x: Any) -> Any:
    import keras

    x = layers.Conv2DTranspose(4, 3, strides=2, name="larger")(layers.Conv2D(3, 3, name="a")(x))
    x = keras.ops.concatenate(
        [layers.Conv2D(2, 1, name="b")(x), layers.Conv2D(2, 1, name="c")(x)], axis=-1
    )
    x = layers.BatchNormalization(axis=1, name="of_rows")(layers.Conv2D(3, 1, name="d")(x))
    x = layers.GlobalAveragePooling2D(data_format="channels_first", name="first")(
        layers.Conv2D(5, 1, name="e")(x)
    )
    return layers.Dense(4, name="f")(x)


def _meets(operation: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, f"its channels meet {operation}")


GRAPHS = {
    "residual": Graph(_residual, {("a", "b"): 4}),
    "residual_chain": Graph(
        _residual_chain, {("a", "b", "c", "d"): 4, ("b_inside",): 3, ("c_inside",): 3}
    ),
    "concatenation_and_sum": Graph(
        _concatenation_and_sum, {("a", "c"): 3, ("b", "c"): 2, ("d",): 4}
    ),
    "dense_net": Graph(_dense_net, {("a",): 3, ("b",): 2, ("c",): 2, ("d",): 2}),
    "squeeze": Graph(_squeeze, {("a", "wide"): 4, ("narrow",): 2}),
    "squeeze_of_numbers": Graph(_squeeze_of_numbers, {("a", "wide"): 4, ("narrow",): 2}),
    "flatten": Graph(_flatten, {("a",): 3, ("b",): 5}),
    "rows": Graph(_rows, {("a",): 3, ("b",): 4}),
    "taken_apart": Graph(
        _taken_apart, {("before",): 2, ("b",): 3}, _meets("'square', which splits channels", "a")
    ),
    "multiplied": Graph(_multiplied, {("a",): 3}),
    "multiplied_and_tied": Graph(_multiplied_and_tied, {("a", "b"): 3, ("c",): 2}),
    "slopes": Graph(_slopes, {("a",): 3, ("b",): 4, ("c",): 3}),
    "moved": Graph(_moved, {("a",): 3, ("b",): 4}),
    "twice_in_one": Graph(_twice_in_one, {("a",): 3, ("b",): 4}),
    "rows_below_rows": Graph(_rows_below_rows, {("a", "b"): 3, ("c",): 2}),
    "map": Graph(_map, {("a",): 4, ("map",): 1, ("b",): 3}),
    "arithmetic": Graph(
        _arithmetic,
        {("a",): 3, ("c",): 3},
        _meets("'multiply', which has a constant for each channel", "b"),
    ),
    "constants": Graph(
        _constants, {("b",): 4}, _meets("'scale', which has a constant for each channel", "a")
    ),
    "grouped": Graph(
        _grouped, {("b",): 3}, _meets("'grouped', which has 2 groups", "a", "grouped")
    ),
    "nested": Graph(_nested, {("b",): 3}, _meets("'inner', a model inside the model", "a")),
    "shared": Graph(_shared, {("b",): 4}, _meets("'twice', which is used 2 times", "a", "twice")),
    "layer_norm": Graph(
        _layer_norm,
        {("b",): 4},
        _meets("'norm', a LayerNormalization, which pruning does not support", "a"),
    ),
    "attention": Graph(
        _attention,
        {("d",): 3},
        {"a": SOFTMAX, "weights": SOFTMAX}
        | _meets("'soft', whose softmax depends on all channels", "b")
        | _meets("'softer', a Softmax, which pruning does not support", "c"),
    ),
    "beside_the_image": Graph(
        _beside_the_image, {("b",): 3}, _meets("'image', which is the input image", "a")
    ),
    "normalized": Graph(_normalized, {("a",): 4}),
    "unknown": Graph(
        _unknown,
        {("f",): 4},
        _meets("'larger', a Conv2DTranspose, which pruning does not support", "a")
        | _meets("'concatenate', a Concatenate, which pruning does not support", "b", "c")
        | _meets("'of_rows', which normalizes another axis than the channels", "d")
        | _meets("'first', which has channels first", "e"),
    ),
}
