"""Register the functions that translate operators of ML Programs to ONNX."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from edgebake.runtimes.coreml.executor.graph_tensor import GraphTensor
from edgebake.runtimes.coreml.executor.operation_context import OperationContext

# Returns the output of the operation, or one tensor per output; None: the output is no tensor.
Translator: TypeAlias = Callable[[OperationContext], GraphTensor | Sequence[GraphTensor | None]]
TRANSLATORS: dict[str, Translator] = {}  # by operator, filled by the modules of operators/
EXACT_OPERATORS: set[str] = set()


def operator(translator: Translator) -> Translator:
    """Register the translator of the operator that the function is named after."""
    TRANSLATORS[translator.__name__] = translator
    return translator


def exact_operator(translator: Translator) -> Translator:
    """Register the translator of an operator whose output is never rounded.

    It only moves values or selects among them, so that its output is as exact as its inputs.
    """
    EXACT_OPERATORS.add(translator.__name__)
    return operator(translator)


def register_unary(name: str, onnx_name: str) -> None:
    """Register an operator of one input x, of any number type, that ONNX has by another name."""

    def translate(op: OperationContext) -> GraphTensor:
        return op.emit(onnx_name, op.tensor("x"))

    TRANSLATORS[name] = translate
