"""Constraints on weights during fine-tuning, and the compressed size of the weights."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from edgebake.models.keras_graph import kind

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# A function from a kernel to the nearest allowed kernel, traced into TensorFlow's graph.
WeightConstraint = Callable[["tf.Tensor"], "tf.Tensor"]
ConstrainedKernel = tuple["keras.Variable", WeightConstraint]


def layers_of_kinds(model: keras.Model, kinds: Collection[str]) -> dict[str, keras.Layer]:
    """Return the layers of some classes by name."""
    layers = {}
    for layer in model.layers:
        if kind(layer) in kinds:
            layers[layer.name] = layer
    return layers


@contextmanager
def constrained(constraints: list[ConstrainedKernel]) -> Iterator[None]:
    """Let optimizers apply the constraints after every step within the block.

    They are set on variables. A constraint of a layer would be saved with the model, which could
    then not be loaded without this package.
    """
    previous = [kernel.constraint for kernel, _ in constraints]
    try:
        for kernel, constraint in constraints:
            kernel.constraint = constraint
        yield
    finally:
        for (kernel, _), constraint in zip(constraints, previous, strict=True):
            kernel.constraint = constraint


def compressed_bytes(model: keras.Model) -> int:
    """Return the size of all float32 weights compressed by zlib, level 9, as in a download."""
    compressor = zlib.compressobj(9)
    size = 0
    for weight in model.get_weights():
        little_endian = np.asarray(weight, "<f4")
        compressed = compressor.compress(little_endian.tobytes())
        size += len(compressed)
    rest = compressor.flush()
    return size + len(rest)
