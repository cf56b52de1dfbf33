"""Remove names, texts and metadata from an .onnx file, and nothing that it computes with.

Removed are all names except those of input and output, documentation, types of intermediate values,
the producer, and every property that an app does not need to run the file; scales and zero points
of integer tensors and the session's option stay. The ORT format is built again, from the stripped
file.

This hides texts, no secrets: operators, shapes, scales and weights stay readable to everyone who
has the file. Source of the fields: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING

import onnx

from edgebake.runtimes.onnxruntime import EXACT_SUMS, FILE, ort_format, scales
from edgebake.runtimes.onnxruntime.metadata import FOLD_WEIGHTS

if TYPE_CHECKING:
    from google.protobuf.message import Message

# Fields of any message that are not used in computation.
TEXTS = ("denotation", "doc_string", "metadata_props", "quantization_annotation", "value_info")
PRODUCER = ("domain", "model_version", "producer_name", "producer_version")
GRAPH_NAME = "g"  # onnx.checker requires one
NEEDED = (FOLD_WEIGHTS, EXACT_SUMS)


def strip(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the file without texts, and its ORT format if it had one.

    The outputs are bit-identical.
    """
    model = onnx.load_from_string(files[FILE])
    needed = {}
    for entry in model.metadata_props:
        if entry.key in NEEDED or scales.is_key(entry.key):
            needed[entry.key] = entry.value
    for field in PRODUCER:
        model.ClearField(field)
    for message in _messages(model):
        _clear_texts(message)
    _shorten_names(model.graph)
    onnx.helper.set_model_props(model, needed)
    onnx.checker.check_model(model)
    file: bytes = model.SerializeToString(deterministic=True)
    stripped = {FILE: file}
    if ort_format.ORT_FILE in files:
        stripped |= ort_format.build_ort_files(file)
    return stripped


def _messages(message: Message) -> Iterator[Message]:
    """Yield a message and all messages inside it, recursively."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        inner_messages = value
        is_single = hasattr(value, "ListFields")
        if is_single:
            inner_messages = [value]
        for inner in inner_messages:
            yield from _messages(inner)


def _clear_texts(message: Message) -> None:
    for field in TEXTS:
        if field in message.DESCRIPTOR.fields_by_name:
            message.ClearField(field)


def _shorten_names(main: onnx.GraphProto) -> None:
    """Number the values and nodes of a graph and of the graphs inside it."""
    graphs = [message for message in _messages(main) if isinstance(message, onnx.GraphProto)]
    names = _short_names(main, graphs)
    numbers = count()
    for graph in graphs:
        graph.name = GRAPH_NAME
        for value in _values(graph):
            value.name = names[value.name]
        for node in graph.node:
            number = next(numbers)
            _shorten_node(node, f"n{number}", names)


def _shorten_node(node: onnx.NodeProto, name: str, names: Mapping[str, str]) -> None:
    node.name = name
    node.input[:] = [names[tensor] for tensor in node.input]
    node.output[:] = [names[tensor] for tensor in node.output]
    for attribute in node.attribute:
        if attribute.HasField("t"):
            attribute.t.ClearField("name")


def _short_names(main: onnx.GraphProto, graphs: list[onnx.GraphProto]) -> dict[str, str]:
    """Return the short name of every value; inputs and outputs of the main graph keep theirs."""
    fixed = [value.name for value in (*main.input, *main.output)]
    names = {name: name for name in ("", *fixed)}
    numbers = count()
    for graph in graphs:
        for name in _value_names(graph):
            if name not in names:
                names[name] = _next_name(numbers, fixed)
    return names


def _value_names(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        yield from node.input
        yield from node.output
    for value in _values(graph):
        yield value.name


def _values(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto | onnx.TensorProto]:
    yield from graph.input
    yield from graph.output
    yield from graph.initializer


def _next_name(numbers: Iterator[int], taken: Collection[str]) -> str:
    while (name := f"v{next(numbers)}") in taken:
        pass
    return name
