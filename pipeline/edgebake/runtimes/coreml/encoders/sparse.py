"""Encode the smallest weights as zeros, the others as floats or as indices into lookup tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebake.runtimes.coreml.weights import Storage

# By scheme, the first iOS version that has what weights and activations are stored in.
SCHEMES = {"sparse": 16, "sparse_palettized": 18}


def encode(model: Any, storage: Storage, _: str) -> Any:
    """Return the ML Program with sparse weights, palettized where the options hold a palette."""
    from edgebake.runtimes.coreml import weights

    if storage.compression.palette is not None:
        return weights.sparse_palettized(model, storage)
    return weights.sparse(model, storage)
