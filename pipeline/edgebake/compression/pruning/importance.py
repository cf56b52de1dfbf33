"""Importance of each group of channels; the least important groups are pruned first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from edgebake.compression.pruning import operation_kinds
from edgebake.models.keras_graph import kind, nodes
from edgebake.recipe import ImportanceScore

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from edgebake.compression.pruning.dependency_graph import Dependencies, Floats, GroupIds
    from edgebake.data.preprocessed import PreparedInput
    from edgebake.training.loop import TrainingSplits

    LayerScores: TypeAlias = tuple[GroupIds, Floats]  # [channels] each: groups and their scores

BATCH = 64  # images per gradient computation
# Kernels are [..., in, out], depthwise [h, w, channels, multiplier].
KERNEL_LAYERS = (*operation_kinds.MIXING, "DepthwiseConv2D")
GATE_WEIGHTS = ("kernel", "bias", "gamma", "beta")


def importance_of_groups(
    model: keras.Model, dependencies: Dependencies, score: ImportanceScore, splits: TrainingSplits
) -> Floats:
    """Return the importance of each group, [groups]; NaN for groups that no layer scores.

    It is the mean over the scores of all layers that read or produce the group. Scores from
    weights are relative to the mean of their layer, since layers differ in the scale of their
    weights. Taylor scores are changes of the same loss and need no scaling.
    """
    sums = np.zeros(dependencies.group_count)
    counts = np.zeros(dependencies.group_count)
    score_layers = SCORING[score]
    for groups, scores in score_layers(model, dependencies, splits):
        scale = 1.0
        if score is not ImportanceScore.taylor:
            scale = scores.mean() or 1.0
        relative_scores = scores / scale
        np.add.at(sums, groups, relative_scores)
        np.add.at(counts, groups, 1)
    with np.errstate(invalid="ignore"):
        importance: Floats = sums / counts
    return importance


def _l1(model: keras.Model, dependencies: Dependencies, _: TrainingSplits) -> Iterator[LayerScores]:
    yield from _weight_norms(model, dependencies, order=1)


def _l2(model: keras.Model, dependencies: Dependencies, _: TrainingSplits) -> Iterator[LayerScores]:
    yield from _weight_norms(model, dependencies, order=2)


def _weight_norms(
    model: keras.Model, dependencies: Dependencies, order: int
) -> Iterator[LayerScores]:
    """Yield the norms of the weights that read each input channel and produce each output."""
    for layer in model.layers:
        name = kind(layer)
        if name not in KERNEL_LAYERS:
            continue
        channels = dependencies.channels[layer.name]
        kernel = np.array(layer.kernel, np.float64)
        *_, input_axis, output_axis = range(kernel.ndim)
        by_input = _norms_along(kernel, input_axis, order)
        if len(channels.inputs) == len(by_input):
            yield channels.inputs, by_input
        if name in operation_kinds.MIXING:
            by_output = _norms_along(kernel, output_axis, order)
            yield channels.outputs, by_output


def _norms_along(kernel: Floats, axis: int, order: int) -> Floats:
    """Return the norm of the weights at each index of an axis, [size of the axis]."""
    summed_axes = list(range(kernel.ndim))
    summed_axes.remove(axis)
    powers = np.abs(kernel) ** order
    sums = powers.sum(axis=tuple(summed_axes))
    norms: Floats = sums ** (1 / order)
    return norms


def _batch_norm(
    model: keras.Model, dependencies: Dependencies, _: TrainingSplits
) -> Iterator[LayerScores]:
    """Yield the magnitudes of gamma: Liu et al., https://arxiv.org/abs/1708.06519."""
    for layer in model.layers:
        if _has_gamma(layer):
            gamma = np.array(layer.gamma, np.float64)
            channels = dependencies.channels[layer.name]
            yield channels.outputs, np.abs(gamma)


def _has_gamma(operation: keras.Operation) -> bool:
    """Return whether an operation is a batch normalization that scales its channels."""
    return kind(operation) == "BatchNormalization" and bool(operation.scale)


