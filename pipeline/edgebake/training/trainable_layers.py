"""Train some layers of a model, selected by patterns of their names, and freeze the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from edgebake.errors import RecipeError, nearest
from edgebake.models.keras_graph import leaf_layers

if TYPE_CHECKING:
    import keras

ALL = ("*",)


@contextmanager
def only_trainable(model: keras.Model, patterns: Sequence[str]) -> Iterator[None]:
    """Freeze the layers whose names match no pattern, within the block.

    A frozen batch normalization also keeps its moving statistics.

    Raises:
        RecipeError: a pattern matches no layer with weights.
    """
    if tuple(patterns) == ALL:
        yield
        return
    layers = [layer for layer in leaf_layers(model) if layer.weights]
    _refuse_unmatched(patterns, [layer.name for layer in layers])
    original_states = [layer.trainable for layer in layers]
    for layer in layers:
        layer.trainable = any(fnmatchcase(layer.name, pattern) for pattern in patterns)
    try:
        yield
    finally:
        for layer, is_trainable in zip(layers, original_states, strict=True):
            layer.trainable = is_trainable


def _refuse_unmatched(patterns: Sequence[str], names: list[str]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise RecipeError(
                f"train.layers: {pattern}: no layer with weights has such a name; "
                f"expected some of: {', '.join(names)}{nearest(pattern, names)}"
            )
