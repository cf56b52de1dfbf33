"""Cut an .onnx file into parts with names, so that two files can be compared part by part."""

from collections.abc import Iterator
from typing import Any

import onnx

from edgebake.runtimes.onnxruntime import FILE

Part = tuple[str, bytes]


def named_parts(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the content of each part; two files with equal parts may still differ in how they are laid out."""
    model = onnx.load_from_string(files[FILE])
    return dict([*_model(model), *_graph(model.graph)])


def _model(model: onnx.ModelProto) -> Iterator[Part]:
    for entry in model.opset_import:
        yield f"opset {entry.domain or 'ai.onnx'}", str(entry.version).encode()
    for entry in model.metadata_props:
        yield f"metadata {entry.key}", entry.value.encode()
    yield from _others(model, ("opset_import", "metadata_props", "graph"))


def _graph(graph: onnx.GraphProto) -> Iterator[Part]:
    for kind, values in (
        ("input", graph.input),
        ("output", graph.output),
        ("value", graph.value_info),
    ):
        yield from ((f"{kind} {value.name!r}", _content(value)) for value in values)
    for item in graph.initializer:
        yield f"initializer {item.name!r}", _content(item)
    for number, node in enumerate(graph.node):
        yield f"node {number} {node.op_type} {node.name!r}", _content(node)
    for part, data in _others(graph, ("input", "output", "value_info", "initializer", "node")):
        yield f"graph {part}", data


def _others(message: Any, known: tuple[str, ...]) -> Iterator[Part]:
    """Yield the fields that have no parts of their own."""
    for field, value in message.ListFields():
        if field.name not in known:
            yield field.name, _content(value)


def _content(value: Any) -> bytes:
    found: bytes = (
        value.SerializeToString(deterministic=True)
        if hasattr(value, "ListFields")
        else repr(value).encode()
    )
    return found
