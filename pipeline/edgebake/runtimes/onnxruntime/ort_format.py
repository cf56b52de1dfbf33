"""An .onnx file in, model.ort and the operators that a small build of ONNX Runtime needs for it out.

ONNX Runtime writes its kernels' type names out of a hash table whose order changes with every process, at the front of
the .ort file; there they are written again, sorted. All that stands behind them, from the model's table on, is kept.
Sources: https://onnxruntime.ai/docs/performance/model-optimizations/ort-format-models.html, and for the tables
https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/flatbuffers/schema/ort.fbs
"""

import contextlib
import importlib
import io
import logging
import tempfile
from pathlib import Path
from typing import Any

import flatbuffers

from edgebake.runtimes.onnxruntime import FILE

ORT_FILE = "model.ort"
# ONNX Runtime's tools give the lists these names; in a bundle they stand beside other models' and begin as their own.
OPERATORS, OPERATORS_AND_TYPES = "required_operators.config", "required_operators_and_types.config"
IDENTIFIER = b"ORTM"
ALIGNMENT = 16  # no table or vector of the format asks for more


def build_ort_files(model: bytes) -> dict[str, bytes]:
    """Return model.ort, model.required_operators.config and model.required_operators_and_types.config."""
    from onnxruntime.tools.convert_onnx_models_to_ort import (
        OptimizationStyle,
        convert_onnx_models_to_ort,
    )
    from onnxruntime.tools.ort_format_model import create_config_from_models

    logging.getLogger("ort_format_model.utils").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
        folder = Path(name).resolve()
        (folder / FILE).write_bytes(model)
        # Fixed: integer kernels are chosen now. Left to the device, they took 5.8 times as long.
        convert_onnx_models_to_ort(folder, optimization_styles=[OptimizationStyle.Fixed])
        source = folder / ORT_FILE
        create_config_from_models(
            [source], folder / OPERATORS_AND_TYPES, enable_type_reduction=True
        )
        found = {name: (folder / name).read_text() for name in (OPERATORS, OPERATORS_AND_TYPES)}
        configs = {
            f"model.{name}": text.replace(f"{folder}/", "").encode() for name, text in found.items()
        }
        return {ORT_FILE: normalize(source.read_bytes()), **configs}


def normalize(content: bytes) -> bytes:
    """Return an .ort file with the same model behind sorted kernel type names: equal models give equal bytes."""
    session = _session(content)
    version, table = session.OrtVersion(), session.Model()._tab
    kept = content[_start(content, table.Pos) :]
    builder = flatbuffers.Builder(len(content) + 1024)
    builder.head -= len(kept)
    builder.Bytes[builder.head : builder.head + len(kept)] = kept
    model = len(kept) - (table.Pos - _start(content, table.Pos))
    resolver = _resolver(builder, _sorted(session.KernelTypeStrResolver()))
    text = builder.CreateString(version)
    builder.minalign = ALIGNMENT
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    builder.PrependUOffsetTRelativeSlot(1, model, 0)
    builder.PrependUOffsetTRelativeSlot(3, resolver, 0)
    builder.Finish(builder.EndObject(), IDENTIFIER)
    return bytes(builder.Output())


def _session(content: bytes) -> Any:
    from onnxruntime.tools import ort_format_model  # noqa: F401 - puts the next module on the path

    tables = importlib.import_module("ort_flatbuffers_py.fbs.InferenceSession")
    return tables.InferenceSession.GetRootAs(bytearray(content), 0)


def _start(content: bytes, table: int) -> int:
    """Return where a table's fields are described: right before it, unless an equal description stands behind it."""
    description = table - int.from_bytes(content[table : table + 4], "little", signed=True)
    return min(table, description)


Arguments = list[tuple[int, int]]  # 0 for an input or 1 for an output, and which one


def _sorted(resolver: Any) -> list[tuple[bytes, list[tuple[bytes, Arguments]]]]:
    """Return operators, the type names of each, and the arguments that each name is of."""
    operators = [
        resolver.OpKernelTypeStrArgs(i) for i in range(resolver.OpKernelTypeStrArgsLength())
    ]
    return sorted((operator.OpId(), sorted(_names(operator))) for operator in operators)


def _names(operator: Any) -> list[tuple[bytes, Arguments]]:
    entries = [operator.KernelTypeStrArgs(i) for i in range(operator.KernelTypeStrArgsLength())]
    return [
        (
            entry.KernelTypeStr(),
            [(entry.Args(i).ArgType(), entry.Args(i).Index()) for i in range(entry.ArgsLength())],
        )
        for entry in entries
    ]


def _resolver(
    b: flatbuffers.Builder, operators: list[tuple[bytes, list[tuple[bytes, Arguments]]]]
) -> int:
    entries = []
    for operator, names in operators:
        held = [
            _pair(b, name, _vector(b, [_argument(b, *one) for one in arguments]))
            for name, arguments in names
        ]
        entries.append(_pair(b, operator, _vector(b, held)))
    content = _vector(b, entries)
    b.StartObject(1)
    b.PrependUOffsetTRelativeSlot(0, content, 0)
    return int(b.EndObject())


def _pair(b: flatbuffers.Builder, key: bytes, content: int) -> int:
    text = b.CreateString(key)
    b.StartObject(2)
    b.PrependUOffsetTRelativeSlot(0, text, 0)
    b.PrependUOffsetTRelativeSlot(1, content, 0)
    return int(b.EndObject())


def _argument(b: flatbuffers.Builder, kind: int, index: int) -> int:
    b.StartObject(2)
    b.PrependInt8Slot(0, kind, 0)
    b.PrependUint32Slot(1, index, 0)
    return int(b.EndObject())


def _vector(b: flatbuffers.Builder, offsets: list[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())
