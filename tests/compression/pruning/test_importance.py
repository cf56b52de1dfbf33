"""Importance scores, computed by hand; the Taylor score is compared with changes of the loss."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning import dependency_graph, importance
from edgebake.models import keras_session
from edgebake.recipe import ImportanceScore
from edgebake.training.loop import TrainingSplits
from tests.compression.pruning import graphs

BATCH = 6


@pytest.fixture(autouse=True, scope="module")
def _session() -> None:
    keras_session.start(1)


CROSS_ENTROPY = "sparse_categorical_crossentropy"


def dense() -> Any:
    """Return two dense layers: a column produces each of the two hidden units, a row reads it."""
    keras = keras_session.start(1)
    image = keras.Input((2,), name="image")
    x = keras.layers.Dense(2, use_bias=False, name="a")(image)
    model = keras.Model(image, keras.layers.Dense(2, use_bias=False, name="answer")(x))
    model.set_weights([np.array([[1.0, -2], [3, 4]]), np.array([[3.0, -1], [2, 0]])])
    return model


def of(model: Any, how: ImportanceScore, splits: TrainingSplits = graphs.NONE) -> list[float]:
    """Return the scores of the channels of layer `a`."""
    dependencies = dependency_graph.read(model)
    values: list[float] = importance.importance_of_groups(model, dependencies, how, splits)[
        dependencies.channels["a"].outputs
    ].tolist()
    return values


def test_l1_is_the_sum_of_magnitudes_beside_their_mean() -> None:
    # Columns sum up to 4 and 6, with a mean of 5; rows to 4 and 2, with a mean of 3.
    assert of(dense(), ImportanceScore.l1) == pytest.approx(
        [(4 / 5 + 4 / 3) / 2, (6 / 5 + 2 / 3) / 2]
    )


def test_l2_is_the_root_of_the_sum_of_squares_beside_their_mean() -> None:
    columns, rows = np.sqrt([10, 20]), np.sqrt([10, 4])
    assert of(dense(), ImportanceScore.l2) == pytest.approx(
        (columns / columns.mean() + rows / rows.mean()) / 2
    )


def depthwise() -> Any:
    """Return a model whose two channels a depthwise and, flattened, a dense layer read."""
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((1, 2, 1), name="image")
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(2, 1, use_bias=False, name="a")(image))
    x = layers.Flatten()(
        layers.DepthwiseConv2D(1, depth_multiplier=2, use_bias=False, name="depthwise")(x)
    )
    model = keras.Model(image, layers.Dense(2, use_bias=False, name="answer")(x))
    model.get_layer("a").set_weights([np.array([[[[2.0, -6]]]])])
    model.get_layer("depthwise").set_weights([np.array([[[[1.0, -1], [2, 4]]]])])
    model.get_layer("answer").set_weights(
        [np.array([[1.0, 0], [1, 0], [2, 0], [0, 2], [3, 0], [3, 0], [0, 4], [4, 0]])]
    )
    model.get_layer("norm").gamma.assign([-2.0, 1.0])
    return model


def test_each_layer_and_each_place_in_front_of_a_dense_layer_has_a_voice() -> None:
    made, depthwise_norms = np.array([2, 6]) / 4, np.array([2, 6]) / 4
    read = (
        np.array([[1, 1, 3, 3], [2, 2, 4, 4]]) / 2.5
    )  # by channel: two outputs each at two places
    assert of(depthwise(), ImportanceScore.l1) == pytest.approx(
        (made + depthwise_norms + read.sum(axis=1)) / 6
    )


def test_the_score_of_batch_normalization_is_the_magnitude_of_its_scale() -> None:
    assert of(depthwise(), ImportanceScore.batch_norm) == pytest.approx([2 / 1.5, 1 / 1.5])


def test_what_no_layer_scores_is_no_number() -> None:
    assert np.isnan(of(dense(), ImportanceScore.batch_norm)).all()


def small(norm: bool) -> Any:
    keras = keras_session.start(1)
    layers = keras.layers
    image = keras.Input((5, 5, 2), name="image")
    x = layers.Conv2D(4, 3, name="a")(image)
    x = layers.BatchNormalization(name="norm")(x) if norm else x
    x = layers.GlobalAveragePooling2D()(layers.Activation("tanh")(x))
    model = keras.Model(image, layers.Dense(3, activation="softmax", name="answer")(x))
    random = np.random.default_rng(4)
    model.set_weights(
        [
            random.uniform(0.2, 1, weight.shape) * np.sign(weight + 1e-9)
            for weight in model.get_weights()
        ]
    )
    return model


def examples(count: int) -> TrainingSplits:
    random = np.random.default_rng(5)
    images, labels = (
        random.normal(size=(count, 5, 5, 2)).astype(np.float32),
        random.integers(0, 3, count),
    )
    return TrainingSplits(images, labels, images[:0], labels[:0])


def loss(model: Any, splits: TrainingSplits) -> float:
    answers = np.array(model(splits.inputs, training=False), np.float64)
    return float(-np.log(answers[np.arange(len(answers)), splits.labels]).mean())


def slope(model: Any, gate: str, channel: int, splits: TrainingSplits) -> float:
    """Return the derivative of the loss by the scale of a channel, as a difference quotient."""
    layer, step, losses = model.get_layer(gate), 0.01, []
    weights = layer.get_weights()
    for share in (1 + step, 1 - step):
        scaled = [weight.copy() for weight in weights]
        for weight in scaled[:2]:  # a kernel and its bias, or gamma and beta
            weight[..., channel] *= share
        layer.set_weights(scaled)
        losses.append(loss(model, splits))
    layer.set_weights(weights)
    return (losses[0] - losses[1]) / (2 * step)


@pytest.mark.parametrize("gate", ["a", "norm"])
def test_a_channel_changes_the_loss_as_its_gate_says(gate: str) -> None:
    model, splits = small(norm=gate == "norm"), examples(BATCH)
    changes = next(
        importance._loss_changes(
            model, [model.get_layer(gate)], splits.inputs, splits.labels, CROSS_ENTROPY
        )
    )
    expected = [slope(model, gate, channel, splits) for channel in range(4)]
    assert np.abs(expected).max() > 5e-3
    assert changes == pytest.approx(expected, rel=0.01, abs=1e-4)


def test_the_taylor_score_is_the_square_summed_over_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importance, "BATCH", BATCH)
    model, splits = small(norm=False), examples(2 * BATCH - 2)
    parts = [slice(0, BATCH), slice(BATCH, None)]
    batches = [
        TrainingSplits(splits.inputs[part], splits.labels[part], splits.inputs, splits.labels)
        for part in parts
    ]
    expected = [
        sum(slope(model, "a", channel, batch) ** 2 for batch in batches) for channel in range(4)
    ]
    assert of(model, ImportanceScore.taylor, splits) == pytest.approx(expected, rel=0.03, abs=1e-6)


def test_a_channel_that_nobody_reads_matters_least() -> None:
    model = small(norm=True)
    kernel, bias = model.get_layer("answer").get_weights()
    kernel[2] = 0
    model.get_layer("answer").set_weights([kernel, bias])
    scores = of(model, ImportanceScore.taylor, examples(BATCH))
    assert scores[2] == pytest.approx(0, abs=1e-12)
    assert sorted(scores)[1] > 1e-7
