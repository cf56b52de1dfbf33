"""Split an .onnx file into named parts, so that two files can be compared part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import onnx

from edgebake.runtimes.onnxruntime import FILE

if TYPE_CHECKING:
    from google.protobuf.message import Message

NamedPart = tuple[str, bytes]
# Fields that have parts of their own.
MODEL_FIELDS = ("opset_import", "metadata_props", "graph")
GRAPH_FIELDS = ("input", "output", "value_info", "initializer", "node")


def named_parts(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the contents of each part; files of equal parts may still differ in their layout."""
    model = onnx.load_from_string(files[FILE])
    parts = [*_model_parts(model)]
    parts += _graph_parts(model.graph)
    return dict(parts)


def _model_parts(model: onnx.ModelProto) -> Iterator[NamedPart]:
    for entry in model.opset_import:
        domain = entry.domain or "ai.onnx"
        version = str(entry.version)
        yield f"opset {domain}", version.encode()
    for entry in model.metadata_props:
        yield f"metadata {entry.key}", entry.value.encode()
    yield from _remaining_fields(model, MODEL_FIELDS)


def _graph_parts(graph: onnx.GraphProto) -> Iterator[NamedPart]:
    for kind, values in (
        ("input", graph.input),
        ("output", graph.output),
        ("value", graph.value_info),
        ("initializer", graph.initializer),
    ):
        for value in values:
            yield f"{kind} {value.name!r}", _serialized(value)
    for number, node in enumerate(graph.node):
        yield f"node {number} {node.op_type} {node.name!r}", _serialized(node)
    for name, data in _remaining_fields(graph, GRAPH_FIELDS):
        yield f"graph {name}", data


def _remaining_fields(message: Message, excluded: tuple[str, ...]) -> Iterator[NamedPart]:
    for field, value in message.ListFields():
        if field.name not in excluded:
            yield field.name, _serialized(value)


def _serialized(value: Message | object) -> bytes:
    if not hasattr(value, "SerializeToString"):
        return repr(value).encode()
    serialized: bytes = value.SerializeToString(deterministic=True)
    return serialized
