"""Parse .tflite files into the objects of their FlatBuffers schema, and serialize them."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgebake.models.tflite import bounds_check

IDENTIFIER = b"TFL3"


def _names(enumeration: type) -> dict[int, str]:
    names = {}
    for name, number in vars(enumeration).items():
        if isinstance(number, int):
            names[number] = name
    return names


OPERATORS = _names(schema.BuiltinOperator)
DTYPES = {number: name.lower() for number, name in _names(schema.TensorType).items()}


def parse(model: bytes) -> schema.ModelT:
    """Return the ModelT of a file with all weights in its tables.

    From 256 KiB on, LiteRT's quantizer stores weights behind the tables, at an offset. Both forms
    are valid, but serializing the tables alone would lose such weights.

    Raises:
        ValueError: it is no .tflite, or its offsets are not valid.
    """
    if model[4:8] != IDENTIFIER:
        raise ValueError(f"no {IDENTIFIER.decode()} at byte 4, where every .tflite has it")
    parsed = parse_tables(model)
    weight_bytes = 0
    for buffer in parsed.buffers or []:
        if buffer.offset > 1:  # 0 and 1 stand for: not used (schema.fbs, Buffer)
            if buffer.offset + buffer.size > len(model):
                raise ValueError(f"weights at byte {buffer.offset:,} end outside the file")
            buffer.data = np.frombuffer(model, np.uint8, count=buffer.size, offset=buffer.offset)
            weight_bytes += buffer.size
            buffer.offset = 0
            buffer.size = 0
    if weight_bytes > len(model):
        raise ValueError("its weights overlap; expected each in bytes of its own")
    return parsed


def parse_tables(model: bytes) -> schema.ModelT:
    """Return the ModelT of a file without the weights that are stored behind the tables.

    Raises:
        ValueError: its offsets are not valid.
    """
    bounds_check.check(model)
    root = schema.Model.GetRootAs(bytearray(model), 0)
    return schema.ModelT.InitFromObj(root)


def serialize(model: schema.ModelT) -> bytes:
    """Return the file of a ModelT; equal models give equal bytes."""
    builder = flatbuffers.Builder(1 << 16)
    root = model.Pack(builder)
    builder.Finish(root, IDENTIFIER)
    return bytes(builder.Output())


def builtin_name(code: schema.OperatorCodeT) -> str:
    """Return the name of an operator code's builtin operator, CUSTOM for a custom one."""
    # Older files store codes below 127 in a byte; the larger field is the valid one (schema.fbs,
    # OperatorCode).
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return OPERATORS[number]


def operator_code(model: schema.ModelT, name: str) -> int:
    """Return the index of a builtin operator among a file's operator codes; add it if needed."""
    for index, code in enumerate(model.operatorCodes):
        if builtin_name(code) == name:
            return index
    number = getattr(schema.BuiltinOperator, name)
    added = schema.OperatorCodeT()
    added.builtinCode = number
    added.deprecatedBuiltinCode = min(number, 127)
    added.version = 1
    model.operatorCodes.append(added)
    return len(model.operatorCodes) - 1


def builtin_names() -> frozenset[str]:
    """Return the names of all builtin operators."""
    return frozenset(OPERATORS.values())


def operator_kind(code: schema.OperatorCodeT) -> str:
    """Return the name of an operator code: of the builtin operator, or of the custom one."""
    name = builtin_name(code)
    custom_name: bytes | None = code.customCode
    if name == "CUSTOM" and custom_name:
        return custom_name.decode(errors="replace")
    return name


def is_constant(model: schema.ModelT, tensor: schema.TensorT) -> bool:
    """Return whether the file holds the values of a tensor."""
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0
