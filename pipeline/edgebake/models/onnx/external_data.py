"""Refuse ONNX models whose weights lie in other files.

ONNX Runtime reads them from the current folder, or by `..` from any other, also if the model is
given as bytes. Files of earlier stages come from a cache that others may write.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgebake.errors import ModelError
from edgebake.terminal.printable import printable

if TYPE_CHECKING:
    import onnx


def refuse_external_data(model: onnx.ModelProto) -> None:
    """Refuse a model with a tensor in another file, in any of its graphs and functions.

    Raises:
        ModelError: there is such a tensor.
    """
    import onnx

    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise ModelError(
                f"the tensor {printable(tensor.name)} of an ONNX model lies in another file; "
                "expected all weights in the model itself; build it again"
            )


def refuse_external_data_in(serialized: bytes) -> None:
    """Refuse a serialized model as `refuse_external_data` does.

    Raises:
        ModelError: it has a tensor in another file.
        ValueError: it is no ONNX model.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_from_string(serialized)
    except DecodeError:
        raise ValueError("no ONNX model") from None
    refuse_external_data(model)


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield all tensors of a model, those of nodes' attributes included."""
    graphs = [model.graph]
    nodes: list[onnx.NodeProto] = []
    for function in model.functions:
        nodes += function.node
    while graphs or nodes:
        for graph in graphs:
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes += graph.node
        graphs = []
        for node in nodes:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from (sparse.values, sparse.indices)
                graphs += [attribute.g, *attribute.graphs]
        nodes = []
