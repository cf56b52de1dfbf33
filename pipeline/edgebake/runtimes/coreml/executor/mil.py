"""Types, values and operations of an ML Program. MIL is Apple's Model Intermediate Language."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

# A program has values of every dtype, strings included.
Array: TypeAlias = NDArray[Any]

FLOATS = frozenset({"float16", "float32"})


class UnsupportedError(Exception):
    """State which feature of an operation the executor does not support.

    The translation collects these and raises one CoverageError for all of them.
    """


@dataclass(frozen=True)
class ValueType:
    """Dtype and shape of a value."""

    dtype: str  # as in MIL.proto, in lower case
    shape: tuple[int | None, ...]  # None: the size depends on the input

    @property
    def static_shape(self) -> tuple[int, ...]:
        """Return the shape.

        Raises:
            UnsupportedError: a size depends on the input.
        """
        sizes = tuple(size for size in self.shape if size is not None)
        if len(sizes) != len(self.shape):
            raise UnsupportedError("a shape that is not known before it runs")
        return sizes


@dataclass(frozen=True)
class Value:
    """A named value of the program: an input, or an output of an operation."""

    name: str
    type: ValueType


@dataclass(frozen=True)
class Operation:
    """One operation of the program."""

    kind: str  # the operator, for example `conv`
    position: int  # among the operations that compute, from 1
    inputs: dict[str, list[str]]  # parameter -> names of the values it reads
    outputs: list[Value]
