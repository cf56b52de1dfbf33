"""A kernel in, the same with few distinct weights out, and how they are kept few while a model trains.

Source: Han et al., https://arxiv.org/abs/1510.00149, section 3. There, gradients are added up in each cluster; here
an optimizer steps freely and each weight then becomes the mean of its cluster, the nearest kernel of shared weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebake.compression.pruning.weight_constraints import WeightConstraint
from edgebake.models.keras_graph import kind
from edgebake.models.weight_clustering import clustered

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = ("Conv2D", "DepthwiseConv2D", "Dense")  # all with a kernel that a folded model has


@dataclass(frozen=True)
class ClusteredKernel:
    """A kernel of shared weights, and which cluster each is of; they are counted from 0 over all tables."""

    kernel: NDArray[np.float32]
    cluster: NDArray[np.int32]
    clusters: int


def table_count(layer: Any, per_channel: bool) -> int:
    """Return how many tables of weights a layer has: one, or one for each output channel."""
    if not per_channel:
        return 1
    return (
        int(np.prod(layer.kernel.shape[2:]))
        if kind(layer) == "DepthwiseConv2D"
        else int(layer.kernel.shape[-1])
    )


def cluster_kernel(kernel: NDArray[np.float32], bits: int, tables: int) -> ClusteredKernel:
    """Return a kernel in which each table has at most 2^bits distinct weights; channels are its last axes."""
    columns = kernel.reshape(-1, tables)
    weights, cluster = np.empty_like(columns), np.empty(columns.shape, np.int32)
    for number, column in enumerate(columns.T):
        table, index = clustered(column, bits)
        weights[:, number], cluster[:, number] = table[index], index
    cluster += np.arange(tables, dtype=np.int32) * 2**bits
    return ClusteredKernel(
        weights.reshape(kernel.shape), cluster.reshape(kernel.shape), tables * 2**bits
    )


def clustering_constraint(found: ClusteredKernel) -> WeightConstraint:
    """Return the rule that makes each weight the mean of its cluster."""
    import tensorflow as tf

    cluster = tf.constant(found.cluster.ravel())

    def rule(kernel: Any) -> Any:
        # In float64: a float32 sum of 100,000 equal weights is off by up to a thousandth, the same way in every step.
        weights = tf.cast(tf.reshape(kernel, [-1]), tf.float64)
        means = tf.math.unsorted_segment_mean(weights, cluster, found.clusters)
        return tf.cast(tf.reshape(tf.gather(means, cluster), found.kernel.shape), tf.float32)

    return rule


def distinct_values(kernel: NDArray[np.float32], tables: int) -> int:
    """Return how many distinct weights the table with most of them has."""
    return max(len(np.unique(column)) for column in kernel.reshape(-1, tables).T)
