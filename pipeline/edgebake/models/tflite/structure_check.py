"""Check that the graphs of a parsed .tflite file refer only to what the file holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from edgebake.models.tflite import tables

if TYPE_CHECKING:
    from ai_edge_litert import schema_py_generated as schema

MAX_RANK = 32  # dimensions of a tensor; LiteRT's operators take 8 at most
NO_TENSOR = -1  # an optional input that is not given


def check(model: schema.ModelT) -> None:
    """Check the graphs of a model, and that their operators are in order of execution.

    Raises:
        ValueError: the model has no graph, names parts that it does not have, or has a loop.
    """
    if not model.subgraphs:
        raise ValueError("it has no graph")
    for code in model.operatorCodes or []:
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        if number not in tables.OPERATORS:
            raise ValueError(f"it has the operator {number}, which LiteRT does not have")
    for entry in model.metadata or []:
        _check_indices([entry.buffer], len(model.buffers or []), "buffer", 0)
    for graph in model.subgraphs:
        _check_lists(graph)
        for tensor in graph.tensors:
            _check_tensor(model, tensor)
        for operator in graph.operators:
            _check_operator(model, graph, operator)
        _check_indices([*graph.inputs, *graph.outputs], len(graph.tensors), "tensor", 0)
        _check_order(graph)


def _check_lists(graph: schema.SubGraphT) -> None:
    lists = {
        "tensors": graph.tensors,
        "operators": graph.operators,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
    }
    for name, values in lists.items():
        if values is None:
            raise ValueError(f"one of its graphs has no {name}")


def _check_tensor(model: schema.ModelT, tensor: schema.TensorT) -> None:
    if tensor.type not in tables.DTYPES:
        raise ValueError(f"it has a tensor of type {tensor.type}, which LiteRT does not have")
    _check_indices([tensor.buffer], len(model.buffers or []), "buffer", 0)
    for shape in (tensor.shape, tensor.shapeSignature):
        if shape is not None and len(shape) > MAX_RANK:
            raise ValueError(
                f"it has a tensor of {len(shape):,} dimensions; expected at most {MAX_RANK}"
            )
    if tensor.shape is not None and len(tensor.shape) and min(tensor.shape) < -1:
        raise ValueError(
            f"it has a tensor of the size {min(tensor.shape)}; expected -1 (open), 0 or more"
        )


def _check_operator(
    model: schema.ModelT, graph: schema.SubGraphT, operator: schema.OperatorT
) -> None:
    if operator.inputs is None or operator.outputs is None:
        raise ValueError("it has an operator without inputs or outputs")
    _check_indices([operator.opcodeIndex], len(model.operatorCodes or []), "operator code", 0)
    _check_indices(operator.inputs, len(graph.tensors), "tensor", NO_TENSOR)
    _check_indices(operator.outputs, len(graph.tensors), "tensor", 0)


def _check_indices(indices: Iterable[int], count: int, kind: str, lowest: int) -> None:
    for index in indices:
        if not lowest <= index < count:
            raise ValueError(f"it names {kind} {index} and has {count:,}")


def _check_order(graph: schema.SubGraphT) -> None:
    """Refuse operators that read what they write themselves, or what a later one writes."""
    inputs = set(graph.inputs)
    writers: dict[int, int] = {}
    for number, operator in enumerate(graph.operators):
        for index in operator.outputs:
            if index in writers or index in inputs:
                raise ValueError(f"tensor {index} is written twice; expected each once")
            writers[index] = number
    for number, operator in enumerate(graph.operators):
        for index in operator.inputs:
            if writers.get(index, NO_TENSOR) >= number:
                raise ValueError(
                    f"operator {number} reads tensor {index} before it is written; expected "
                    "operators in order of execution, and no loop"
                )
