"""Find the activation function that computes the output of a graph."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass

LINEAR = "linear"


@dataclass(frozen=True)
class OperatorKinds:
    """What the operators of a format do to values, by kind."""

    activations: Mapping[str, str]  # the function that the operator computes last
    moves: Collection[str]  # they keep the values of their first input, apart from rounding
    sums: Collection[str]  # sums and means of their inputs: linear if these are


@dataclass(frozen=True)
class Producer:
    """An operator, and those of its inputs that are no constants."""

    kind: str
    inputs: tuple[Hashable, ...]


def find(
    output: Hashable, producers: Mapping[Hashable, Producer], kinds: OperatorKinds
) -> str | None:
    """Return the activation function of a tensor; None if it is not known.

    Args:
        output: the tensor.
        producers: the operator that computes each tensor.
        kinds: of the format.
    """
    activations: set[str | None] = set()
    is_sum = False
    visited: set[Hashable] = set()  # so that no graph takes longer than it has tensors
    pending = [output]
    while pending:
        tensor = pending.pop()
        if tensor in visited:
            continue
        visited.add(tensor)
        producer = producers.get(tensor)
        if producer is None:
            return None
        if producer.kind in kinds.moves:
            pending += producer.inputs[:1]
        elif producer.kind in kinds.sums:
            is_sum = True
            pending += producer.inputs
        else:
            activations.add(kinds.activations.get(producer.kind))
    return _common(activations, is_sum)


def _common(activations: Iterable[str | None], is_sum: bool) -> str | None:
    """Return the only activation function; of a sum, only if it is linear."""
    different = list(activations)
    if len(different) != 1:
        return None
    if is_sum and different[0] != LINEAR:
        return None
    return different[0]
