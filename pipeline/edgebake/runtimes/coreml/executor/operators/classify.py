"""Translate the output of a classifier."""

from edgebake.runtimes.coreml.executor.operation_context import OperationContext
from edgebake.runtimes.coreml.executor.registry import operator


@operator
def classify(_: OperationContext) -> list[None]:
    """Return no tensors: Core ML makes label and dictionary of the probabilities."""
    return [None, None]
