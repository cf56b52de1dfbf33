"""The order depends on seed and epoch alone; balanced weights raise rare classes."""

import numpy as np
import pytest

from edgebake.models import keras_session
from edgebake.recipe import ClassWeights, EarlyStopping, Monitor, Train
from edgebake.training import batches, loop
from edgebake.training.batches import TrainingSet
from tests.training import nets


def test_an_epoch_has_its_own_order() -> None:
    first, second, other_seed = (
        batches.shuffled(100, *key).tolist() for key in ((0, 0), (0, 1), (1, 0))
    )
    assert sorted(first) == sorted(second) == list(range(100))
    assert len({tuple(order) for order in (first, second, other_seed)}) == 3
    assert batches.shuffled(100, 0, 1).tolist() == second


def test_a_dataset_holds_every_example_once_in_that_order() -> None:
    keras_session.start(1)
    training_set = TrainingSet(np.arange(10, dtype=np.float32).reshape(10, 1, 1, 1), np.arange(10))
    dataset_batches = list(batches.dataset(training_set, np.array([3, 1, 4, 0, 5]), 2))
    assert [labels.numpy().tolist() for _, labels in dataset_batches] == [[3, 1], [4, 0], [5]]
    assert [images.numpy().ravel().tolist() for images, _ in dataset_batches] == [
        [3, 1],
        [4, 0],
        [5],
    ]


def test_classes_count_the_same_together() -> None:
    weights = batches.class_weights(np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2])
    assert weights.mean() == pytest.approx(1)


def test_balanced_weights_make_a_rare_class_heard() -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(400) % 20 == 0).astype(np.int64)  # one in twenty
    images = (rng.normal(size=(400, 1, 1, 2)) + labels[:, None, None, None] * 1.2).astype(
        np.float32
    )
    splits = loop.TrainingSplits(images, labels, images, labels)
    recall = {}
    for weights in ClassWeights:
        model = nets.model()
        loop.fit(model, splits, Train(8, 32, 0.02, 0, 1, class_weights=weights))
        recall[weights] = (loop.predictions(model, images).argmax(axis=1) == 1)[labels == 1].mean()
    assert recall[ClassWeights.balanced] > recall[ClassWeights.equal] + 0.3


def test_training_stops_when_it_no_longer_helps_and_keeps_the_best() -> None:
    model, splits = nets.model(), nets.splits()
    train = Train(60, 32, 0.3, 0, 1, early_stopping=EarlyStopping(Monitor.accuracy, 3))
    rows = loop.fit(model, splits, train)
    best = max(row["val_accuracy"] for row in rows)
    assert len(rows) < 60
    assert [row["val_accuracy"] for row in rows].index(best) == len(rows) - 4
    assert loop.score(model, splits) == pytest.approx(best)
