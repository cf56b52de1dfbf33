"""Encode weights in int8 or int4 beside float activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebake.runtimes.coreml.weights import Storage

# By scheme, the first iOS version that has what weights and activations are stored in.
SCHEMES = {"dynamic": 16, "int4_weights": 18}


def encode(model: Any, storage: Storage, weights: str) -> Any:
    """Return the ML Program with `weights`, int8 or int4."""
    from edgebake.runtimes.coreml import weights as weight_passes

    return (
        weight_passes.int4(model, storage)
        if weights == "int4"
        else weight_passes.int8(model, storage)
    )
