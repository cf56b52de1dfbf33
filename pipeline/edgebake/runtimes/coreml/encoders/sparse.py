"""Encode the smallest weights as zeros, the others as floats or as lookup table indices."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coremltools.models import MLModel

    from edgebake.runtimes.coreml.weights import Storage

# Scheme -> first iOS version that supports the storage of its weights and activations.
SCHEMES = {"sparse": 16, "sparse_palettized": 18}


def encode(model: MLModel, storage: Storage, _weights: str) -> MLModel:
    """Return the program with sparse weights, which are palettized if there is a palette."""
    from edgebake.runtimes.coreml import weights

    if storage.compression.palette is not None:
        return weights.sparse_palettized(model, storage)
    return weights.sparse(model, storage)
