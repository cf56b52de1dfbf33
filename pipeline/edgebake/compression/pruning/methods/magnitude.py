"""Set the smallest weights of each layer to zero, and train the others on.

Share of zeros: Zhu & Gupta, https://arxiv.org/abs/1710.01878. Patterns: Mishra et al.,
https://arxiv.org/abs/2104.08378.
"""

import itertools
from typing import Any

import numpy as np

from edgebake.compression.pruning import masks, weight_constraints
from edgebake.compression.pruning.masks import Masks, SparsityRamp
from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel
from edgebake.models import keras_graph, keras_session
from edgebake.recipe import FineTune, Prune, SparsityPattern
from edgebake.training import loop
from edgebake.training.loop import History

WORDS: tuple[str, ...] = ("fine_tune", "baselines")
ONE_OF: tuple[tuple[str, ...], ...] = (("sparsity", "ramp"), ("pattern",))
TOOLS: tuple[str, ...] = keras_session.TOOLS
SPEED = (
    "the same time is expected: dense kernels compute a zero like any other number, see docs/prune.md; "
    "what becomes smaller is the download, which is compressed"
)


def prune(parent: OriginalModel, words: Prune) -> PrunedModel:
    """Cut each layer by itself: to a share of zeros that grows over the ramp, or to a pattern at once."""
    how, learn = _asked(words)
    model, cut = parent.load(), parent.load()
    _masks(cut, words.pattern).cut(how)
    history = _fine_tuned(model, parent, words, learn)
    model = keras_graph.functional(
        model
    )  # without an optimizer and its state, which would be saved too
    return PrunedModel(
        model=model,
        accuracy_cut=loop.accuracy(cut, parent.splits),
        accuracy=loop.accuracy(model, parent.splits),
        history=history,
        report=_report(parent.load(), model, words.pattern),
    )


def _asked(words: Prune) -> tuple[float | SparsityPattern, FineTune]:
    how = words.sparsity if words.pattern is None else words.pattern
    if how is None or words.fine_tune is None:
        raise ValueError("magnitude pruning without sparsity or a pattern, or without fine-tuning")
    return how, words.fine_tune


def _masks(model: Any, pattern: SparsityPattern | None) -> Masks:
    layers, _ = masks.select_layers(model, pattern)
    return Masks(layers.values())


def _fine_tuned(model: Any, parent: OriginalModel, words: Prune, learn: FineTune) -> History:
    """Train a model while its masks are made and kept; return the epochs."""
    how, _ = _asked(words)
    made = _masks(model, words.pattern)
    total = learn.epochs * loop.steps_per_epoch(parent.splits, learn)
    if isinstance(how, float):
        # However long the ramp, the last masks are learnt with for a step at least.
        callbacks = [
            _grower(made, SparsityRamp(how, min(round((words.ramp or 0.0) * total), total - 1)))
        ]
    else:
        made.cut(how)
        callbacks = []
    with weight_constraints.constrained(made.rules()):
        return loop.fit(model, parent.splits, learn, parent.aids(callbacks))


def _grower(made: Masks, ramp: SparsityRamp) -> Any:
    """Return a callback that cuts what is due before a step of training."""
    import keras

    steps = itertools.count()  # over all epochs; Keras begins anew in each

    def cut(*_: Any, **__: Any) -> None:
        step = next(steps)
        if ramp.is_due(step):
            made.cut(ramp.share_at(step))

    return keras.callbacks.LambdaCallback(on_train_batch_begin=cut)


def _report(before: Any, after: Any, pattern: SparsityPattern | None) -> dict[str, Any]:
    layers, whole = masks.select_layers(after, pattern)
    entries = [_entry(layer) for layer in layers.values()]
    return {
        "zeros": {
            "before": _share([_entry(before.get_layer(name)) for name in layers]),
            "after": _share(entries),
        },
        "layers": entries,
        "whole": whole,
        "deflated_bytes": {
            "before": weight_constraints.compressed_bytes(before),
            "after": weight_constraints.compressed_bytes(after),
        },
        "speed": SPEED,
    }


def _entry(layer: Any) -> dict[str, Any]:

    kernel = np.array(layer.kernel)
    zeros = kernel.size - int(np.count_nonzero(kernel))
    return {
        "layer": layer.name,
        "kind": keras_graph.kind(layer),
        "weights": kernel.size,
        "zeros": zeros,
    }


def _share(entries: list[dict[str, Any]]) -> float:
    """Return the share of zeros in some kernels together; none, where no kernel is cut."""
    zeros, weights = (sum(int(entry[key]) for entry in entries) for key in ("zeros", "weights"))
    return zeros / max(weights, 1)
