"""Remove names, texts and metadata from a .tflite file, and nothing that it computes with.

Removed are the names of tensors (TensorFlow's paths of layers), of subgraphs and of signatures, the
description, every metadata buffer, debug metadata and the labels behind the model. Kept are the
names of input and output, by which an app finds them, and `reduced_precision_support`: XNNPACK
computes in float16 if it is present, which changes the outputs.

This hides texts, no secrets: operators, shapes, scales and weights stay readable to everyone who
has the file. Sources: schema.fbs; GetModelMetadata in xnnpack_delegate.cc of TensorFlow Lite.
"""

from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite import tables

# Metadata that the interpreter acts upon.
NEEDED = (b"reduced_precision_support",)
NO_DEBUG_METADATA = -1  # default of the field


def strip(model: bytes) -> bytes:
    """Return the file without texts; its outputs are bit-identical."""
    parsed = tables.parse(model)
    parsed.description = None
    parsed.metadataBuffer = None
    parsed.signatureDefs = None
    metadata = parsed.metadata or []
    parsed.metadata = [entry for entry in metadata if entry.name in NEEDED]
    main, *_ = parsed.subgraphs
    for graph in parsed.subgraphs:
        graph.name = None
        graph.debugMetadataIndex = NO_DEBUG_METADATA
        named_tensors = set()
        if graph is main:
            named_tensors = {*graph.inputs, *graph.outputs}
        _shorten_names(graph, named_tensors)
    drop_unread_buffers(parsed)
    return tables.serialize(parsed)


def _shorten_names(graph: schema.SubGraphT, named_tensors: set[int]) -> None:
    """Number the tensors of a graph, except for some that keep their names."""
    for number, tensor in enumerate(graph.tensors):
        if number not in named_tensors:
            tensor.name = f"t{number}"
    for operator in graph.operators:
        operator.debugMetadataIndex = NO_DEBUG_METADATA


def drop_unread_buffers(model: schema.ModelT) -> None:
    """Remove the buffers that nothing reads; the others keep their order.

    Buffer 0 stands for an empty one (schema.fbs, Model) and stays.
    """
    readers = [*(model.metadata or [])]
    for graph in model.subgraphs:
        readers += graph.tensors
    read = {0}
    for reader in readers:
        read.add(reader.buffer)
    buffers: list[schema.BufferT] = []
    new_indices = {}
    for index in sorted(read):
        new_indices[index] = len(buffers)
        buffers.append(model.buffers[index])
    model.buffers = buffers
    for reader in readers:
        reader.buffer = new_indices[reader.buffer]
