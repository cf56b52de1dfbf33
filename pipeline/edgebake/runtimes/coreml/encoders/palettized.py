"""Encode weights as indices into lookup tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coremltools.models import MLModel

    from edgebake.runtimes.coreml.weights import Storage

# Scheme -> first iOS version that supports the storage of its weights and activations.
SCHEMES = {"palettized": 16}


def encode(model: MLModel, storage: Storage, _weights: str) -> MLModel:
    """Return the program with palettized weights."""
    from edgebake.runtimes.coreml import weights

    return weights.palettized(model, storage)
