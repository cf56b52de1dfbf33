"""Split a .tflite file into named parts, so that two files can be compared part by part."""

import io
import zipfile
from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite import tables
from edgebake.models.tflite.tables import operator_kind
from edgebake.runtimes.litert import FILE

NamedPart = tuple[str, bytes]
# Fields of ModelT that have parts of their own.
OWN_PARTS = ("buffers", "description", "metadata", "operatorCodes", "signatureDefs", "subgraphs")


def named_parts(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the contents of each part; files of equal parts may still differ in their layout."""
    file = files[FILE]
    model = tables.parse(file)
    parts = [*_model_parts(model), *_associated_files(file)]
    for number, graph in enumerate(model.subgraphs):
        prefix = ""
        if number:
            prefix = f"subgraph {number} "
        for name, data in _graph_parts(model, graph):
            parts.append((f"{prefix}{name}", data))
    return dict(parts)


def _model_parts(model: schema.ModelT) -> Iterator[NamedPart]:
    header = _fields_without(model, *OWN_PARTS)
    yield "header", _canonical(header)
    yield "description", model.description or b""
    for entry in model.metadata or []:
        name = entry.name.decode()
        yield f"metadata {name}", _buffer(model, entry)
    for number, signature in enumerate(model.signatureDefs or []):
        yield f"signature {number}", _canonical(signature)


def _graph_parts(model: schema.ModelT, graph: schema.SubGraphT) -> Iterator[NamedPart]:
    graph_fields = [graph.name, graph.inputs, graph.outputs, graph.debugMetadataIndex]
    yield "graph", _canonical(graph_fields)
    for number, tensor in enumerate(graph.tensors):
        name = (tensor.name or b"").decode()
        fields = _fields_without(tensor, "buffer")
        description = _canonical(fields)
        data = _buffer(model, tensor)
        yield f"tensor {number} {name!r}", description + data
    for number, operator in enumerate(graph.operators):
        code = model.operatorCodes[operator.opcodeIndex]
        kind = operator_kind(code)
        fields = _fields_without(operator, "opcodeIndex")
        yield f"operator {number} {kind}", _canonical([code, fields])


def _associated_files(model: bytes) -> Iterator[NamedPart]:
    """Yield the files in the zip behind the model, e.g. its labels."""
    file = io.BytesIO(model)
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            yield f"associated file {name}", data


def _buffer(model: schema.ModelT, reader: schema.TensorT | schema.MetadataT) -> bytes:
    data = model.buffers[reader.buffer].data
    if data is None:
        return b""
    return bytes(data)


def _fields_without(table: object, *excluded: str) -> dict[str, object]:
    fields = {}
    for name, value in vars(table).items():
        if name not in excluded:
            fields[name] = value
    return fields


def _canonical(value: object) -> bytes:
    """Return tables, lists and numbers as text; equal values give equal text."""
    text = repr(_plain(value))
    return text.encode()


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        names = sorted(value)
        return {name: _plain(value[name]) for name in names}
    if hasattr(value, "__dict__"):
        kind = type(value).__name__
        fields = _plain(vars(value))
        return (kind, fields)
    return value
