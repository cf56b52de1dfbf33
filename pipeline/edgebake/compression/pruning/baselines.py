"""Baselines of pruning: models that are trained with the same budget, for comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgebake.compression.pruning import fine_tune
from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.compression.quantization.qat.fold_model import copy_statistics
from edgebake.recipe import Prune
from edgebake.training import loop
from edgebake.training.loop import TrainingOptions

if TYPE_CHECKING:
    import keras


def fine_tuned_original(original: OriginalModel, prune: Prune) -> keras.Model:
    """Fine-tune the original model as the pruned one was: in as many steps, but on labels alone."""
    import keras

    keras.utils.set_random_seed(fine_tune.options(prune).seed)
    model = original.load()
    options = TrainingOptions(contract=original.contract)
    for step in range(prune.steps or 1):
        loop.fit(model, original.splits, fine_tune.step_options(prune, step), options)
    return model


def from_scratch(pruned: keras.Model, original: OriginalModel, prune: Prune) -> keras.Model:
    """Train the architecture of the pruned model from random weights, on labels alone.

    It is trained as the original model was, for the epochs of original and fine-tuning together.
    """
    import keras

    fine_tuning = fine_tune.options(prune)
    keras.utils.set_random_seed(fine_tuning.seed)
    model = keras.models.clone_model(pruned)
    # Statistics of the data are no result of training.
    copy_statistics(pruned, model)
    train = replace(
        original.train, epochs=original.train.epochs + fine_tuning.epochs, layers=fine_tuning.layers
    )
    loop.fit(model, original.splits, train, TrainingOptions(contract=original.contract))
    return model
