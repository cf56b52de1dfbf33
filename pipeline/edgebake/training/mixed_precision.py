"""Mixed-precision training: layers compute in float16, weights stay float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edgebake.models.keras_graph import leaf_layers

if TYPE_CHECKING:
    import keras

MIXED_POLICY = "mixed_float16"


def has_gpu() -> bool:
    """Return whether TensorFlow can use a GPU."""
    import tensorflow

    return bool(tensorflow.config.list_physical_devices("GPU"))


@contextmanager
def float16_compute(model: keras.Model, is_enabled: bool) -> Iterator[None]:
    """Let all layers but the last compute in float16 within the block, if enabled.

    The last layer stays in float32, since the loss is computed from its outputs.
    """
    if not is_enabled:
        yield
        return
    changed = [model, *list(leaf_layers(model))[:-1]]
    original_policies = [layer.dtype_policy for layer in changed]
    for layer in changed:
        layer.dtype_policy = MIXED_POLICY
    try:
        yield
    finally:
        for layer, policy in zip(changed, original_policies, strict=True):
            layer.dtype_policy = policy
