"""Weight clustering: kernels with few distinct weights, which training keeps few.

Source: Han et al., https://arxiv.org/abs/1510.00149, section 3. There, the gradients of a cluster
are summed. Here, the optimizer steps freely and each weight is then set to the mean of its cluster,
which is the nearest kernel of shared weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgebake.compression.pruning.weight_constraints import WeightConstraint
from edgebake.models.keras_graph import kind
from edgebake.models.weight_clustering import cluster_values

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
    from numpy.typing import NDArray

CLUSTERED_LAYERS = ("Conv2D", "DepthwiseConv2D", "Dense")  # all kernels of a folded model


@dataclass(frozen=True)
class ClusteredKernel:
    """A kernel of shared weights, and the cluster of each weight, both in the kernel's shape."""

    kernel: NDArray[np.float32]
    cluster: NDArray[np.int32]  # numbered from 0 over all tables
    clusters: int


def table_count(layer: keras.Layer, per_channel: bool) -> int:
    """Return the number of weight tables of a layer: one, or one per output channel."""
    if not per_channel:
        return 1
    shape = layer.kernel.shape
    channel_shape = shape[-1:]
    if kind(layer) == "DepthwiseConv2D":
        channel_shape = shape[-2:]
    return math.prod(channel_shape)


def cluster_kernel(kernel: NDArray[np.float32], bits: int, tables: int) -> ClusteredKernel:
    """Cluster a kernel [..., out] to at most 2^bits distinct weights in each table.

    The channels of a depthwise kernel [h, w, channels, multiplier] are its last two axes.
    """
    columns = kernel.reshape(-1, tables)
    weights = np.empty_like(columns)
    cluster = np.empty(columns.shape, np.int32)
    table_size = 2**bits
    for number, column in enumerate(columns.T):
        table, index = cluster_values(column, bits)
        weights[:, number] = table[index]
        cluster[:, number] = index
    table_numbers = np.arange(tables, dtype=np.int32)
    cluster += table_numbers * table_size
    return ClusteredKernel(
        kernel=weights.reshape(kernel.shape),
        cluster=cluster.reshape(kernel.shape),
        clusters=tables * table_size,
    )


def clustering_constraint(clustered_kernel: ClusteredKernel) -> WeightConstraint:
    """Return the constraint that sets each weight to the mean of its cluster."""
    import tensorflow as tf

    flat_cluster = clustered_kernel.cluster.ravel()
    cluster = tf.constant(flat_cluster)
    clusters = clustered_kernel.clusters
    shape = clustered_kernel.kernel.shape

    def set_to_means(kernel: tf.Tensor) -> tf.Tensor:
        # In float64: a float32 sum of 100,000 equal weights is off by up to a thousandth, with the
        # same sign in every step.
        flat_kernel = tf.reshape(kernel, [-1])
        weights = tf.cast(flat_kernel, tf.float64)
        means = tf.math.unsorted_segment_mean(weights, cluster, clusters)
        shared = tf.gather(means, cluster)
        shared_kernel = tf.reshape(shared, shape)
        return tf.cast(shared_kernel, tf.float32)

    return set_to_means


def distinct_values(kernel: NDArray[np.float32], tables: int) -> int:
    """Return the largest number of distinct weights in a table of a kernel of any shape."""
    columns = kernel.reshape(-1, tables)
    counts = []
    for column in columns.T:
        values = np.unique(column)
        counts.append(len(values))
    return max(counts)
