"""How much each group of channels matters: the lower, the sooner it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.compression.pruning import channel_coupling
from edgebake.models.keras_graph import kind, nodes
from edgebake.recipe import ImportanceScore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgebake.compression.pruning.dependency_graph import Dependencies, GroupIds
    from edgebake.training.loop import TrainingSplits

    Numbers = NDArray[np.float64]
    Votes = Iterator[tuple[GroupIds, Numbers]]  # what a layer thinks of some groups

BATCH = 64  # images whose gradients are taken at once


def importance_of_groups(
    model: Any, found: Dependencies, how: ImportanceScore, splits: TrainingSplits
) -> Numbers:
    """Return a number for each group: the mean of what its layers think of it; NaN where none thinks anything.

    Weights of a layer are compared with each other alone, so their numbers are divided by the layer's mean; Taylor's
    are changes of one loss, and comparable as they are.
    """
    sums, counts = np.zeros(found.count), np.zeros(found.count)
    for groups, numbers in VOTES[how](model, found, splits):
        scale = 1.0 if how is ImportanceScore.taylor else numbers.mean() or 1.0
        np.add.at(sums, groups, numbers / scale)
        np.add.at(counts, groups, 1)
    with np.errstate(invalid="ignore"):
        scores: Numbers = sums / counts
    return scores


def _weighted(model: Any) -> Iterator[tuple[Any, NDArray[np.float32]]]:
    """Yield each layer with a kernel that is joined, as [..., in, out], and the kernel."""
    for layer in model.layers:
        if kind(layer) in (*channel_coupling.MIXING, "DepthwiseConv2D"):
            yield layer, np.array(layer.kernel, np.float64)


def _norms(order: int) -> Callable[[Any, Dependencies, TrainingSplits], Votes]:
    """Return what the weights that make a channel, and those that read it, add up to."""

    def votes(model: Any, found: Dependencies, _: TrainingSplits) -> Votes:

        for layer, kernel in _weighted(model):
            channels = found.channels[layer.name]
            magnitudes = np.abs(kernel) ** order
            by_input, by_output = (
                magnitudes.sum(axis=tuple(axis for axis in range(kernel.ndim) if axis != kept))
                ** (1 / order)
                for kept in (kernel.ndim - 2, kernel.ndim - 1)
            )
            if len(channels.inputs) == len(by_input):
                yield channels.inputs, by_input
            if kind(layer) in channel_coupling.MIXING:
                yield channels.outputs, by_output

    return votes


def _batch_norm(model: Any, found: Dependencies, _: TrainingSplits) -> Votes:
    """Liu et al., https://arxiv.org/abs/1708.06519."""
    for layer in model.layers:
        if kind(layer) == "BatchNormalization" and layer.scale:
            yield found.channels[layer.name].outputs, np.abs(np.array(layer.gamma, np.float64))


def _taylor(model: Any, found: Dependencies, splits: TrainingSplits) -> Votes:
    """Molchanov et al., https://arxiv.org/abs/1906.10771, equation 8: the square of the sum of weight * gradient.

    Each channel has one gate: the scale and shift of its batch normalization, or the weights where it has none.
    """
    gates = _gates(model)
    squares = [np.zeros(found.channels[layer.name].outputs.shape) for layer in gates]
    for number in range(-(-len(splits.labels) // BATCH)):
        part = slice(number * BATCH, (number + 1) * BATCH)
        changes = _changes(model, gates, splits.images[part], splits.labels[part])
        for total, change in zip(squares, changes, strict=True):
            np.add(total, change**2, out=total)
    for layer, square in zip(gates, squares, strict=True):
        yield found.channels[layer.name].outputs, square


def _gates(model: Any) -> list[Any]:
    """Return the layers whose weights scale a channel from nothing to what it is."""
    norms = [
        node
        for node in nodes(model)
        if kind(node.operation) == "BatchNormalization" and node.operation.scale
    ]
    scaled = {parent.operation.name for norm in norms for parent in norm.parent_nodes}
    mixing = [
        layer
        for layer in model.layers
        if kind(layer) in channel_coupling.MIXING and layer.name not in scaled
    ]
    return [*(norm.operation for norm in norms), *mixing]


def _gate_of(layer: Any) -> list[Any]:
    """Return the variables of a gate, those of a frozen layer too."""
    return [
        weight for weight in layer.weights if weight.name in ("kernel", "bias", "gamma", "beta")
    ]


def _changes(model: Any, gates: list[Any], images: Any, labels: Any) -> Iterator[Numbers]:
    """Yield for each gate how the loss would change without each channel, to first order."""
    import keras
    import tensorflow as tf

    variables = [variable for layer in gates for variable in _gate_of(layer)]
    with tf.GradientTape() as tape:
        tape.watch([variable.value for variable in variables])
        answers = model(images, training=False)
        loss = keras.ops.mean(keras.losses.sparse_categorical_crossentropy(labels, answers))
    gradients = iter(tape.gradient(loss, [variable.value for variable in variables]))
    for layer in gates:
        products = [np.array(variable) * np.array(next(gradients)) for variable in _gate_of(layer)]
        yield np.sum(
            [product.reshape(-1, product.shape[-1]).sum(axis=0) for product in products], axis=0
        )


VOTES: dict[ImportanceScore, Callable[[Any, Dependencies, TrainingSplits], Votes]] = {
    ImportanceScore.l1: _norms(1),
    ImportanceScore.l2: _norms(2),
    ImportanceScore.batch_norm: _batch_norm,
    ImportanceScore.taylor: _taylor,
}
