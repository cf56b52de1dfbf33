"""Batches of training examples as a tf.data pipeline, in an order fixed by seed and epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf
    from numpy.typing import NDArray

    from edgebake.data.preprocessed import PreparedInput

    Batch = tuple[NDArray[np.generic], ...]  # inputs, labels and, if there are any, weights

PREFETCHED = 2  # batches that are prepared while the model trains on another


@dataclass(frozen=True)
class TrainingSet:
    """Inputs, their labels and, optionally, the weight of each example in the loss.

    Inputs are [n, ...]; prepared ones are read when a batch needs them. Labels are
    class numbers [n], one-hot [n, classes], or one-hot next to a teacher's predictions
    [n, 2 * classes]. Weights are float32 [n].
    """

    inputs: NDArray[Any] | PreparedInput
    labels: NDArray[np.generic]
    weights: NDArray[np.float32] | None = None

    def batch(self, indices: NDArray[np.int64]) -> Batch:
        """Return the examples at these indices [m]: inputs [m, ...], labels and weights."""
        inputs = self.inputs[indices]
        labels = self.labels[indices]
        if self.weights is None:
            return inputs, labels
        weights = self.weights[indices]
        return inputs, labels, weights


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order of the examples in an epoch, [count].

    It depends on no earlier epoch, so that a resumed training continues with the same order.
    """
    random = np.random.default_rng((seed, epoch))
    return random.permutation(count)


def dataset(
    training_set: TrainingSet,
    order: NDArray[np.int64],
    batch_size: int,
    augment: Callable[..., tuple[tf.Tensor, ...]] | None = None,
) -> tf.data.Dataset:
    """Return a tf.data.Dataset of the examples in this order [n], in batches.

    `augment` is applied to each batch: (inputs, labels, and weights if there are any).
    """
    import tensorflow as tf

    def batches() -> Iterator[Batch]:
        starts = range(0, len(order), batch_size)
        for start in starts:
            indices = order[start : start + batch_size]
            yield training_set.batch(indices)

    first_example = training_set.batch(order[:1])
    signature = []
    for array in first_example:
        shape = (None, *array.shape[1:])
        spec = tf.TensorSpec(shape, array.dtype)
        signature.append(spec)
    pipeline = tf.data.Dataset.from_generator(batches, output_signature=tuple(signature))
    if augment is not None:
        pipeline = pipeline.map(augment)
    # Without a known number of batches, Keras warns that the data ended early.
    batch_count = math.ceil(len(order) / batch_size)
    has_batch_count = tf.data.experimental.assert_cardinality(batch_count)
    pipeline = pipeline.apply(has_batch_count)
    return pipeline.prefetch(PREFETCHED)


def class_weights(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the weight of each example [n] for labels [n].

    All classes have the same total weight, and the mean weight is 1.
    """
    counts = np.bincount(labels)
    classes = np.count_nonzero(counts)
    class_sizes = counts[labels]
    weights = len(labels) / (classes * class_sizes)
    return np.asarray(weights, np.float32)
