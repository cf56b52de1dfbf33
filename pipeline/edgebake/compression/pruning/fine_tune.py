"""A model that lost something in, trained on in place, by labels and perhaps by a teacher."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.recipe import FineTune, Prune
from edgebake.training.loop import History, fit


def options(words: Prune) -> FineTune:
    """Return how a recipe trains on; rules see to it that every method but `none` says so."""
    if words.fine_tune is None:
        raise ValueError(f"{words.method} without fine-tuning")
    return words.fine_tune


def step_options(words: Prune, number: int) -> FineTune:
    """Return the training after step `number`, counted from zero; together they have all epochs.

    Each starts at the full learning rate again.
    """
    whole, steps = options(words), words.steps or 1
    epochs = whole.epochs * (number + 1) // steps - whole.epochs * number // steps
    return replace(whole, epochs=epochs)


def train(model: Any, parent: OriginalModel, step_options: FineTune) -> History:
    """Train a model in place and return the epochs."""
    return fit(model, parent.splits, step_options, parent.aids())
