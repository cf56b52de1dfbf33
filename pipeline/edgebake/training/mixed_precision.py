"""Compute in float16 while learning where there is a GPU; weights stay float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgebake.models.keras_graph import leaves

MIXED = "mixed_float16"


def has_gpu() -> bool:
    """Return whether TensorFlow finds a GPU."""
    import tensorflow

    return bool(tensorflow.config.list_physical_devices("GPU"))


@contextmanager
def float16_compute(model: Any, is_mixed: bool) -> Iterator[None]:
    """Let every layer but the last, whose answers the loss is counted from, compute in float16."""
    if not is_mixed:
        yield
        return
    changed = [model, *list(leaves(model))[:-1]]
    before = [layer.dtype_policy for layer in changed]
    for layer in changed:
        layer.dtype_policy = MIXED
    try:
        yield
    finally:
        for layer, policy in zip(changed, before, strict=True):
            layer.dtype_policy = policy
