"""Cluster weights to a few values, with the same result on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Float = TypeVar("Float", bound=np.floating)


def cluster_values(values: NDArray[Float], bits: int) -> tuple[NDArray[Float], NDArray[np.uint8]]:
    """Return the 2^bits centroids with the least squared error, and the centroid of each value.

    The optimum is exact: Grønlund et al., Fast Exact k-Means, k-Medians and Bregman Divergence
    Clustering in 1D, https://arxiv.org/abs/1701.07204, in the implementation inside coremltools.
    coremltools itself uses scikit-learn's k-means for small weights, which is neither exact nor
    the same on every machine.

    Args:
        values: weights of any shape.
        bits: at most 8.

    Returns:
        Centroids [2^bits], unused ones zero; indices uint8 [n] of the flattened values.
    """
    from coremltools._deps import _kmeans1d

    distinct, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    count = 2**bits
    used = min(len(distinct), count)
    points = distinct.astype(np.float64)
    result = _kmeans1d.cluster(points, used, weights=counts)
    centroids = np.zeros(count, values.dtype)
    centroids[:used] = result.centroids
    index_of_distinct = np.asarray(result.clusters, np.uint8)
    indices = index_of_distinct[inverse.reshape(-1)]
    return centroids, indices
