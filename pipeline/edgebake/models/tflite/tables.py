"""A .tflite file as the objects of its schema, and back."""

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"


def parse(model: bytes) -> Any:
    """Return the ModelT of a file with all weights in its tables.

    From 256 KiB on LiteRT's quantizer writes them behind the tables, at an offset. Both are valid, but whoever writes
    such a file anew would lose them.

    Raises:
        ValueError: it is no .tflite.
    """
    if model[4:8] != IDENTIFIER:
        raise ValueError(f"no {IDENTIFIER.decode()} at byte 4, where every .tflite has it")
    content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(model), 0))
    for buffer in content.buffers:
        if buffer.offset > 1:  # 0 and 1 stand for: not used (schema.fbs, Buffer)
            buffer.data = np.frombuffer(model, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return content


def serialize(content: Any) -> bytes:
    """Return a ModelT as a file; equal content gives equal bytes."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(content.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
