"""Weight clustering: let the weights of a layer share few values, and fine-tune these.

Source: Han et al., https://arxiv.org/abs/1510.00149, section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.pruning import shared_weights, weight_constraints
from edgebake.compression.pruning.original_model import OriginalModel, PrunedModel
from edgebake.compression.pruning.weight_constraints import ConstrainedKernel
from edgebake.compression.quantization.qat.fold_model import fold_batch_norms
from edgebake.models import keras_graph, keras_session
from edgebake.recipe import Prune
from edgebake.training import loop

if TYPE_CHECKING:
    import keras

WORDS: tuple[str, ...] = ("bits", "per_channel", "fine_tune", "baselines")
ONE_OF: tuple[tuple[str, ...], ...] = ()
TOOLS: tuple[str, ...] = (*keras_session.TOOLS, "coremltools")


def prune(original: OriginalModel, options: Prune) -> PrunedModel:
    """Cluster the weights of each layer, or of each output channel, to 2^bits values.

    Batch normalization is folded first: every runtime folds it, and would scale the weights of each
    channel differently.

    Raises:
        ConversionError: batch normalization cannot be folded.
    """
    if options.bits is None or options.fine_tune is None:
        raise ValueError("clustering without bits or without fine-tuning")
    per_channel = bool(options.per_channel)
    folded = fold_batch_norms(original.load())
    model = folded.model
    bytes_before = weight_constraints.compressed_bytes(model)
    constraints = _cluster_weights(model, options.bits, per_channel)
    splits = original.splits
    accuracy_before = loop.score(model, splits)
    training_options = original.training_options()
    with weight_constraints.constrained(constraints):
        history = loop.fit(model, splits, options.fine_tune, training_options)
    # A new model has no optimizer, whose state would be saved with it.
    model = keras_graph.functional(model)
    rows = []
    for layer in _clustered_layers(model):
        row = _row(layer, per_channel)
        rows.append(row)
    return PrunedModel(
        model=model,
        accuracy_before_fine_tuning=accuracy_before,
        accuracy=loop.score(model, splits),
        history=history,
        report={
            "layers": rows,
            "deflated_bytes": {
                "before": bytes_before,
                "after": weight_constraints.compressed_bytes(model),
            },
        },
    )


def _clustered_layers(model: keras.Model) -> list[keras.Layer]:
    layers = weight_constraints.layers_of_kinds(model, shared_weights.CLUSTERED_LAYERS)
    return list(layers.values())


def _cluster_weights(model: keras.Model, bits: int, per_channel: bool) -> list[ConstrainedKernel]:
    """Cluster each kernel in place; return it with the constraint that keeps it clustered."""
    constraints = []
    for layer in _clustered_layers(model):
        tables = shared_weights.table_count(layer, per_channel)
        clustered = shared_weights.cluster_kernel(np.array(layer.kernel), bits, tables)
        layer.kernel.assign(clustered.kernel)
        constraint = shared_weights.clustering_constraint(clustered)
        constraints.append((layer.kernel, constraint))
    return constraints


def _row(layer: keras.Layer, per_channel: bool) -> dict[str, object]:
    kernel = np.array(layer.kernel)
    tables = shared_weights.table_count(layer, per_channel)
    return {
        "layer": layer.name,
        "kind": keras_graph.kind(layer),
        "weights": kernel.size,
        "values": shared_weights.distinct_values(kernel, tables),
    }
