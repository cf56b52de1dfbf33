"""What pruning has to beat, trained with the same budget: accuracies on the validation split."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgebake.compression.pruning import fine_tune
from edgebake.compression.pruning.original_model import OriginalModel
from edgebake.compression.quantization.qat.fold_model import copy_statistics
from edgebake.recipe import Prune
from edgebake.training import loop
from edgebake.training.loop import TrainingOptions


def fine_tuned_original(parent: OriginalModel, words: Prune) -> Any:
    """Return the unpruned model after the training that the pruned one got, in as many steps, from labels alone."""
    import keras

    keras.utils.set_random_seed(fine_tune.options(words).seed)
    model = parent.load()
    for number in range(words.steps or 1):
        loop.fit(
            model,
            parent.splits,
            fine_tune.step_options(words, number),
            TrainingOptions(contract=parent.contract),
        )
    return model


def from_scratch(pruned: Any, parent: OriginalModel, words: Prune) -> Any:
    """Return the pruned model's architecture trained from random weights all the way.

    As the parent was trained, for as long as the parent and the pruned model together.
    """
    import keras

    learn = fine_tune.options(words)
    keras.utils.set_random_seed(learn.seed)
    model = keras.models.clone_model(pruned)
    copy_statistics(pruned, model)  # no training finds them
    budget = replace(parent.train, epochs=parent.train.epochs + learn.epochs, layers=learn.layers)
    loop.fit(model, parent.splits, budget, TrainingOptions(contract=parent.contract))
    return model
