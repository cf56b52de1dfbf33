"""Baselines of pruning: models that are trained with the same budget, for comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgebake.compression.pruning import fine_tune
from edgebake.compression.quantization.qat.fold_model import copy_statistics
from edgebake.training import loop
from edgebake.training.loop import History, TrainingOptions

if TYPE_CHECKING:
    import keras

    from edgebake.compression.pruning.original_model import OriginalModel
    from edgebake.recipe import FineTune, Train


@dataclass(frozen=True)
class Baseline:
    """A trained baseline."""

    model: keras.Model
    history: History  # of its training


def fine_tuned_original(original: OriginalModel, options: FineTune, steps: int) -> Baseline:
    """Fine-tune the original model as the pruned one was: in as many steps, but on labels alone."""
    import keras

    keras.utils.set_random_seed(options.seed)
    model = original.load()
    history: History = []
    for step in range(steps):
        rows = _fit(model, original, fine_tune.step_options(options, steps, step))
        history += fine_tune.numbered_after(history, rows)
    return Baseline(model, history)


def from_scratch(pruned: keras.Model, original: OriginalModel, options: FineTune) -> Baseline:
    """Train the architecture of the pruned model from random weights, on labels alone.

    It is trained as the original model was, for the epochs of original and fine-tuning together.
    """
    import keras

    keras.utils.set_random_seed(options.seed)
    model = keras.models.clone_model(pruned)
    # Statistics of the data are no result of training.
    copy_statistics(pruned, model)
    train = original.train
    epochs = train.epochs + options.epochs
    history = _fit(model, original, replace(train, epochs=epochs, layers=options.layers))
    return Baseline(model, history)


def _fit(model: keras.Model, original: OriginalModel, train: Train) -> History:
    return loop.fit(model, original.splits, train, TrainingOptions(contract=original.contract))
