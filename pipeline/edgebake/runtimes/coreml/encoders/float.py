"""Leave weights in the float type in which the program computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coremltools.models import MLModel

    from edgebake.runtimes.coreml.weights import Storage

# Scheme -> first iOS version that supports the storage of its weights and activations.
SCHEMES = {"none": 15, "float16": 15}


def encode(model: MLModel, _storage: Storage, _weights: str) -> MLModel:
    """Return the program as it is."""
    return model
