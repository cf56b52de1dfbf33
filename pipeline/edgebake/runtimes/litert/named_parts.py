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
    model = tables.parse(files[FILE])
    parts = [*_model_parts(model), *_associated_files(files[FILE])]
    for number, graph in enumerate(model.subgraphs):
        prefix = f"subgraph {number} " if number else ""
        for name, data in _graph_parts(model, graph):
            parts.append((f"{prefix}{name}", data))
    return dict(parts)


def _model_parts(model: schema.ModelT) -> Iterator[NamedPart]:
    yield "header", _canonical(_fields_without(model, *OWN_PARTS))
    yield "description", model.description or b""
    for entry in model.metadata or []:
        yield f"metadata {entry.name.decode()}", _buffer(model, entry)
    for number, signature in enumerate(model.signatureDefs or []):
        yield f"signature {number}", _canonical(signature)


def _graph_parts(model: schema.ModelT, graph: schema.SubGraphT) -> Iterator[NamedPart]:
    yield "graph", _canonical([graph.name, graph.inputs, graph.outputs, graph.debugMetadataIndex])
    for number, tensor in enumerate(graph.tensors):
        name = (tensor.name or b"").decode()
        description = _canonical(_fields_without(tensor, "buffer"))
        yield f"tensor {number} {name!r}", description + _buffer(model, tensor)
    for number, operator in enumerate(graph.operators):
        code = model.operatorCodes[operator.opcodeIndex]
        fields = _fields_without(operator, "opcodeIndex")
        yield f"operator {number} {operator_kind(code)}", _canonical([code, fields])


def _associated_files(model: bytes) -> Iterator[NamedPart]:
    """Yield the files in the zip behind the model, e.g. its labels."""
    if not zipfile.is_zipfile(io.BytesIO(model)):
        return
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        for name in archive.namelist():
            yield f"associated file {name}", archive.read(name)


def _buffer(model: schema.ModelT, reader: schema.TensorT | schema.MetadataT) -> bytes:
    data = model.buffers[reader.buffer].data
    if data is None:
        return b""
    return bytes(data)


def _fields_without(table: object, *excluded: str) -> dict[str, object]:
    return {name: value for name, value in vars(table).items() if name not in excluded}


def _canonical(value: object) -> bytes:
    """Return tables, lists and numbers as text; equal values give equal text."""
    return repr(_plain(value)).encode()


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(value[name]) for name in sorted(value)}
    if hasattr(value, "__dict__"):
        return (type(value).__name__, _plain(vars(value)))
    return value
