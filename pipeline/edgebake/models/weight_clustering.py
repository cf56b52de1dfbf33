"""Weights in, the few values nearest to all of them out, the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def clustered(values: NDArray[Any], bits: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return the 2^bits values nearest to all given ones, in the sense of least squares, and each one's index.

    At most 8 bits. Exact and the same on every machine: Grønlund et al., https://arxiv.org/abs/1701.07204, in the
    implementation that ships inside coremltools. Its own choice for small weights, scikit-learn's k-means, is neither.
    """
    from coremltools._deps import _kmeans1d

    distinct, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    entries = min(len(distinct), 2**bits)
    found = _kmeans1d.cluster(distinct.astype(np.float64), entries, weights=counts)
    table = np.zeros(2**bits, values.dtype)
    table[:entries] = found.centroids
    return table, np.asarray(found.clusters, np.uint8)[inverse.reshape(-1)]
