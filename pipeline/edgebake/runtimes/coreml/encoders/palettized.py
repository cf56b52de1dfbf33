"""Encode weights as indices into lookup tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebake.runtimes.coreml.weights import Storage

# By scheme, the first iOS version that has what weights and activations are stored in.
SCHEMES = {"palettized": 16}


def encode(model: Any, storage: Storage, _: str) -> Any:
    """Return the ML Program with palettized weights."""
    from edgebake.runtimes.coreml import weights

    return weights.palettized(model, storage)
