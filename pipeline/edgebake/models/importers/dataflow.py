"""Trace which activations of a graph depend on the image, and on which other activations."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Tensor = TypeVar("Tensor", bound=Hashable)  # name or index of a tensor
Sources = dict[Tensor, tuple[Tensor, ...]]  # tensors by the tensor that depends on them


class Dataflow(Generic[Tensor]):
    """Sources of the activations of a graph, whose operators are added in order of execution.

    Activations are the float tensors. Others are traced through: an activation that is computed
    from a tensor of integers has the activations behind that tensor as its sources.
    """

    def __init__(self, image: Tensor) -> None:
        """Start with the input of the graph, which is its first activation."""
        # Activation -> activations that it is computed from, in order of execution.
        self.sources: Sources[Tensor] = {image: ()}
        # Any tensor that depends on the image -> itself, or the activations behind it.
        self._activations: Sources[Tensor] = {image: (image,)}

    def trace(self, inputs: Iterable[Tensor]) -> tuple[Tensor, ...]:
        """Return the activations behind the inputs of an operator, each once.

        There are none if the operator does not depend on the image.
        """
        activations: dict[Tensor, None] = {}
        for tensor in inputs:
            for activation in self._activations.get(tensor, ()):
                activations[activation] = None
        return tuple(activations)

    def add(self, tensor: Tensor, sources: tuple[Tensor, ...], is_activation: bool) -> None:
        """Add an output of an operator; `sources` is the result of `trace` for the operator."""
        self._activations[tensor] = sources
        if is_activation:
            self._activations[tensor] = (tensor,)
            self.sources[tensor] = sources
