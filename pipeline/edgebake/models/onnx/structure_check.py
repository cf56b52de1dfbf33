"""Check that an ONNX graph is one that tools can walk: ordered nodes, tensors of possible sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import onnx

MAX_RANK = 64  # dimensions of a tensor, as NumPy
MAX_NUMBERS = 2**48  # of a tensor


def check(graph: onnx.GraphProto) -> None:
    """Check the nodes and weights of a graph.

    Raises:
        ValueError: a node reads what it writes itself or what a later one writes, a tensor is
            written twice, or a weight has a size or dtype that no tensor can have.
    """
    import onnx

    dtypes = onnx.TensorProto.DataType.values()[1:]  # 0: undefined
    _check_order(graph)
    for tensor in graph.initializer:
        size(tensor)
        if tensor.data_type not in dtypes:
            raise ValueError(
                f"its weight {printable(tensor.name)!r} has the unknown dtype {tensor.data_type}"
            )


def size(tensor: onnx.TensorProto) -> int:
    """Return how many numbers a tensor has by its shape.

    Raises:
        ValueError: no tensor can have this shape.
    """
    if len(tensor.dims) > MAX_RANK:
        raise ValueError(
            f"its weight {printable(tensor.name)!r} has {len(tensor.dims):,} dimensions; expected "
            f"at most {MAX_RANK}"
        )
    numbers = 1
    for dimension in tensor.dims:
        numbers *= dimension
        if dimension < 0 or numbers > MAX_NUMBERS:
            raise ValueError(
                f"its weight {printable(tensor.name)!r} has the shape "
                f"{printable(list(tensor.dims), max_length=60)}; expected one that a file can hold"
            )
    return numbers


def _check_order(graph: onnx.GraphProto) -> None:
    writers: dict[str, int] = {}
    for value in (*graph.input, *graph.initializer):
        writers[value.name] = -1
    for number, node in enumerate(graph.node):
        for name in node.output:
            if name and name in writers:
                raise ValueError(
                    f"tensor {printable(name)!r} is written twice; expected each once, and no loop"
                )
            writers[name] = number
    for number, node in enumerate(graph.node):
        for name in node.input:
            if name and writers.get(name, -1) >= number:
                raise ValueError(
                    f"node {number} ({printable(node.op_type)}) reads {printable(name)!r} before "
                    "it is written; expected nodes in order of execution, and no loop"
                )
