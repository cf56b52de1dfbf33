"""Cut a .tflite file into parts with names, so that two files can be compared part by part."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from edgebake.models.tflite import tables
from edgebake.runtimes.litert import FILE
from edgebake.runtimes.litert.workload import kind_of

Part = tuple[str, bytes]
OWN_PARTS = ("buffers", "description", "metadata", "operatorCodes", "signatureDefs", "subgraphs")


def named_parts(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the content of each part; two files with equal parts may still differ in how they are laid out."""
    content = tables.parse(files[FILE])
    found = [*_model(content), *_behind(files[FILE])]
    for number, graph in enumerate(content.subgraphs):
        prefix = f"subgraph {number} " if number else ""
        found += [(f"{prefix}{name}", data) for name, data in _graph(content, graph)]
    return dict(found)


def _model(content: Any) -> Iterator[Part]:
    yield (
        "header",
        _canonical({word: value for word, value in vars(content).items() if word not in OWN_PARTS}),
    )
    yield "description", content.description or b""
    for entry in content.metadata or []:
        yield f"metadata {entry.name.decode()}", _held(content, entry)
    for number, signature in enumerate(content.signatureDefs or []):
        yield f"signature {number}", _canonical(signature)


def _graph(content: Any, graph: Any) -> Iterator[Part]:
    yield "graph", _canonical([graph.name, graph.inputs, graph.outputs, graph.debugMetadataIndex])
    for number, tensor in enumerate(graph.tensors):
        described = {word: value for word, value in vars(tensor).items() if word != "buffer"}
        yield f"tensor {number} {_named(tensor)}", _canonical(described) + _held(content, tensor)
    for number, item in enumerate(graph.operators):
        code = content.operatorCodes[item.opcodeIndex]
        described = {word: value for word, value in vars(item).items() if word != "opcodeIndex"}
        yield f"operator {number} {kind_of(code)}", _canonical([code, described])


def _behind(model: bytes) -> Iterator[Part]:
    """Yield the files that lie behind the model as a zip, labels for one."""
    if zipfile.is_zipfile(io.BytesIO(model)):
        with zipfile.ZipFile(io.BytesIO(model)) as archive:
            yield from (
                (f"associated file {name}", archive.read(name)) for name in archive.namelist()
            )


def _named(tensor: Any) -> str:
    return repr((tensor.name or b"").decode())


def _held(content: Any, reader: Any) -> bytes:
    data = content.buffers[reader.buffer].data
    return b"" if data is None else bytes(data)


def _canonical(value: Any) -> bytes:
    """Return tables, lists and numbers as text in which equal content is equal."""
    return repr(_plain(value)).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {word: _plain(value[word]) for word in sorted(value)}
    return (type(value).__name__, _plain(vars(value))) if hasattr(value, "__dict__") else value
