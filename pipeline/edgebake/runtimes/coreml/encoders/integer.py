"""Encode weights in int8; activations are already int8, see activations.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coremltools.models import MLModel

    from edgebake.runtimes.coreml.weights import Storage

# Scheme -> first iOS version that supports the storage of its weights and activations.
SCHEMES = {"int8": 17, "mixed": 17}


def encode(model: MLModel, storage: Storage, _weights: str) -> MLModel:
    """Return the program with int8 weights, without those of layers that `mixed` excludes."""
    from edgebake.runtimes.coreml import weights

    return weights.int8(model, storage)
