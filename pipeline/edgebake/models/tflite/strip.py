"""Take out of a .tflite file what says how it was made and by whom, and nothing that it computes with.

Gone are the names of tensors (TensorFlow's paths of layers), of subgraphs and of signatures, the description, every
metadata buffer, debug metadata and the labels behind the model. Left are the names of input and output, by which
an app finds them, and `reduced_precision_support`: XNNPACK computes in float16 where it stands, and answers otherwise.

It hides words, no secrets: operators, shapes, scales and weights stay readable to everyone who has the file.
Sources: schema.fbs; GetModelMetadata in xnnpack_delegate.cc of TensorFlow Lite.
"""

from typing import Any

from edgebake.models.tflite import tables

# Metadata that the interpreter acts upon.
NEEDED = (b"reduced_precision_support",)
NO_DEBUG_METADATA = -1  # default of the field


def strip(model: bytes) -> bytes:
    """Return the file without words; it answers with the same bits."""
    content = tables.parse(model)
    content.description = content.metadataBuffer = content.signatureDefs = None
    content.metadata = [entry for entry in content.metadata or [] if entry.name in NEEDED]
    for number, graph in enumerate(content.subgraphs):
        graph.name, graph.debugMetadataIndex = None, NO_DEBUG_METADATA
        _shorten(graph, is_main=number == 0)
    drop_unread_buffers(content)
    return tables.serialize(content)


def _shorten(graph: Any, is_main: bool) -> None:
    kept = {*graph.inputs, *graph.outputs} if is_main else set()
    for number, tensor in enumerate(graph.tensors):
        if number not in kept:
            tensor.name = f"t{number}"
    for item in graph.operators:
        item.debugMetadataIndex = NO_DEBUG_METADATA


def drop_unread_buffers(content: Any) -> None:
    """Leave buffer 0, which stands for no content (schema.fbs, Model), and those that are read, in their order."""
    readers = [
        *content.metadata,
        *(tensor for graph in content.subgraphs for tensor in graph.tensors),
    ]
    read = sorted({0, *(reader.buffer for reader in readers)})
    places = {old: new for new, old in enumerate(read)}
    content.buffers = [content.buffers[number] for number in read]
    for reader in readers:
        reader.buffer = places[reader.buffer]
