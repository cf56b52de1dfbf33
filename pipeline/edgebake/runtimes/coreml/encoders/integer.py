"""Encode weights in int8; activations.py has put activations in int8 already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebake.runtimes.coreml.weights import Storage

# By scheme, the first iOS version that has what weights and activations are stored in.
SCHEMES = {"int8": 17, "mixed": 17}


def encode(model: Any, storage: Storage, _: str) -> Any:
    """Return the ML Program with int8 weights, less those of layers that `mixed` keeps."""
    from edgebake.runtimes.coreml import weights

    return weights.int8(model, storage)
