"""Leave weights in the floats that the program computes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebake.runtimes.coreml.weights import Storage

# By scheme, the first iOS version that has what weights and activations are stored in.
SCHEMES = {"none": 15, "float16": 15}


def encode(model: Any, _: Storage, __: str) -> Any:
    """Return the ML Program as it is."""
    return model
