"""Inputs of examples that are read when they are indexed, and not kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgebake.tasks.tensors import Raw


@dataclass(frozen=True)
class LazySequence(Sequence[Any]):
    """Inputs that are read when they are indexed, and not kept."""

    length: int
    read: Callable[[int], Raw]

    def __len__(self) -> int:
        """Return the number of examples."""
        return self.length

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Any:
        """Return one input, or a range of inputs that is lazy too."""
        numbers = range(self.length)
        if isinstance(index, slice):
            return self.take(numbers[index])
        return self.read(numbers[index])

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> Self:
        """Return the inputs at `indices` [k], in that order; nothing is read."""

        def read(number: int) -> Raw:
            return self.read(int(indices[number]))

        return replace(self, length=len(indices), read=read)


def take(inputs: Sequence[Raw], indices: NDArray[np.int64]) -> LazySequence:
    """Return the inputs at `indices` [k], in that order; nothing is read."""
    if isinstance(inputs, LazySequence):
        return inputs.take(indices)
    return LazySequence(len(indices), lambda number: inputs[int(indices[number])])


def read_one(inputs: Sequence[Raw], index: int) -> Raw:
    """Return one input as it was read: an image as Pillow's if it was decoded so."""
    if isinstance(inputs, LazySequence):
        return inputs.read(index)
    return inputs[index]
