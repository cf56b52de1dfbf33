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


def step_options(fine_tune: FineTune, steps: int, step: int) -> FineTune:
    """Return the fine-tuning after a pruning step, counted from 0.

    The steps share the epochs. Each starts with the initial learning rate.
    """
    first_epoch = fine_tune.epochs * step // steps
    end = fine_tune.epochs * (step + 1) // steps
    return replace(fine_tune, epochs=end - first_epoch)


def train(model: keras.Model, original: OriginalModel, fine_tune: FineTune) -> History:
    """Fine-tune a model in place; return one row per epoch."""
    training_options = original.training_options()
    return fit(model, original.splits, fine_tune, training_options)


def numbered_after(history: History, rows: History) -> History:
    """Return the rows of a step with epochs that count on from those of the steps before it."""
    numbered = []
    for row in rows:
        epoch = row["epoch"] + len(history)
        numbered.append({**row, "epoch": epoch})
    return numbered
