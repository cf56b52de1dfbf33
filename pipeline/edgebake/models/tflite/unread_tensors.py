"""Remove from a .tflite what nothing reads."""

from collections.abc import Mapping

from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite.strip import drop_unread_buffers


def drop_unread_tensors(model: schema.ModelT) -> None:
    """Remove operators whose outputs nothing reads, and all tensors and buffers without a reader.

    The others keep their order.
    """
    graph = model.subgraphs[0]
    needed = {*graph.outputs}
    operators: list[schema.OperatorT] = []
    for operator in reversed(graph.operators):
        if needed.intersection(operator.outputs):
            operators.insert(0, operator)
            needed.update(operator.inputs)
    graph.operators = operators
    for operator in operators:
        needed.update(operator.outputs)
    needed.update(graph.inputs)
    new_indices = {-1: -1}
    tensors: list[schema.TensorT] = []
    for index, tensor in enumerate(graph.tensors):
        if index in needed:
            new_indices[index] = len(tensors)
            tensors.append(tensor)
    graph.tensors = tensors
    graph.inputs = [new_indices[index] for index in graph.inputs]
    graph.outputs = [new_indices[index] for index in graph.outputs]
    for operator in operators:
        operator.inputs = [new_indices[index] for index in operator.inputs]
        operator.outputs = [new_indices[index] for index in operator.outputs]
    _renumber_signatures(model, new_indices)
    drop_unread_buffers(model)


def _renumber_signatures(model: schema.ModelT, new_indices: Mapping[int, int]) -> None:
    for signature in model.signatureDefs or []:
        for entry in [*(signature.inputs or []), *(signature.outputs or [])]:
            entry.tensorIndex = new_indices[entry.tensorIndex]
