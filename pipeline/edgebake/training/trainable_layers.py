"""Which layers of a model learn, by patterns of their names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

from edgebake.errors import RecipeError, nearest
from edgebake.models.keras_graph import leaves

ALL = ("*",)


@contextmanager
def only_trainable(model: Any, patterns: Sequence[str]) -> Iterator[None]:
    """Freeze every other layer for as long as the block lasts; a frozen batch normalization keeps its statistics.

    Raises:
        RecipeError: a pattern fits no layer with weights.
    """
    if tuple(patterns) == ALL:
        yield
        return
    held = [layer for layer in leaves(model) if layer.weights]
    names = [layer.name for layer in held]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise RecipeError(
                f"train.layers: {pattern}: no layer with weights has such a name; expected some of: "
                f"{', '.join(names)}{nearest(pattern, names)}"
            )
    before = [layer.trainable for layer in held]
    for layer in held:
        layer.trainable = any(fnmatchcase(layer.name, pattern) for pattern in patterns)
    try:
        yield
    finally:
        for layer, was in zip(held, before, strict=True):
            layer.trainable = was
