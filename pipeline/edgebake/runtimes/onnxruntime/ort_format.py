"""Convert an .onnx file to the ORT format, and list the operators that a reduced build needs.

ONNX Runtime writes the type names of its kernels at the front of the .ort file, in the order of a
hash table that differs between processes. Here they are written again, sorted; everything behind
them, from the model's table on, stays as it is. Sources:
https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html, and for the
tables onnxruntime/core/flatbuffers/schema/ort.fbs of https://github.com/microsoft/onnxruntime
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import flatbuffers

from edgebake.runtimes import session_process
from edgebake.runtimes.onnxruntime import FILE

if TYPE_CHECKING:
    from onnxruntime.tools.ort_format_model.ort_flatbuffers_py import fbs

ORT_FILE = "model.ort"
# Names that ONNX Runtime's tools give the lists; bundles prefix them with the model's name.
OPERATORS = "required_operators.config"
OPERATORS_AND_TYPES = "required_operators_and_types.config"
IDENTIFIER = b"ORTM"
ALIGNMENT = 16  # the largest of any table or vector in the format

Argument = tuple[int, int]  # 0 for an input or 1 for an output, and its index
TypeName = tuple[bytes, list[Argument]]  # name of a type, and the arguments that have it
OperatorTypes = tuple[bytes, list[TypeName]]  # identifier of an operator, and its types


def build_ort_files(model: bytes) -> dict[str, bytes]:
    """Return model.ort, model.required_operators.config and ..._and_types.config, by name.

    Raises:
        ConversionError: ONNX Runtime does not load the file.
    """
    files: dict[str, bytes] = session_process.run_on_file(
        FILE, "ONNX Runtime", _build_ort_files, model
    )
    return files


def _build_ort_files(model: bytes) -> dict[str, bytes]:
    """Return the files; runs in a child process."""
    from onnxruntime.tools.convert_onnx_models_to_ort import (
        OptimizationStyle,
        convert_onnx_models_to_ort,
    )
    from onnxruntime.tools.ort_format_model import create_config_from_models

    logging.getLogger("ort_format_model.utils").setLevel(logging.WARNING)
    messages = io.StringIO()
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(messages):
        folder = Path(name).resolve()
        onnx_file = folder / FILE
        onnx_file.write_bytes(model)
        # Fixed: integer kernels are chosen now. Chosen on the device, they took 5.8 times as long.
        styles = [OptimizationStyle.Fixed]
        convert_onnx_models_to_ort(folder, optimization_styles=styles)
        ort_file = folder / ORT_FILE
        create_config_from_models(
            [ort_file], folder / OPERATORS_AND_TYPES, enable_type_reduction=True
        )
        ort_model = ort_file.read_bytes()
        files = {ORT_FILE: normalize(ort_model)}
        for config in (OPERATORS, OPERATORS_AND_TYPES):
            text = (folder / config).read_text()
            without_folder = text.replace(f"{folder}/", "")
            files[f"model.{config}"] = without_folder.encode()
        return files


def normalize(file: bytes) -> bytes:
    """Return an .ort file with sorted kernel type names: equal models give equal bytes."""
    session = _parse(file)
    table = session.Model()._tab.Pos
    start = _table_start(file, table)
    tail = file[start:]
    builder = flatbuffers.Builder(len(file) + 1024)
    # FlatBuffers are built from the end to the front.
    end = builder.head
    builder.head -= len(tail)
    builder.Bytes[builder.head : end] = tail
    model = len(tail) - (table - start)
    types = _sorted_types(session.KernelTypeStrResolver())
    resolver = _write_resolver(builder, types)
    version = builder.CreateString(session.OrtVersion())
    builder.minalign = ALIGNMENT
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(0, version, 0)
    builder.PrependUOffsetTRelativeSlot(1, model, 0)
    builder.PrependUOffsetTRelativeSlot(3, resolver, 0)
    root = builder.EndObject()
    builder.Finish(root, IDENTIFIER)
    return bytes(builder.Output())


def _parse(file: bytes) -> fbs.InferenceSession.InferenceSession:
    from onnxruntime.tools import ort_format_model  # noqa: F401 - puts the next module on the path

    tables = importlib.import_module("ort_flatbuffers_py.fbs.InferenceSession")
    return tables.InferenceSession.GetRootAs(bytearray(file), 0)


def _table_start(file: bytes, table: int) -> int:
    """Return the start of a table with its description (vtable).

    The description stands right before the table, unless an equal one stands behind it.
    """
    first_field = file[table : table + 4]
    distance = int.from_bytes(first_field, "little", signed=True)
    return min(table, table - distance)


def _sorted_types(resolver: fbs.KernelTypeStrResolver.KernelTypeStrResolver) -> list[OperatorTypes]:
    operators = []
    count = resolver.OpKernelTypeStrArgsLength()
    for i in range(count):
        operator = resolver.OpKernelTypeStrArgs(i)
        identifier = operator.OpId()
        types = _type_names(operator)
        operators.append((identifier, types))
    return sorted(operators)


def _type_names(
    operator: fbs.OpIdKernelTypeStrArgsEntry.OpIdKernelTypeStrArgsEntry,
) -> list[TypeName]:
    names = []
    count = operator.KernelTypeStrArgsLength()
    for i in range(count):
        entry = operator.KernelTypeStrArgs(i)
        name = entry.KernelTypeStr()
        arguments = _arguments(entry)
        names.append((name, arguments))
    return sorted(names)


def _arguments(entry: fbs.KernelTypeStrArgsEntry.KernelTypeStrArgsEntry) -> list[Argument]:
    arguments = []
    count = entry.ArgsLength()
    for i in range(count):
        argument = entry.Args(i)
        kind = argument.ArgType()
        index = argument.Index()
        arguments.append((kind, index))
    return arguments


def _write_resolver(b: flatbuffers.Builder, operators: list[OperatorTypes]) -> int:
    entries = []
    for operator, type_names in operators:
        types = []
        for name, arguments in type_names:
            offsets = [_write_argument(b, kind, index) for kind, index in arguments]
            argument_vector = _write_vector(b, offsets)
            type_name = _write_pair(b, name, argument_vector)
            types.append(type_name)
        type_vector = _write_vector(b, types)
        entry = _write_pair(b, operator, type_vector)
        entries.append(entry)
    vector = _write_vector(b, entries)
    b.StartObject(1)
    b.PrependUOffsetTRelativeSlot(0, vector, 0)
    return int(b.EndObject())


def _write_pair(b: flatbuffers.Builder, key: bytes, value: int) -> int:
    text = b.CreateString(key)
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(0, text, 0)
    b.PrependUOffsetTRelativeSlot(1, value, 0)
    return int(b.EndObject())


def _write_argument(b: flatbuffers.Builder, kind: int, index: int) -> int:
    b.StartObject(2)
    b.PrependInt8Slot(0, kind, 0)
    b.PrependUint32Slot(1, index, 0)
    return int(b.EndObject())


def _write_vector(b: flatbuffers.Builder, offsets: list[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())
