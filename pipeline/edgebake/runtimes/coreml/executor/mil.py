"""The words in which the executor speaks of an ML Program: types, values, operations."""

from dataclasses import dataclass

FLOATS = frozenset({"float16", "float32"})


class UnsupportedError(Exception):
    """Say what of an operation the executor does not cover."""


@dataclass(frozen=True)
class ValueType:
    """Dtype by the name that MIL.proto gives it, in lower case, and shape; None: the input decides that size."""

    dtype: str
    shape: tuple[int | None, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return the shape.

        Raises:
            Uncovered: some size is not known.
        """
        known = tuple(size for size in self.shape if size is not None)
        if len(known) != len(self.shape):
            raise UnsupportedError("a shape that is not known before it runs")
        return known


@dataclass(frozen=True)
class Value:
    """One value of the program by its name."""

    name: str
    type: ValueType


@dataclass(frozen=True)
class Operation:
    """One operation: each parameter names the values that it reads."""

    kind: str  # the operator, `conv` for one
    position: int  # among the operations that compute, from 1
    inputs: dict[str, list[str]]
    outputs: list[Value]
