"""Fine-tuning of a pruned model, on labels and optionally on the predictions of a teacher."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.recipe import FineTune, Prune
from edgebake.training.loop import History, fit

if TYPE_CHECKING:
    import keras


def options(prune: Prune) -> FineTune:
    """Return the fine-tuning of a recipe.

    Raises:
        ValueError: there is none; the checks of recipes allow that for the method `none` only.
    """
    if prune.fine_tune is None:
        raise ValueError(f"{prune.method} without fine-tuning")
    return prune.fine_tune


def step_options(prune: Prune, step: int) -> FineTune:
    """Return the fine-tuning after a pruning step, counted from 0.

    The steps share the epochs. Each starts with the initial learning rate.
    """
    fine_tune = options(prune)
    steps = prune.steps or 1
    first_epoch = fine_tune.epochs * step // steps
    end = fine_tune.epochs * (step + 1) // steps
    return replace(fine_tune, epochs=end - first_epoch)


def train(model: keras.Model, original: OriginalModel, fine_tune: FineTune) -> History:
    """Fine-tune a model in place; return one row per epoch."""
    training_options = original.training_options()
    return fit(model, original.splits, fine_tune, training_options)
