"""What is done to weights in place: rules that hold while a model trains, and how well what comes of it compresses."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from edgebake.models.keras_graph import kind

WeightConstraint = Callable[
    [Any], Any
]  # a kernel in, the nearest one that is allowed out; part of TensorFlow's graph


def layers_of_kinds(model: Any, kinds: Collection[str]) -> dict[str, Any]:
    """Return the layers of some kinds, by name."""
    return {layer.name: layer for layer in model.layers if kind(layer) in kinds}


@contextmanager
def constrained(rules: list[tuple[Any, WeightConstraint]]) -> Iterator[None]:
    """Have optimizers apply its rule to each kernel after every step, until the block ends.

    The constraint is the variable's: that of a layer would be saved with the model, which then needs our code to load.
    """
    before = [kernel.constraint for kernel, _ in rules]
    try:
        for kernel, rule in rules:
            kernel.constraint = rule
        yield
    finally:
        for (kernel, _), constraint in zip(rules, before, strict=True):
            kernel.constraint = constraint


def compressed_bytes(model: Any) -> int:
    """Return how many bytes zlib, level 9, makes of all weights as float32: what a store's download comes to."""
    packer = zlib.compressobj(9)
    packed = sum(
        len(packer.compress(np.asarray(weight, "<f4").tobytes())) for weight in model.get_weights()
    )
    return packed + len(packer.flush())
