"""A training resumes from its last epoch and ends with the same weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebake.recipe import Augment, EarlyStopping, Monitor, Train
from edgebake.training import loop
from edgebake.training.checkpoint import Checkpoint
from edgebake.training.loop import TrainingOptions
from tests.training import nets

WORDS = Train(5, 32, 0.05, 0, 1)


class KilledError(Exception):
    """Stands for a kill in the middle of an epoch."""


def killer(epoch: int) -> Any:
    import keras

    def kill(now: int, _: Any) -> None:
        if now == epoch:
            raise KilledError

    return keras.callbacks.LambdaCallback(on_epoch_begin=kill)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("stopping", [None, EarlyStopping(Monitor.loss, 2)])
def test_resumed_is_as_if_it_had_never_been_killed(
    tmp_path: Path, dropout: float, stopping: EarlyStopping | None
) -> None:
    train = Train(5, 32, 0.05, 0, 1, early_stopping=stopping)
    whole = nets.model(dropout=dropout)
    rows = loop.fit(whole, nets.splits(), train)
    checkpoint = Checkpoint(tmp_path / "kept.npz", "same")
    with pytest.raises(KilledError):
        loop.fit(
            nets.model(dropout=dropout),
            nets.splits(),
            train,
            TrainingOptions([killer(3)], checkpoint=checkpoint),
        )
    resumed = nets.model(seed=9, dropout=dropout)
    again = loop.fit(resumed, nets.splits(), train, TrainingOptions(checkpoint=checkpoint))
    assert again == rows
    for expected, actual in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, actual)


def test_what_another_recipe_left_is_not_taken_up(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        loop.fit(
            nets.model(),
            nets.splits(),
            WORDS,
            TrainingOptions([killer(3)], checkpoint=Checkpoint(tmp_path / "k.npz", "one")),
        )
    model = nets.model()
    assert loop.fit(
        model,
        nets.splits(),
        WORDS,
        TrainingOptions(checkpoint=Checkpoint(tmp_path / "k.npz", "other")),
    ) == loop.fit(nets.model(), nets.splits(), WORDS)


def test_augmentation_goes_on_where_it_was(tmp_path: Path) -> None:
    import keras

    from edgebake.training.loop import TrainingSplits

    def net() -> Any:
        nets.model()  # starts Keras with its seed
        image = keras.Input((4, 4, 3))
        return keras.Model(image, keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(image)))

    images, labels = nets.pictures(40), np.arange(40) % 2
    splits = TrainingSplits(images, labels, images[:8], labels[:8])
    train = Train(4, 16, 0.01, 0, 1, augment=Augment(rotation=20, contrast=0.3, mixup=0.4))
    whole, resumed = net(), net()
    loop.fit(whole, splits, train, TrainingOptions(contract=nets.CONTRACT))
    checkpoint = Checkpoint(tmp_path / "kept.npz", "same")
    with pytest.raises(KilledError):
        loop.fit(
            net(),
            splits,
            train,
            TrainingOptions([killer(2)], contract=nets.CONTRACT, checkpoint=checkpoint),
        )
    loop.fit(resumed, splits, train, TrainingOptions(contract=nets.CONTRACT, checkpoint=checkpoint))
    for expected, actual in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, actual)
