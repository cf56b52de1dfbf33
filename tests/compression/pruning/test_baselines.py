"""Baselines have the same architecture, training budget and images as the pruned model."""

from typing import Any

import numpy as np
import pytest

from edgebake.compression.pruning import baselines
from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.models import keras_session
from edgebake.recipe import FineTune, Train
from edgebake.training import loop
from edgebake.training.loop import TrainingOptions, TrainingSplits
from tests.compression.pruning import graphs, zeros

TRAIN = Train(epochs=7, batch_size=8, learning_rate=0.5, seed=0, threads=1)
FINE_TUNE = FineTune(3, 4, 0.25, 1, 1)


@pytest.fixture(scope="module")
def parent() -> OriginalModel:
    keras_session.start(1)
    return OriginalModel(keras_session.save(graphs.build("normalized")), TRAIN, graphs.NONE)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was trained on, and how: epochs, size of a batch, rate."""
    calls: list[tuple[Any, ...]] = []

    def note(
        model: Any, splits: TrainingSplits, train: Train, _: TrainingOptions
    ) -> list[dict[str, float]]:
        calls.append((model, splits, (train.epochs, train.batch_size, train.learning_rate)))
        return [{"epoch": epoch + 1} for epoch in range(train.epochs)]

    monkeypatch.setattr(loop, "fit", note)
    return calls


def test_the_unpruned_model_is_trained_on_as_the_pruned_one(
    parent: OriginalModel, fitted: list[tuple[Any, ...]]
) -> None:
    baseline = baselines.fine_tuned_original(parent, FINE_TUNE, 2)
    model = baseline.model
    assert [row["epoch"] for row in baseline.history] == [1, 2, 3]
    assert fitted == [(model, graphs.NONE, (1, 4, 0.25)), (model, graphs.NONE, (2, 4, 0.25))]
    for weight, original in zip(model.get_weights(), parent.load().get_weights(), strict=True):
        np.testing.assert_array_equal(weight, original)


def test_the_pruned_architecture_is_trained_from_random_weights_for_all_epochs_together(
    parent: OriginalModel, fitted: list[tuple[Any, ...]]
) -> None:
    pruned = parent.load()
    baseline = baselines.from_scratch(pruned, parent, FINE_TUNE)
    model = baseline.model
    assert len(baseline.history) == 7 + 3
    assert fitted == [(model, graphs.NONE, (7 + 3, 8, 0.5))]
    assert [layer.name for layer in model.layers] == [layer.name for layer in pruned.layers]
    assert [weight.shape for weight in model.weights] == [weight.shape for weight in pruned.weights]
    assert (
        np.abs(np.array(model.get_layer("a").kernel) - np.array(pruned.get_layer("a").kernel)).max()
        > 0.1
    )
    assert np.abs(np.array(model.get_layer("a").bias)).max() == 0
    again = baselines.from_scratch(pruned, parent, FINE_TUNE).model
    np.testing.assert_array_equal(model.get_layer("a").kernel, again.get_layer("a").kernel)


def test_what_was_learnt_of_the_images_without_training_is_kept(
    parent: OriginalModel, fitted: list[tuple[Any, ...]]
) -> None:
    pruned = parent.load()
    model = baselines.from_scratch(pruned, parent, FINE_TUNE).model
    images = zeros.images(pruned)
    np.testing.assert_array_equal(
        model.get_layer("normal")(images), pruned.get_layer("normal")(images)
    )
