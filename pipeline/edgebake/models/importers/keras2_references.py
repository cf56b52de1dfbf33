"""Find the references to tensors in a config of Keras 2."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeGuard


class TensorReference(NamedTuple):
    """Output of a call of a layer, in a config [layer, call, output] or [..., kwargs]."""

    layer: str
    call: int
    output: int


def references(value: object) -> list[TensorReference]:
    """Return all references to tensors in a part of a config, at any depth, in order."""
    collected: list[TensorReference] = []
    children: Iterable[object] = ()
    if isinstance(value, dict):
        children = value.values()
    elif isinstance(value, list):
        children = value
        if is_reference(value):
            collected.append(TensorReference(*value[:3]))
    for child in children:
        collected += references(child)
    return collected


def is_reference(value: object) -> TypeGuard[list[Any]]:
    """Return whether a value is [layer, call, output], or that with keyword arguments."""
    if not isinstance(value, list) or len(value) not in (3, 4):
        return False
    layer, call, output = value[:3]
    return isinstance(layer, str) and isinstance(call, int) and isinstance(output, int)
