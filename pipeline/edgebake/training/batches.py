"""Images and what is to be answered in, batches in an order that the seed and the epoch decide out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREFETCHED = 2  # batches that are made while the model learns


@dataclass(frozen=True)
class TrainingSet:
    """Images [n, h, w, c], read as late as a batch asks for them, goals [n] or [n, k], and what each counts [n]."""

    images: Any
    goals: NDArray[Any]
    weights: NDArray[np.float32] | None = None

    def at(self, numbers: NDArray[np.int64]) -> tuple[Any, ...]:
        """Return the batch of some examples."""
        batch = (self.images[numbers], self.goals[numbers])
        return batch if self.weights is None else (*batch, self.weights[numbers])


def shuffled(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order of an epoch; it needs none of the epochs before, so that a killed training goes on in it."""
    return np.random.default_rng((seed, epoch)).permutation(count)


def dataset(
    lot: TrainingSet, order: NDArray[np.int64], size: int, augment: Callable[..., Any] | None = None
) -> Any:
    """Return a tf.data.Dataset of batches of a lot; `augment` changes a batch."""
    import tensorflow as tf

    def batches() -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(order), size):
            yield lot.at(order[start : start + size])

    first = lot.at(order[:1])
    shapes = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in first)
    found = tf.data.Dataset.from_generator(batches, output_signature=shapes)
    if augment is not None:
        found = found.map(augment)
    # Keras asks how many there are only to say that there were fewer.
    return found.apply(tf.data.experimental.assert_cardinality(-(-len(order) // size))).prefetch(
        PREFETCHED
    )


def class_weights(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what each example counts so that all classes count the same, 1 on average."""
    counts = np.bincount(labels)
    weights: NDArray[np.float32] = (
        len(labels) / (np.count_nonzero(counts) * counts[labels])
    ).astype(np.float32)
    return weights
