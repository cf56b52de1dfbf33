"""Trace which activations of a graph depend on its inputs, and on which other activations."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Tensor = TypeVar("Tensor", bound=Hashable)  # name or index of a tensor
Sources = dict[Tensor, tuple[Tensor, ...]]  # tensors by the tensor that depends on them


class Dataflow(Generic[Tensor]):
    """Sources of the activations of a graph, whose operators are added in order of execution.

    Activations are the float tensors. Others are traced through: an activation that is computed
    from a tensor of integers has the activations behind that tensor as its sources.
    """

    def __init__(self) -> None:
        # Activation -> activations that it is computed from, in order of execution.
        self.sources: Sources[Tensor] = {}
        # Any tensor that depends on an input -> itself, or the activations behind it.
        self._activations: Sources[Tensor] = {}

    def add_input(self, tensor: Tensor, is_activation: bool) -> None:
        """Add an input of the graph, before all operators; integers are no activation."""
        self.add(tensor, (), is_activation)

    def trace(self, inputs: Iterable[Tensor]) -> tuple[Tensor, ...] | None:
        """Return the activations behind the inputs of an operator, each once.

        Returns:
            None if the operator does not depend on an input of the graph. It may depend on one and
            have no activation behind it: it looks up integers.
        """
        activations: dict[Tensor, None] = {}
        depends = False
        for tensor in inputs:
            if tensor in self._activations:
                depends = True
                activations |= dict.fromkeys(self._activations[tensor])
        if not depends:
            return None
        return tuple(activations)

    def add(self, tensor: Tensor, sources: tuple[Tensor, ...], is_activation: bool) -> None:
        """Add an output of an operator; `sources` is the result of `trace` for the operator."""
        self._activations[tensor] = sources
        if is_activation:
            self._activations[tensor] = (tensor,)
            self.sources[tensor] = sources
