"""Outputs that a runtime stores get a range; fused and scale-preserving ones do not."""

from typing import Any

from edgebake.compression.quantization.qat import graph, stored_outputs
from edgebake.compression.quantization.qat.fold_model import fold_batch_norms


def _stored(model: Any) -> list[str]:
    model_graph = graph.read(model)
    return [
        name
        for name in model_graph.operations
        if name != "image" and stored_outputs.is_stored(name, model_graph)
    ]


def test_a_convolution_leaves_the_range_to_its_relu_and_the_last_softmax_has_none(
    small: Any,
) -> None:
    assert _stored(fold_batch_norms(small).model) == ["relu", "relu6", "average", "probabilities"]


def test_other_functions_are_stored_before_and_behind(keras: Any) -> None:
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Activation("silu", name="silu")(keras.layers.Conv2D(2, 3, name="conv")(image))
    x = keras.layers.ReLU(negative_slope=0.1, name="leaky")(
        keras.layers.Conv2D(2, 3, name="second")(x)
    )
    assert _stored(keras.Model(image, x)) == ["conv", "silu", "second", "leaky"]


def test_sums_compute_their_relu_and_concatenation_does_not(keras: Any) -> None:
    image = keras.Input((8, 8, 1), name="image")
    left, right = (
        keras.layers.Conv2D(2, 3, activation="relu", name=name)(image) for name in ("left", "right")
    )
    x = keras.layers.ReLU(name="of_sum")(keras.layers.Add(name="sum")([left, right]))
    x = keras.layers.ReLU(name="of_both")(keras.layers.Concatenate(name="both")([x, left]))
    assert sorted(_stored(keras.Model(image, x))) == ["both", "left", "of_both", "of_sum", "right"]


def test_a_convolution_that_two_read_is_stored(keras: Any) -> None:
    image = keras.Input((8, 8, 1), name="image")
    conv = keras.layers.Conv2D(2, 3, name="conv")(image)
    x = keras.layers.Add(name="sum")([keras.layers.ReLU(name="relu")(conv), conv])
    assert _stored(keras.Model(image, x)) == ["conv", "relu", "sum"]


def test_what_only_moves_numbers_keeps_their_range(keras: Any) -> None:
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.MaxPooling2D(name="pool")(keras.layers.ZeroPadding2D(name="pad")(image))
    x = keras.layers.Dropout(0.5, name="drop")(keras.ops.reshape(x, (-1, 25)))
    assert _stored(keras.Model(image, keras.layers.Dense(2, name="dense")(x))) == ["dense"]


def test_operations_of_keras_count_as_layers_do(keras: Any) -> None:
    image = keras.Input((8, 8, 1), name="image")
    x = keras.ops.relu6(keras.layers.Conv2D(2, 3, name="conv")(image) + 3.0) * (1.0 / 6.0)
    kinds = [
        type(graph.read(keras.Model(image, x)).operations[name]).__name__
        for name in _stored(keras.Model(image, x))
    ]
    assert kinds == ["Conv2D", "Relu6", "Multiply"]
