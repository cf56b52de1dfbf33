"""Let the weights of a layer share few values, and train those on.

Source: Han et al., https://arxiv.org/abs/1510.00149, section 3.
"""

from typing import Any

import numpy as np

from edgebake.compression.pruning import shared_weights, weight_constraints
from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel
from edgebake.compression.pruning.weight_constraints import WeightConstraint
from edgebake.compression.quantization.qat.fold_model import fold_batch_norms
from edgebake.models import keras_graph, keras_session
from edgebake.recipe import Prune
from edgebake.training import loop

WORDS: tuple[str, ...] = ("bits", "per_channel", "fine_tune", "baselines")
ONE_OF: tuple[tuple[str, ...], ...] = ()
TOOLS: tuple[str, ...] = (*keras_session.TOOLS, "coremltools")


def prune(parent: OriginalModel, words: Prune) -> PrunedModel:
    """Share 2^bits weights in each layer, or in each of its output channels.

    Batch normalization is folded first: every runtime does so, and would give each channel weights of its own.

    Raises:
        ConversionError: batch normalization cannot be folded.
    """
    if words.bits is None or words.fine_tune is None:
        raise ValueError("clustering without bits or without fine-tuning")
    model = fold_batch_norms(parent.load()).model
    before = weight_constraints.compressed_bytes(model)
    rules = _shared(model, words.bits, bool(words.per_channel))
    accuracy_cut = loop.accuracy(model, parent.splits)
    with weight_constraints.constrained(rules):
        history = loop.fit(model, parent.splits, words.fine_tune, parent.aids())
    model = keras_graph.functional(
        model
    )  # without an optimizer and its state, which would be saved too
    return PrunedModel(
        model=model,
        accuracy_cut=accuracy_cut,
        accuracy=loop.accuracy(model, parent.splits),
        history=history,
        report={
            "layers": [_entry(layer, bool(words.per_channel)) for layer in _layers(model)],
            "deflated_bytes": {
                "before": before,
                "after": weight_constraints.compressed_bytes(model),
            },
        },
    )


def _layers(model: Any) -> list[Any]:
    return list(weight_constraints.layers_of_kinds(model, shared_weights.KINDS).values())


def _shared(model: Any, bits: int, per_channel: bool) -> list[tuple[Any, WeightConstraint]]:
    """Share the weights of each kernel, and return with each the rule that keeps it so."""
    rules = []
    for layer in _layers(model):
        found = shared_weights.cluster_kernel(
            np.array(layer.kernel), bits, shared_weights.table_count(layer, per_channel)
        )
        layer.kernel.assign(found.kernel)
        rules.append((layer.kernel, shared_weights.clustering_constraint(found)))
    return rules


def _entry(layer: Any, per_channel: bool) -> dict[str, Any]:

    kernel = np.array(layer.kernel)
    values = shared_weights.distinct_values(kernel, shared_weights.table_count(layer, per_channel))
    return {
        "layer": layer.name,
        "kind": keras_graph.kind(layer),
        "weights": kernel.size,
        "values": values,
    }
