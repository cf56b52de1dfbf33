"""Take out of an .onnx file what says how it was made and by whom, and nothing that it computes with.

Gone are all names but those of input and output, docs, what is known of values between nodes, the producer, and every
property but those that an app needs to run the file: scales and zero points of integer ends, and a session's option.
The ORT format is made anew, out of the stripped file.

It hides words, no secrets: operators, shapes, scales and weights stay readable to everyone who has the file.
Source of the fields: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import onnx

from edgebake.runtimes.onnxruntime import FILE, ort_format, scales
from edgebake.runtimes.onnxruntime.metadata import FOLD_WEIGHTS

# Fields of any message that nothing is computed with.
TEXTS = ("denotation", "doc_string", "metadata_props", "quantization_annotation", "value_info")
PRODUCER = ("domain", "model_version", "producer_name", "producer_version")
GRAPH = "g"  # onnx.checker wants some name
NEEDED = (*scales.KEYS, FOLD_WEIGHTS)


def strip(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the file without words, and its ORT format where it had one; it answers with the same bits."""
    model = onnx.load_from_string(files[FILE])
    needed = {entry.key: entry.value for entry in model.metadata_props if entry.key in NEEDED}
    for field in PRODUCER:
        model.ClearField(field)
    for message in _messages(model):
        for field in TEXTS:
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
    _shorten(model.graph)
    onnx.helper.set_model_props(model, needed)
    onnx.checker.check_model(model)
    file: bytes = model.SerializeToString(deterministic=True)
    return {FILE: file} | (ort_format.build_ort_files(file) if ort_format.ORT_FILE in files else {})


def _messages(message: Any) -> Iterator[Any]:
    """Yield a message and all that it holds."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in [value] if hasattr(value, "ListFields") else value:
                yield from _messages(one)


def _shorten(graph: onnx.GraphProto) -> None:
    graphs = [one for one in _messages(graph) if isinstance(one, onnx.GraphProto)]
    names = _names(graph, graphs)
    numbers = count()
    for one in graphs:
        one.name = GRAPH
        for named in (*one.input, *one.output, *one.initializer):
            named.name = names[named.name]
        for node in one.node:
            node.name = f"n{next(numbers)}"
            node.input[:] = [names[name] for name in node.input]
            node.output[:] = [names[name] for name in node.output]
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    attribute.t.ClearField("name")


def _names(main: onnx.GraphProto, graphs: list[onnx.GraphProto]) -> dict[str, str]:
    """Return the short name of every value, numbered as they are met; the ends of the main graph keep theirs."""
    ends = {value.name: value.name for value in (*main.input, *main.output)}
    names = {"": "", **ends}
    fresh = (short for short in map("v{}".format, count()) if short not in ends)
    for one in graphs:
        read = [name for node in one.node for name in (*node.input, *node.output)]
        for name in (*read, *(named.name for named in (*one.input, *one.output, *one.initializer))):
            if name not in names:
                names[name] = next(fresh)
    return names
