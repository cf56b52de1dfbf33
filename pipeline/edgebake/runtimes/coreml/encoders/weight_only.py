"""Encode weights in int8 or int4; activations are floats."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coremltools.models import MLModel

    from edgebake.runtimes.coreml.weights import Storage

# Scheme -> first iOS version that supports the storage of its weights and activations.
SCHEMES = {"dynamic": 16, "int4_weights": 18}


def encode(model: MLModel, storage: Storage, weights: str) -> MLModel:
    """Return the program with weights of a dtype, int8 or int4."""
    from edgebake.runtimes.coreml import weights as weight_passes

    if weights == "int4":
        return weight_passes.int4(model, storage)
    return weight_passes.int8(model, storage)
