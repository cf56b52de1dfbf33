"""Magnitude pruning: set the smallest weights of each layer to zero, and fine-tune the others.

Sparsity: Zhu & Gupta, https://arxiv.org/abs/1710.01878. Patterns: Mishra et al.,
https://arxiv.org/abs/2104.08378.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.pruning import masks, weight_constraints
from edgebake.compression.pruning.masks import Masks, SparsityRamp
from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel
from edgebake.models import keras_graph, keras_session
from edgebake.recipe import FineTune, Prune, SparsityPattern
from edgebake.training import loop
from edgebake.training.loop import History

if TYPE_CHECKING:
    import keras

    from edgebake.compression.pruning.original_model import Report

WORDS: tuple[str, ...] = ("fine_tune", "baselines")
ONE_OF: tuple[tuple[str, ...], ...] = (("sparsity", "ramp"), ("pattern",))
TOOLS: tuple[str, ...] = keras_session.TOOLS
SPEED = (
    "no speedup is expected: dense kernels compute zeros like any other number, see "
    "docs/explanation/pruning.md; only the compressed download becomes smaller"
)


def prune(original: OriginalModel, options: Prune) -> PrunedModel:
    """Prune each layer by itself: to a sparsity that increases during fine-tuning, or a pattern."""
    amount = options.pattern or options.sparsity
    if amount is None or options.fine_tune is None:
        raise ValueError("magnitude pruning without sparsity or a pattern, or without fine-tuning")
    model = original.load()
    untuned = original.load()
    untuned_masks = _build_masks(untuned, options.pattern)
    untuned_masks.update(amount)
    history = _fine_tune(model, original, options, options.fine_tune)
    # A new model has no optimizer, whose state would be saved with it.
    model = keras_graph.functional(model)
    return PrunedModel(
        model=model,
        accuracy_before_fine_tuning=loop.score(untuned, original.splits),
        accuracy=loop.score(model, original.splits),
        history=history,
        report=_report(original.load(), model, options.pattern),
    )


def _build_masks(model: keras.Model, pattern: SparsityPattern | None) -> Masks:
    layers, _ = masks.select_layers(model, pattern)
    return Masks(layers.values())


def _fine_tune(
    model: keras.Model, original: OriginalModel, options: Prune, fine_tuning: FineTune
) -> History:
    """Train a model in place while its masks are updated and applied; return the epochs."""
    model_masks = _build_masks(model, options.pattern)
    callbacks = []
    if options.pattern is not None:
        model_masks.update(options.pattern)
    elif options.sparsity is not None:
        steps_per_epoch = loop.steps_per_epoch(original.splits, fine_tuning)
        steps = fine_tuning.epochs * steps_per_epoch
        ramp_share = options.ramp or 0.0
        ramp_steps = round(ramp_share * steps)
        # The last masks are trained with for at least one step.
        last_step = steps - 1
        ramp = SparsityRamp(options.sparsity, min(ramp_steps, last_step))
        callback = _ramp_callback(model_masks, ramp)
        callbacks.append(callback)
    training_options = original.training_options(callbacks)
    with weight_constraints.constrained(model_masks.constraints()):
        return loop.fit(model, original.splits, fine_tuning, training_options)


def _ramp_callback(model_masks: Masks, ramp: SparsityRamp) -> keras.callbacks.Callback:
    """Return a callback that updates the masks before the steps at which they are due."""
    import keras

    # Over all epochs: Keras counts from 0 in each.
    steps = itertools.count()

    def update_masks(_: int, logs: object = None) -> None:  # noqa: ARG001 - named by Keras
        step = next(steps)
        if ramp.is_due(step):
            sparsity = ramp.sparsity_at(step)
            model_masks.update(sparsity)

    return keras.callbacks.LambdaCallback(on_train_batch_begin=update_masks)


def _report(before: keras.Model, after: keras.Model, pattern: SparsityPattern | None) -> Report:
    layers, unpruned = masks.select_layers(after, pattern)
    rows = []
    rows_before = []
    for name, layer in layers.items():
        layer_before = before.get_layer(name)
        rows.append(_row(layer))
        rows_before.append(_row(layer_before))
    return {
        "zeros": {"before": _sparsity(rows_before), "after": _sparsity(rows)},
        "layers": rows,
        "whole": unpruned,
        "deflated_bytes": {
            "before": weight_constraints.compressed_bytes(before),
            "after": weight_constraints.compressed_bytes(after),
        },
        "speed": SPEED,
    }


def _row(layer: keras.Layer) -> Report:
    kernel = np.array(layer.kernel)
    nonzeros = int(np.count_nonzero(kernel))
    return {
        "layer": layer.name,
        "kind": keras_graph.kind(layer),
        "weights": kernel.size,
        "zeros": kernel.size - nonzeros,
    }


def _sparsity(rows: list[Report]) -> float:
    """Return the share of zeros in all kernels; 0 if there is no kernel."""
    zeros = 0
    weights = 0
    for row in rows:
        zeros += row["zeros"]
        weights += row["weights"]
    return zeros / max(weights, 1)