def _taylor(
    model: keras.Model, dependencies: Dependencies, splits: TrainingSplits
) -> Iterator[LayerScores]:
    """Yield squared first-order changes of the loss, summed over batches of the train split.

    Molchanov et al., https://arxiv.org/abs/1906.10771, equation 8: the square of the sum of
    weight * gradient. Each channel has one gate: gamma and beta of its batch normalization, or
    else the weights that produce it.
    """
    gates = _gates(model)
    fitting = splits.task.fitting(model.output_shape[1:], is_mixed=False)
    layer_scores = []
    for gate in gates:
        groups = dependencies.channels[gate.name].outputs
        scores = np.zeros(groups.shape)
        layer_scores.append((groups, scores))
    starts = range(0, len(splits.labels), BATCH)
    for start in starts:
        batch = slice(start, start + BATCH)
        inputs = splits.inputs[batch]
        goals = fitting.goals(splits.labels[batch])
        changes = _loss_changes(model, gates, inputs, goals, fitting.loss)
        for number, change in enumerate(changes):
            _, scores = layer_scores[number]
            scores += change**2
    yield from layer_scores


def _gates(model: keras.Model) -> list[keras.Layer]:
    """Return the layers whose weights scale a whole channel."""
    batch_norms = []
    scaled = set()
    for node in nodes(model):
        if _has_gamma(node.operation):
            batch_norms.append(node.operation)
            for parent in node.parent_nodes:
                scaled.add(parent.operation.name)
    unscaled = []
    for layer in model.layers:
        mixes_channels = kind(layer) in operation_kinds.MIXING
        if mixes_channels and layer.name not in scaled:
            unscaled.append(layer)
    return batch_norms + unscaled


def _gate_weights(layer: keras.Layer) -> list[keras.Variable]:
    """Return the weights of a gate, also of a frozen layer."""
    weights = []
    for weight in layer.weights:
        if weight.name in GATE_WEIGHTS:
            weights.append(weight)
    return weights


def _loss_changes(
    model: keras.Model,
    gates: list[keras.Layer],
    inputs: NDArray[Any] | PreparedInput,
    goals: NDArray[np.generic],
    loss_name: str | Callable[..., Any],
) -> Iterator[Floats]:
    """Yield for each gate the first-order change of the loss without each channel, [channels].

    Args:
        model: the model.
        gates: layers whose weights scale a channel.
        inputs: [n, ...].
        goals: what the loss compares predictions with, [n, ...].
        loss_name: of Keras, or its function.
    """
    import keras
    import tensorflow as tf

    variables = []
    for gate in gates:
        variables += _gate_weights(gate)
    values = [variable.value for variable in variables]
    with tf.GradientTape() as tape:
        tape.watch(values)
        predictions = model(inputs, training=False)
        losses = keras.losses.get(loss_name)(goals, predictions)
        loss = keras.ops.mean(losses)
    gradients = iter(tape.gradient(loss, values))
    for gate in gates:
        changes = []
        for variable in _gate_weights(gate):
            gradient = next(gradients)
            change = _change_by_channel(np.array(variable), np.array(gradient))
            changes.append(change)
        yield np.sum(changes, axis=0)


def _change_by_channel(
    weights: NDArray[np.float32], gradients: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the sum of weight * gradient over all weights [..., channels], [channels]."""
    products = weights * gradients
    channels = products.shape[-1]
    rows = products.reshape(-1, channels)
    change: NDArray[np.float32] = rows.sum(axis=0)
    return change


SCORING: dict[
    ImportanceScore, Callable[[keras.Model, Dependencies, TrainingSplits], Iterator[LayerScores]]
] = {
    ImportanceScore.l1: _l1,
    ImportanceScore.l2: _l2,
    ImportanceScore.batch_norm: _batch_norm,
    ImportanceScore.taylor: _taylor,
}
